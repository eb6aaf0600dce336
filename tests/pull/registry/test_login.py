"""Token authentication with a registry that counts: what is requested, and what goes where."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pull.errors import AccessDeniedError, PullError, SizeMismatchError, TransportError
from pull.registry.credentials import Credentials
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image
from tests.pull.registry.pulling import contents, fetch

IMAGE = make_image([b"one" * 1000, b"two" * 100_000], compress="plain")
LAST = "GET .*/blobs/" + next(d for d, blob in IMAGE.blobs.items() if blob == IMAGE.layers[1])
USER = Credentials(username="ann", password="pa:ss-word")
USER_HEADER = "Basic YW5uOnBhOnNzLXdvcmQ="
TOKEN = "GET /token"


def guard(registry: FakeRegistry, *, service: str = "the-registry") -> str:
    """Demand bearer tokens that the same server hands out; return the image's reference."""
    realm = f"http://{registry.address}/token"
    registry.challenge = f'Bearer realm="{realm}",service="{service}"'
    registry.accepted = {"Bearer good"}
    registry.pages["/token"] = b'{"token": "good", "expires_in": 300}'
    return registry.add("some/image", "v1", IMAGE)


def query_of(path: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(path).query)


def test_anonymous_token(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        assert fetch(guard(registry), tmp_path) == list(IMAGE.layers)
        (asked,) = registry.matching(TOKEN)
        assert asked.authorization == ""
        assert query_of(asked.path) == {
            "scope": ["repository:some/image:pull"],
            "service": ["the-registry"],
        }


def test_scope_of_the_challenge_is_used(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = guard(registry)
        registry.challenge += ',scope="repository:some/image:pull,other"'
        fetch(reference, tmp_path)
        assert query_of(registry.matching(TOKEN)[0].path)["scope"] == [
            "repository:some/image:pull,other"
        ]


def test_token_for_a_user(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        fetch(guard(registry), tmp_path, credentials=USER)
        assert [item.authorization for item in registry.matching(TOKEN)] == [USER_HEADER]
        assert {item.authorization for item in registry.matching("/v2/")} == {"", "Bearer good"}


def test_user_that_the_realm_does_not_know(tmp_path: Path) -> None:
    with FakeRegistry(Quirk("/token", status=401, body=b"{}")) as registry:
        reference = guard(registry)
        with pytest.raises(AccessDeniedError, match="does not accept the stored name and password"):
            fetch(reference, tmp_path, credentials=USER)


def test_access_token_is_another_name(tmp_path: Path) -> None:
    with FakeRegistry(Quirk("/token", body=b'{"access_token": "good"}')) as registry:
        assert fetch(guard(registry), tmp_path) == list(IMAGE.layers)


def test_basic(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        registry.challenge, registry.accepted = 'Basic realm="x"', {USER_HEADER}
        assert fetch(reference, tmp_path, credentials=USER) == list(IMAGE.layers)
        # nothing is sent before it is asked for, and then at once
        assert [item.status for item in registry.requests].count(401) == 1


def test_basic_without_a_login(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        registry.challenge, registry.accepted = 'Basic realm="x"', {USER_HEADER}
        with pytest.raises(AccessDeniedError, match="--password-stdin"):
            fetch(reference, tmp_path)
        assert registry.count("/v2/") == 1


def test_basic_with_a_wrong_password(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        registry.challenge, registry.accepted = 'Basic realm="x"', {"Basic other"}
        with pytest.raises(AccessDeniedError):
            fetch(reference, tmp_path, credentials=USER)
        assert registry.count("/v2/") == 2


IDENTITY = Credentials(identity_token="refresh-me")


def test_identity_token_is_posted(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        fetch(guard(registry), tmp_path, credentials=IDENTITY)
        (asked,) = registry.matching("/token")
        assert asked.method == "POST"
        assert asked.authorization == ""
        assert parse_qs(asked.form) == {
            "grant_type": ["refresh_token"],
            "refresh_token": ["refresh-me"],
            "client_id": ["pyext4"],
            "service": ["the-registry"],
            "scope": ["repository:some/image:pull"],
        }


@pytest.mark.parametrize("status", [400, 401, 404, 405])
def test_identity_token_where_the_realm_knows_no_post(status: int, tmp_path: Path) -> None:
    with FakeRegistry(Quirk("POST /token", status=status)) as registry:
        assert fetch(guard(registry), tmp_path, credentials=IDENTITY) == list(IMAGE.layers)
        assert [item.method for item in registry.matching("/token")] == ["POST", "GET"]


def test_registry_token_is_used_as_it_is(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        fetch(guard(registry), tmp_path, credentials=Credentials(registry_token="good"))
        assert registry.count("/token") == 0


def test_token_is_renewed_in_mid_pull(tmp_path: Path) -> None:
    # the last layer breaks off and the token is no longer good when it goes on
    with FakeRegistry(Quirk(LAST, times=1, close_after=100_000)) as registry:
        reference = guard(registry)
        refused = {"WWW-Authenticate": registry.challenge}
        registry.quirks.append(Quirk(LAST, times=1, status=401, headers=refused, body=b""))
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert registry.count("/token") == 2
        assert registry.sent_of_blobs() == sum(map(len, IMAGE.blobs.values()))


def test_expired_token_is_renewed_before_it_is_refused(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = guard(registry)
        registry.pages["/token"] = b'{"token": "good", "expires_in": 0}'
        fetch(reference, tmp_path, jobs=1)
        assert [item.status for item in registry.matching("/v2/")].count(401) == 1
        assert registry.count("/token") >= 4  # for the manifest, the config and two layers


def test_endless_tokens(tmp_path: Path) -> None:
    # each one is refused: one renewal is tried, and that is all
    with FakeRegistry() as registry:
        reference = guard(registry)
        registry.accepted = set()
        with pytest.raises(AccessDeniedError):
            fetch(reference, tmp_path)
        assert registry.count("/token") == 1
        assert registry.count("/v2/") == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"token": "' + b"x" * (1 << 20) + b'"}', SizeMismatchError),
        (b'{"token": "' + b"x" * 100_000 + b'"}', TransportError),
        (b'{"token": "a\\r\\nX-Evil: b"}', TransportError),
        (b'{"token": 5}', PullError),
        (b"{}", TransportError),
        (b"<html>", TransportError),
        (b'{"token": "g\xc3\xb6\xc3\xb6d"}', TransportError),
        (b'{"token": null, "access_token": null}', TransportError),
    ],
)
def test_token_that_is_none(body: bytes, error: type[PullError], tmp_path: Path) -> None:
    with FakeRegistry(Quirk("/token", body=body)) as registry:
        reference = guard(registry)
        with pytest.raises(error):
            fetch(reference, tmp_path)


def test_credentials_stay_behind_at_a_redirect(tmp_path: Path) -> None:
    with FakeRegistry() as registry, FakeRegistry() as storage:
        reference = guard(registry)
        for digest, blob in IMAGE.blobs.items():
            storage.pages[f"/store/{digest}"] = blob
        registry.quirks += [
            Quirk(
                f"GET .*/blobs/{digest}",
                status=307,
                headers={"Location": f"http://{storage.address}/store/{digest}?sig=s3cret"},
                body=b"",
            )
            for digest in IMAGE.blobs
        ]
        assert fetch(reference, tmp_path, credentials=USER) == list(IMAGE.layers)
        assert len(storage.requests) == len(IMAGE.blobs)
        assert {item.authorization for item in storage.requests} == {""}


def test_credentials_stay_at_a_redirect_on_the_same_host(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = guard(registry)
        path = f"/v2/elsewhere/blobs/{'x' * 10}"
        registry.pages[path] = IMAGE.layers[1]
        registry.quirks.append(Quirk(LAST, status=302, headers={"Location": path}, body=b""))
        assert fetch(reference, tmp_path, credentials=USER) == list(IMAGE.layers)
        assert [item.authorization for item in registry.matching(path)] == ["Bearer good"]


def test_no_secret_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FakeRegistry() as registry, FakeRegistry() as storage:
        reference = guard(registry)
        registry.quirks.append(
            Quirk(
                LAST,
                status=307,
                headers={"Location": f"http://{storage.address}/gone?X-Amz-Signature=s1gned"},
                body=b"",
            )
        )
        token = Credentials(username="ann", password="pa:ss-word", identity_token="refresh-me")
        with pytest.raises(PullError) as caught:
            fetch(reference, tmp_path, credentials=token)
    said = f"{caught.value} {caught.value!r} {token!r} {json.dumps(sorted(contents(tmp_path)))}"
    said += caplog.text
    assert "/gone?..." in caplog.text
    kept = b"".join(contents(tmp_path).values())
    for secret in ("ss-word", "refresh-me", "s1gned", "Bearer", USER_HEADER.split()[1]):
        assert secret not in said
        assert secret.encode() not in kept


def test_realm_elsewhere_is_refused(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = guard(registry)
        registry.challenge = 'Bearer realm="http://auth.example.com/token"'
        with pytest.raises(TransportError, match="plain http") as caught:
            fetch(reference, tmp_path, credentials=replace(USER, identity_token="x"))
        assert "auth.example.com" in str(caught.value)
