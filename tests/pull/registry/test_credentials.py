"""Where logins are found: containers/image's order and Docker's forms, as data."""

from __future__ import annotations

import base64
import json
import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pull.errors import CredentialsError
from pull.registry.credentials import Credentials, auth_files, find_credentials

HUB_KEY = "https://index.docker.io/v1/"


def auth(login: str) -> dict[str, str]:
    return {"auth": base64.b64encode(login.encode()).decode()}


def user(login: str) -> Credentials:
    username, _, password = login.partition(":")
    return Credentials(username=username, password=password)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One file's content, what is looked up in it, and what is found."""

    config: object
    registry: str = "r.example"
    repository: str = "team/app"
    found: Credentials | None = None
    helpers: dict[str, str] = field(default_factory=dict)  # name: what it prints, or "!" and fails


def helper_says(username: str, secret: str) -> str:
    return json.dumps({"ServerURL": "x", "Username": username, "Secret": secret})


LOOKUPS = {
    "empty file": Lookup(config=""),
    "no auths": Lookup(config={}),
    "another registry": Lookup(config={"auths": {"other.example": auth("a:b")}}),
    "by host": Lookup(config={"auths": {"r.example": auth("a:b")}}, found=user("a:b")),
    "by host and port": Lookup(
        config={"auths": {"r.example:5000": auth("a:b"), "r.example": auth("no:no")}},
        registry="r.example:5000",
        found=user("a:b"),
    ),
    "another port": Lookup(config={"auths": {"r.example:5000": auth("a:b")}}),
    "password with colons": Lookup(
        config={"auths": {"r.example": auth("a:b:c:d")}}, found=user("a:b:c:d")
    ),
    "password with padding": Lookup(
        config={"auths": {"r.example": auth("a:b\0\0")}}, found=user("a:b")
    ),
    "username and password apart": Lookup(
        config={"auths": {"r.example": {"username": "a", "password": "b"}}}, found=user("a:b")
    ),
    "longest prefix first": Lookup(
        config={
            "auths": {
                "r.example": auth("host:x"),
                "r.example/team": auth("team:x"),
                "r.example/team/app": auth("app:x"),
                "r.example/team/app/more": auth("more:x"),
            }
        },
        found=user("app:x"),
    ),
    "prefix by whole components": Lookup(
        config={"auths": {"r.example/te": auth("no:no"), "r.example/team": auth("team:x")}},
        found=user("team:x"),
    ),
    "prefix of another": Lookup(
        config={"auths": {"r.example/other": auth("no:no"), "r.example": auth("host:x")}},
        found=user("host:x"),
    ),
    "key as a URL": Lookup(config={"auths": {"https://r.example": auth("a:b")}}, found=user("a:b")),
    "key as a URL with a path": Lookup(
        config={"auths": {"https://r.example/v2/": auth("a:b")}}, found=user("a:b")
    ),
    "key as a plain URL": Lookup(
        config={"auths": {"http://r.example/v1/": auth("a:b")}}, found=user("a:b")
    ),
    "modern key before older ones": Lookup(
        config={"auths": {"https://r.example": auth("no:no"), "r.example": auth("a:b")}},
        found=user("a:b"),
    ),
    "hub as docker login leaves it": Lookup(
        config={"auths": {HUB_KEY: auth("a:b")}},
        registry="docker.io",
        repository="library/debian",
        found=user("a:b"),
    ),
    "hub as podman login leaves it": Lookup(
        config={"auths": {"docker.io": auth("a:b"), HUB_KEY: auth("no:no")}},
        registry="docker.io",
        repository="library/debian",
        found=user("a:b"),
    ),
    "hub's key for others": Lookup(config={"auths": {HUB_KEY: auth("a:b")}}),
    "empty entry": Lookup(config={"auths": {"r.example": {}}}),
    "empty entry below a good one": Lookup(
        config={"auths": {"r.example/team": {}, "r.example": auth("a:b")}}, found=user("a:b")
    ),
    "identity token": Lookup(
        config={"auths": {"r.example": {"identitytoken": "t"}}},
        found=Credentials(identity_token="t"),
    ),
    "identity token beside a user": Lookup(
        config={"auths": {"r.example": auth("a:") | {"identitytoken": "t"}}},
        found=Credentials(username="a", identity_token="t"),
    ),
    "registry token": Lookup(
        config={"auths": {"r.example": {"registrytoken": "t"}}},
        found=Credentials(registry_token="t"),
    ),
    "helper for the registry": Lookup(
        config={"credHelpers": {"r.example": "one"}, "auths": {"r.example": auth("no:no")}},
        helpers={"one": helper_says("a", "b")},
        found=user("a:b"),
    ),
    "helper for another registry": Lookup(
        config={"credHelpers": {"other.example": "one"}, "auths": {"r.example": auth("a:b")}},
        found=user("a:b"),
    ),
    "helper for the hub": Lookup(
        config={"credHelpers": {HUB_KEY: "one"}},
        registry="docker.io",
        helpers={"one": helper_says("a", "b")},
        found=user("a:b"),
    ),
    "helper before store": Lookup(
        config={"credHelpers": {"r.example": "one"}, "credsStore": "two"},
        helpers={"one": helper_says("a", "b"), "two": helper_says("no", "no")},
        found=user("a:b"),
    ),
    "helper that knows nothing": Lookup(
        config={"credHelpers": {"r.example": "one"}, "auths": {"r.example": auth("no:no")}},
        helpers={"one": "!credentials not found in native keychain"},
    ),
    "store": Lookup(
        config={"credsStore": "two", "auths": {"r.example": {}}},
        helpers={"two": helper_says("a", "b")},
        found=user("a:b"),
    ),
    "store that knows nothing": Lookup(
        config={"credsStore": "two", "auths": {"r.example": auth("a:b")}},
        helpers={"two": "!credentials not found in native keychain"},
        found=user("a:b"),
    ),
    "store with an identity token": Lookup(
        config={"credsStore": "two"},
        helpers={"two": helper_says("<token>", "t")},
        found=Credentials(identity_token="t"),
    ),
}

# name: (content, helpers, what the message says)
WRONG: dict[str, tuple[object, dict[str, str], str]] = {
    "not JSON": ("{", {}, "not JSON"),
    "an array": ([], {}, "not a JSON object"),
    "auths of another type": ({"auths": []}, {}, "'auths' should be an object"),
    "not base64": ({"auths": {"r.example": {"auth": "s3cret!"}}}, {}, "not base64"),
    "no colon": ({"auths": {"r.example": auth("s3cret")}}, {}, "not base64 of user:password"),
    "helper is missing": ({"credHelpers": {"r.example": "none"}}, {}, "not on PATH"),
    "store is missing": ({"credsStore": "none"}, {}, "docker-credential-none"),
    "no ASCII": ({"auths": {"r.example": {"auth": "s3crét"}}}, {}, "not base64"),
    "helper by a path": ({"credsStore": "../evil"}, {}, "a helper's name"),
    "helper by a NUL": ({"credsStore": "a\0b"}, {}, "a helper's name"),
    "helper fails": ({"credsStore": "one"}, {"one": "!locked"}, "failed with status 1: locked"),
    "helper prints nonsense": ({"credsStore": "one"}, {"one": "s3cret"}, "not what helpers print"),
}


def install_helpers(directory: Path, helpers: dict[str, str]) -> None:
    directory.mkdir(exist_ok=True)
    for name, output in helpers.items():
        program = directory / f"docker-credential-{name}"
        status = 1 if output.startswith("!") else 0
        program.write_text(
            f"#!/bin/sh\ncat >'{directory}/asked-{name}'\n"
            f"printf '%s' '{output.removeprefix('!')}'\nexit {status}\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)


def environment(tmp_path: Path, config: object) -> dict[str, str]:
    content = config if isinstance(config, str) else json.dumps(config)
    (tmp_path / "config.json").write_text(content)
    return {
        "PATH": f"{tmp_path}/bin:/bin:/usr/bin",
        "DOCKER_CONFIG": str(tmp_path),
        "HOME": str(tmp_path / "nothing"),
        "XDG_RUNTIME_DIR": str(tmp_path / "nothing"),
    }


@pytest.mark.parametrize("name", LOOKUPS)
def test_lookup(name: str, tmp_path: Path) -> None:
    row = LOOKUPS[name]
    install_helpers(tmp_path / "bin", row.helpers)
    environ = environment(tmp_path, row.config)
    assert find_credentials(row.registry, row.repository, environment=environ) == row.found


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name: str, tmp_path: Path) -> None:
    config, helpers, says = WRONG[name]
    install_helpers(tmp_path / "bin", helpers)
    environ = environment(tmp_path, config)
    with pytest.raises(CredentialsError) as caught:
        find_credentials("r.example", "team/app", environment=environ)
    assert says in str(caught.value)
    assert "config.json" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("registry", "asked"),
    [("r.example", "r.example"), ("r.example:5000", "r.example:5000"), ("docker.io", HUB_KEY)],
)
def test_what_a_helper_is_asked(registry: str, asked: str, tmp_path: Path) -> None:
    install_helpers(tmp_path / "bin", {"one": helper_says("a", "b")})
    environ = environment(tmp_path, {"credsStore": "one"})
    find_credentials(registry, "team/app", environment=environ)
    assert (tmp_path / "bin/asked-one").read_text() == asked


FILES = {
    "named": ({"REGISTRY_AUTH_FILE": "{}/named.json"}, "named.json"),
    "runtime": ({"XDG_RUNTIME_DIR": "{}/run"}, "run/containers/auth.json"),
    "config": ({"XDG_CONFIG_HOME": "{}/config"}, "config/containers/auth.json"),
    "config at home": ({"HOME": "{}/home"}, "home/.config/containers/auth.json"),
    "docker": ({"DOCKER_CONFIG": "{}/docker"}, "docker/config.json"),
    "docker at home": ({"HOME": "{}/home"}, "home/.docker/config.json"),
}


@pytest.mark.parametrize("name", FILES)
def test_files(name: str, tmp_path: Path) -> None:
    variables, relative = FILES[name]
    environ = {variable: value.format(tmp_path) for variable, value in variables.items()}
    path = tmp_path / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {"r.example": auth("a:b")}}))
    assert find_credentials("r.example", "x", environment=environ, uid=12345) == user("a:b")


def test_order_of_files(tmp_path: Path) -> None:
    environ = {
        "REGISTRY_AUTH_FILE": "/1",
        "XDG_RUNTIME_DIR": "/2",
        "XDG_CONFIG_HOME": "/3",
        "DOCKER_CONFIG": "/4",
        "HOME": "/5",
    }
    assert list(map(str, auth_files(environ, 7))) == [
        "/1",
        "/2/containers/auth.json",
        "/3/containers/auth.json",
        "/4/config.json",
    ]
    assert list(map(str, auth_files({"HOME": str(tmp_path)}, 7))) == [
        "/run/containers/7/auth.json",
        f"{tmp_path}/.config/containers/auth.json",
        f"{tmp_path}/.docker/config.json",
    ]


def test_first_file_that_knows_decides(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "config.json"
    environ = {"REGISTRY_AUTH_FILE": str(first), "DOCKER_CONFIG": str(tmp_path)}
    second.write_text(json.dumps({"auths": {"r.example": auth("second:x")}}))
    first.write_text(json.dumps({"auths": {"other.example": auth("no:no")}}))
    assert find_credentials("r.example", "x", environment=environ, uid=1) == user("second:x")
    first.write_text(json.dumps({"auths": {"r.example": auth("first:x")}}))
    assert find_credentials("r.example", "x", environment=environ, uid=1) == user("first:x")


def test_repr_has_no_secret() -> None:
    secret = Credentials(username="a", password="p", identity_token="i", registry_token="r")
    assert repr(secret) == "Credentials(username='a')"


LOGIN = "AWS:" + "eyJwYXlsb2FkIjoi" * 30
WRAPPED = base64.encodebytes(LOGIN.encode()).decode()


@pytest.mark.parametrize(
    "packed",
    [WRAPPED, WRAPPED.replace("\n", "\r\n"), auth(LOGIN)["auth"] + "\n", f" \t{WRAPPED}"],
    ids=["base64 wraps", "with CRLF", "newline at the end", "spaces"],
)
def test_auth_with_white_space(packed: str, tmp_path: Path) -> None:
    """Go's base64 passes over CR and LF; base64(1) wraps at 76 columns unless it is told not to."""
    environ = environment(tmp_path, {"auths": {"r.example": {"auth": packed}}})
    assert find_credentials("r.example", "x", environment=environ) == user(LOGIN)


def test_auth_of_other_bytes_is_sent_as_it_is(tmp_path: Path) -> None:
    packed = base64.b64encode(b"ann:p\xe4ss").decode()
    environ = environment(tmp_path, {"auths": {"r.example": {"auth": packed}}})
    found = find_credentials("r.example", "x", environment=environ)
    assert found is not None
    assert found.basic == f"Basic {packed}"


@pytest.mark.parametrize(
    "config",
    [
        {"credHelpers": {"r.example": "none"}},
        {"credsStore": "none"},
        {"credHelpers": {"r.example": "fails"}},
        {"credsStore": "fails"},
        {"credsStore": "silent"},
        {"credHelpers": {"r.example": "fails"}, "credsStore": "none"},
        {"credHelpers": None, "credsStore": None},
    ],
)
def test_auths_where_the_helper_is_of_no_use(config: dict[str, object], tmp_path: Path) -> None:
    install_helpers(tmp_path / "bin", {"fails": "!locked", "silent": ""})
    environ = environment(tmp_path, {**config, "auths": {"r.example": auth("a:b")}})
    assert find_credentials("r.example", "x", environment=environ) == user("a:b")


def test_helper_that_fails_and_a_login_in_another_file(tmp_path: Path) -> None:
    environ = environment(tmp_path, {"auths": {"r.example": auth("a:b")}})
    first = tmp_path / "first.json"
    first.write_text(json.dumps({"credsStore": "none"}))
    environ["REGISTRY_AUTH_FILE"] = str(first)
    assert find_credentials("r.example", "x", environment=environ) == user("a:b")
    with pytest.raises(CredentialsError, match=r"first\.json.*use --anonymous"):
        find_credentials("other.example", "x", environment=environ)


@pytest.mark.parametrize(
    "text", ["", "\ufeff", "\ufeff{}", '{"auths": null}', '{"auths": {"r.example": null}}']
)
def test_file_without_a_login(text: str, tmp_path: Path) -> None:
    assert find_credentials("r.example", "x", environment=environment(tmp_path, text)) is None


def test_byte_order_mark(tmp_path: Path) -> None:
    text = "\ufeff" + json.dumps({"auths": {"r.example": auth("a:b")}})
    environ = environment(tmp_path, text)
    assert find_credentials("r.example", "x", environment=environ) == user("a:b")


def test_registry_token_that_no_header_can_hold(tmp_path: Path) -> None:
    for token in ("tökén", "日本", "a\nb"):
        environ = environment(tmp_path, {"auths": {"r.example": {"registrytoken": token}}})
        with pytest.raises(CredentialsError, match="registrytoken") as caught:
            find_credentials("r.example", "x", environment=environ)
        assert token not in str(caught.value)


def test_directory_in_the_place_of_a_file(tmp_path: Path) -> None:
    environ = environment(tmp_path, {"auths": {"r.example": auth("a:b")}})
    (tmp_path / "config/containers/auth.json").mkdir(parents=True)
    environ["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    assert find_credentials("r.example", "x", environment=environ) == user("a:b")
    environ["REGISTRY_AUTH_FILE"] = str(tmp_path)  # named by the user, who is told
    with pytest.raises(CredentialsError, match="Is a directory"):
        find_credentials("r.example", "x", environment=environ)


def test_home_of_passwd_where_the_variable_is_missing_or_empty() -> None:
    for environ in ({}, {"HOME": ""}):
        assert list(map(str, auth_files(environ, 0)))[-1] == "/root/.docker/config.json"
        assert list(map(str, auth_files(environ, 54321)))[-1] == "/nonexistent/.docker/config.json"
