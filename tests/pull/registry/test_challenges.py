"""The choice between several challenges, realms with a query, lifetimes, kept secrets."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from pull.errors import AccessDeniedError, PullError, TransportError
from pull.registry.credentials import Credentials
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image
from tests.pull.registry.pulling import fetch

IMAGE = make_image([b"one" * 1000])
USER = Credentials(username="ann", password="pa:ss-word")
USER_HEADER = "Basic YW5uOnBhOnNzLXdvcmQ="
IDENTITY = Credentials(identity_token="refresh-me")
BEARER = 'Bearer realm="REALM",service="s"'

# the headers of a 401 and what is sent then; the first challenge that can be answered is the one
ANSWERED: dict[str, tuple[list[str], str]] = {
    "Negotiate first": (["Negotiate", 'Basic realm="x"'], USER_HEADER),
    "Negotiate with a token68": (["Negotiate YIIJvw/+==", 'Basic realm="x"'], USER_HEADER),
    "NTLM with a token68": (['NTLM TlRM/AA=, Basic realm="x"'], USER_HEADER),
    "Digest first": (['Digest realm="a", qop="auth,auth-int", nonce="b"', BEARER], "Bearer good"),
    "Bearer without a realm first": (['Bearer error="x"', 'Basic realm="x"'], USER_HEADER),
    "Bearer without a realm last": (['Basic realm="x"', 'Bearer error="x"'], USER_HEADER),
    "two of Bearer, the first with a realm": ([BEARER, 'Bearer error="x"'], "Bearer good"),
    "two of Bearer, the last with a realm": (['Bearer error="x"', BEARER], "Bearer good"),
    "all in one header": ([f'Negotiate, NTLM, {BEARER}, Basic realm="x"'], "Bearer good"),
    "Basic before Bearer": (['Basic realm="x"', BEARER], USER_HEADER),
    "Bearer before Basic": ([BEARER, 'Basic realm="x"'], "Bearer good"),
    "a realm that gives nothing first": (
        ['Bearer realm="REALM-gone",service="s"', 'Basic realm="x"'],
        USER_HEADER,
    ),
}


def serve(registry: FakeRegistry, headers: list[str]) -> str:
    registry.pages["/token"] = b'{"token": "good", "expires_in": 300}'
    realm = f"http://{registry.address}/token"
    first, *more = [header.replace("REALM", realm) for header in headers]
    registry.challenge, registry.more_challenges = first, more
    return registry.add("some/image", "v1", IMAGE)


@pytest.mark.parametrize("name", ANSWERED)
def test_several_challenges(name: str, tmp_path: Path) -> None:
    headers, expected = ANSWERED[name]
    with FakeRegistry() as registry:
        reference = serve(registry, headers)
        registry.accepted = {expected}
        assert fetch(reference, tmp_path, credentials=USER) == list(IMAGE.layers)
        assert {item.authorization for item in registry.matching("/v2/")} == {"", expected}


def test_challenge_that_needs_a_login_is_passed_over_without_one(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = serve(registry, ['Basic realm="x"', BEARER])
        registry.accepted = {"Bearer good"}
        assert fetch(reference, tmp_path) == list(IMAGE.layers)


def test_second_challenge_after_the_first_answer_is_refused(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = serve(registry, ['Basic realm="x"', BEARER])
        registry.accepted = {"Bearer good"}
        assert fetch(reference, tmp_path, credentials=USER) == list(IMAGE.layers)


def test_no_challenge_that_could_be_answered(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = serve(registry, ["Negotiate YII=", "NTLM", 'Bearer error="x"'])
        with pytest.raises(AccessDeniedError, match="401"):
            fetch(reference, tmp_path, credentials=USER)


# a realm, and the query that the token is asked for with, before what we add
REALMS = {
    "/token": "",
    "/token?": "",
    "/token?a=b%2f": "a=b%2f&",
    "/token?a=b&": "a=b&",
    "/token#fragment": "",
    "/token?#f": "",
    "/token?a=b#f?x": "a=b&",
    "/token?service=mine": "service=mine&",
}


@pytest.mark.parametrize("realm", REALMS)
@pytest.mark.parametrize("login", [None, IDENTITY], ids=["GET", "POST"])
def test_realm_with_a_query_or_a_fragment(
    realm: str, login: Credentials | None, tmp_path: Path
) -> None:
    with FakeRegistry() as registry:
        reference = serve(registry, [f'Bearer realm="http://{registry.address}{realm}"'])
        registry.accepted = {"Bearer good"}
        assert fetch(reference, tmp_path, credentials=login) == list(IMAGE.layers)
        (asked,) = registry.matching("/token")
        query = urlsplit(asked.path).query
        added = "scope=repository%3Asome%2Fimage%3Apull"
        if login is None:
            assert query == REALMS[realm] + added
        else:
            assert query == realm.partition("?")[2].partition("#")[0]
            assert dict(parse_qsl(asked.form))["scope"] == "repository:some/image:pull"


LIFETIMES = [
    b"null",
    b'"300"',
    b'"soon"',
    b"-1",
    b"-1e400",
    b"3.5e2",
    b"1e400",
    b"NaN",
    b"9" * 1000,
    b"true",
    b"{}",
]


@pytest.mark.parametrize("lifetime", LIFETIMES, ids=lambda value: value[:10].decode())
def test_lifetimes_of_a_token(lifetime: bytes, tmp_path: Path) -> None:
    # distribution's token.md: expires_in may be left out, and so what says nothing is left out
    with FakeRegistry() as registry:
        reference = serve(registry, [BEARER])
        registry.accepted = {"Bearer good"}
        said = b'{"token": null, "access_token": "good", "issued_at": "bad", "expires_in": %b}'
        registry.pages["/token"] = said % lifetime
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert registry.count("/token") >= 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_login_is_not_posted_to_another_origin(status: int, tmp_path: Path) -> None:
    with FakeRegistry() as registry, FakeRegistry() as other:
        reference = serve(registry, [BEARER])
        registry.accepted = {"Bearer good"}
        other.pages["/token"] = b'{"token": "good"}'
        location = {"Location": f"http://{other.address}/token"}
        registry.quirks.append(Quirk("POST /token", status=status, headers=location))
        if status in (307, 308):
            with pytest.raises(TransportError, match="redirected a login") as caught:
                fetch(reference, tmp_path, credentials=IDENTITY)
            assert "refresh-me" not in str(caught.value)
        else:
            # these may be followed by a GET, which takes nothing along, as Go does
            assert fetch(reference, tmp_path, credentials=IDENTITY) == list(IMAGE.layers)
        seen = [f"{item.path} {item.form} {item.headers}" for item in other.requests]
        assert "refresh" not in "".join(seen)
        expected = [] if status in (307, 308) else ["GET"]
        assert [item.method for item in other.requests] == expected


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_login_is_posted_again_on_the_same_origin(status: int, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = serve(registry, [BEARER])
        registry.accepted = {"Bearer good"}
        registry.pages["/token/"] = registry.pages.pop("/token")
        location = {"Location": "/token/"}
        registry.quirks.append(Quirk("POST /token$", status=status, headers=location))
        assert fetch(reference, tmp_path, credentials=IDENTITY) == list(IMAGE.layers)
        first, second = registry.matching("POST /token")
        assert first.form == second.form != ""


@pytest.mark.parametrize("status", [307, 308])
def test_login_goes_nowhere_by_a_detour(status: int, tmp_path: Path) -> None:
    # first on the same origin, then away from it
    with FakeRegistry() as registry, FakeRegistry() as other:
        reference = serve(registry, [BEARER])
        away = {"Location": f"http://{other.address}/token"}
        registry.quirks += [
            Quirk("POST /token$", status=status, headers={"Location": "/step"}),
            Quirk("POST /step$", status=status, headers=away),
        ]
        with pytest.raises(TransportError, match="another server"):
            fetch(reference, tmp_path, credentials=IDENTITY)
        assert other.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_password_does_not_follow_the_realm_to_another_origin(status: int, tmp_path: Path) -> None:
    with FakeRegistry() as registry, FakeRegistry() as other:
        reference = serve(registry, [BEARER])
        registry.accepted = {"Bearer good"}
        other.pages["/token"] = b'{"token": "good"}'
        location = {"Location": f"http://{other.address}/token"}
        registry.quirks.append(Quirk("GET /token", status=status, headers=location))
        assert fetch(reference, tmp_path, credentials=USER) == list(IMAGE.layers)
        assert [item.authorization for item in other.requests] == [""]


def test_token_that_is_no_header_is_not_told(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = serve(registry, [BEARER])
        registry.pages["/token"] = '{"token": "s3cret\u20ac"}'.encode()
        with pytest.raises(PullError, match="usable token") as caught:
            fetch(reference, tmp_path)
        assert "s3cret" not in repr(caught.value) + repr(caught.value.__cause__)
