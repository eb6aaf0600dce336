"""Any input is understood, or refused with one of our errors; nothing else happens."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pull.errors import PullError
from pull.registry.auth import check_realm
from pull.registry.challenges import parse_challenges
from pull.registry.credentials import find_credentials
from pull.spec.manifest import parse_config, parse_document
from pull.spec.platforms import Platform, rank
from pull.spec.reference import LocalReference, Reference, parse_reference
from pull.spec.urls import redact
from tests.pull.registry.images import make_image, make_index

MANIFEST = json.loads(make_image([b"x"]).manifest)
INDEX = json.loads(make_index([MANIFEST["config"] | {"platform": {"os": "a"}}]))
CONFIG = json.loads(make_image([b"x"]).config)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(sorted(MANIFEST | INDEX | CONFIG)), inner, max_size=3)
    ),
    max_leaves=8,
)
components = st.from_regex(r"[a-z0-9]{1,5}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}", fullmatch=True)
domains = st.from_regex(r"[a-z0-9]{1,5}(\.[a-z0-9]{1,5}){1,2}(:[0-9]{1,4})?", fullmatch=True)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}", fullmatch=True)
texts = st.text(alphabet="abAB01:/@.-_[]%☃ \n\0", max_size=30) | st.text(max_size=30)


def places(document: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """List the path of everything in a JSON document."""
    found = [path] if path else []
    if isinstance(document, dict):
        for key, value in document.items():
            found += places(value, (*path, key))
    elif isinstance(document, list):
        for position, value in enumerate(document):
            found += places(value, (*path, position))
    return found


def replaced(document: object, path: tuple[str | int, ...], value: object) -> object:
    if not path:
        return value
    if isinstance(document, dict):
        head = str(path[0])
        return document | {head: replaced(document[head], path[1:], value)}
    assert isinstance(document, list)
    position = int(path[0])
    inner = replaced(document[position], path[1:], value)
    return [*document[:position], inner, *document[position + 1 :]]


@settings(deadline=None)
@given(domains, st.lists(components, min_size=1, max_size=4), tags)
def test_reference_says_what_it_is_made_of(domain: str, parts: list[str], tag: str) -> None:
    found = parse_reference(f"{domain}/{'/'.join(parts)}:{tag}")
    assert found == Reference(registry=domain, repository="/".join(parts), tag=tag)


@settings(deadline=None)
@given(texts)
def test_any_text_as_a_reference(text: str) -> None:
    with contextlib.suppress(PullError):
        found = parse_reference(text)
        assert parse_reference(str(found)) == found
        if isinstance(found, LocalReference):
            assert text == "-" or text.startswith(("oci:", "oci-archive:", "docker-archive:"))


@settings(deadline=None)
@given(texts)
def test_any_text_as_a_platform(text: str) -> None:
    with contextlib.suppress(PullError):
        found = Platform.parse(text)
        assert Platform.parse(str(found)) == found
        assert rank(found, found) == 0


@settings(deadline=None)
@given(st.text(alphabet='aB =,"\\:/', max_size=40))
def test_any_text_as_a_challenge(text: str) -> None:
    for challenge in parse_challenges(text):
        assert challenge.scheme == challenge.scheme.lower()


@settings(deadline=None)
@given(texts | texts.map("https://{}".format))
def test_any_text_as_a_realm(text: str) -> None:
    with contextlib.suppress(PullError):
        check_realm(text, "https://r.example", resolve=lambda _: [])


@settings(deadline=None)
@given(st.text(alphabet="ab?#@:/", max_size=20).map("https://a{}".format))
@example("https://a@//@")
def test_redacted_has_no_query(text: str) -> None:
    shown = redact(text)
    assert "@" not in shown.split("/")[2]
    assert shown.partition("?")[2] in ("", "...")


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_as_documents(data: bytes) -> None:
    for parse in (parse_document, parse_config):
        with contextlib.suppress(PullError):
            parse(data, "here")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_documents_with_anything_in_one_place(data: st.DataObject) -> None:
    document = data.draw(st.sampled_from([MANIFEST, INDEX, CONFIG]))
    path = data.draw(st.sampled_from(places(document)))
    changed = json.dumps(replaced(document, path, data.draw(values))).encode()
    for parse in (parse_document, parse_config):
        with contextlib.suppress(PullError):
            parse(changed, "here")


LOGINS = {"auths": {"r.example": {"auth": "YTpi", "identitytoken": "t"}}, "credHelpers": {}}


@settings(deadline=None)
@given(st.sampled_from(places(LOGINS)), values)
def test_anything_in_a_file_of_logins(path: tuple[str | int, ...], value: object) -> None:
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "config.json"
        target.write_text(json.dumps(replaced(LOGINS, path, value)))
        environ = {"DOCKER_CONFIG": directory, "PATH": directory}
        with contextlib.suppress(PullError):
            find_credentials("r.example", "app", environment=environ, uid=1)
