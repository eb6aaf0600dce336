"""Find existing logins: in the files of Docker and Podman, and with the helpers they name.

Files, in the order of containers/image; the first that knows the registry decides:

    $REGISTRY_AUTH_FILE
    $XDG_RUNTIME_DIR/containers/auth.json     (/run/containers/UID/auth.json without the variable)
    $XDG_CONFIG_HOME/containers/auth.json     (~/.config)
    $DOCKER_CONFIG/config.json                (~/.docker)

In each file: the registry's own `credHelpers` program, else the `credsStore` program; then `auths`,
even if the program is missing or fails, by the longest prefix of `registry/repository` that has an
entry, and last by keys in Docker's older forms, such as `https://index.docker.io/v1/`. A file that
this user may not read is skipped.

Sources: containers-auth.json(5), https://docs.docker.com/reference/cli/docker/login/ and
https://github.com/docker/docker-credential-helpers.
"""

from __future__ import annotations

import base64
import codecs
import os
import pwd
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pull.errors import CredentialsError, ManifestError
from pull.spec.jsonfields import Fields, parse_object
from pull.spec.reference import DOCKER_HUB

__all__ = ["Credentials", "FindCredentials", "auth_files", "find_credentials"]

_HUB_SERVER = "https://index.docker.io/v1/"
_HUB_ALIASES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_TOKEN_USERNAME = "<token>"  # noqa: S105  # what helpers say for an identity token
_HELPER_TIMEOUT_SECONDS = 60
_HELPER_NAME = re.compile(r"[A-Za-z0-9._-]+")
_NOT_FOUND = "credentials not found"
_ANONYMOUS = "use --anonymous for a public image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How a user proves who they are; secrets stay out of its repr."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)  # for an OAuth 2 refresh
    registry_token: str = field(default="", repr=False)  # a bearer token as it is

    @property
    def basic(self) -> str:
        """Return an Authorization header of the scheme Basic."""
        username = self.username or _TOKEN_USERNAME
        secret = self.password or self.identity_token
        login = f"{username}:{secret}".encode(errors="surrogateescape")  # bytes as they were given
        return "Basic " + base64.b64encode(login).decode()


FindCredentials = Callable[[str, str], Credentials | None]
"""Called with (registry, repository) when a registry asks who we are."""


def find_credentials(
    registry: str, repository: str, *, environment: Mapping[str, str], uid: int | None = None
) -> Credentials | None:
    """Look up the credentials for a repository; None is an anonymous user.

    Raises:
        CredentialsError: A file that exists is malformed; or a helper that one names fails, and
            no file has a login either.
    """
    named = environment.get("REGISTRY_AUTH_FILE")
    failure: CredentialsError | None = None
    for path in auth_files(environment, os.getuid() if uid is None else uid):
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (PermissionError, IsADirectoryError) as error:
            # another user's, such as /run/containers/0 under sudo -u: no login of ours is in there
            if named is not None and path == Path(named):
                raise CredentialsError(str(path), f"can't be read: {error.strerror}") from error
            continue
        except OSError as error:
            raise CredentialsError(str(path), f"can't be read: {error.strerror}") from error
        found, failed = _find_in_file(data, path, registry, repository, environment)
        if found is not None:
            return found
        failure = failure or failed
    if failure is not None:
        raise failure
    return None


def auth_files(environment: Mapping[str, str], uid: int) -> Iterator[Path]:
    """Yield the files that may hold credentials, the first choice first."""
    home = _home(environment, uid)
    if named := environment.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "containers/auth.json")
    else:
        yield Path(f"/run/containers/{uid}/auth.json")
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config", "containers/auth.json")
    yield Path(environment.get("DOCKER_CONFIG") or home / ".docker", "config.json")


def _home(environment: Mapping[str, str], uid: int) -> Path:
    if named := environment.get("HOME"):
        return Path(named)
    try:
        return Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:  # the user given to a container may be only a number
        return Path("/nonexistent")


def _find_in_file(
    data: bytes, path: Path, registry: str, repository: str, environment: Mapping[str, str]
) -> tuple[Credentials | None, CredentialsError | None]:
    """Return a file's credentials for a repository, and its helper's error if that failed."""
    data = data.removeprefix(codecs.BOM_UTF8)
    failure: CredentialsError | None = None
    if not data.strip():
        return None, None
    try:
        fields = parse_object(data, str(path))
        helpers = fields.inner("credHelpers")
        # the registry's own helper is asked before the general one
        own = next(filter(None, (helpers.text(name, "") for name in _server_names(registry))), "")
        if helper := own or fields.text("credsStore", ""):
            try:
                found = _ask_helper(helper, registry, path, environment)
            except CredentialsError as error:
                failure = error
            else:
                if own or found is not None:
                    return found, None
        return _find_in_auths(fields.inner("auths"), registry, repository), failure
    except ManifestError as error:
        raise CredentialsError(str(path), error.reason) from error


def _find_in_auths(auths: Fields, registry: str, repository: str) -> Credentials | None:
    key = f"{registry}/{repository}"
    while True:
        if key in auths:
            found = _entry(auths.inner(key))
            if found is not None:
                return found
        key, slash, _ = key.rpartition("/")
        if not slash:
            break
    for legacy in auths.names():
        if _host_of_key(legacy) in _server_names(registry):
            found = _entry(auths.inner(legacy))
            if found is not None:
                return found
    return None


def _entry(fields: Fields) -> Credentials | None:
    username = fields.text("username", "")
    password = fields.text("password", "")
    if packed := fields.text("auth", ""):
        try:
            # base64(1) wraps lines, and Go's decoder skips line ends
            text = base64.b64decode("".join(packed.split()), validate=True).decode(
                errors="surrogateescape"
            )
        except ValueError:
            # never show what it was
            raise CredentialsError(fields.where, "'auth' is not base64 of user:password") from None
        username, colon, password = text.partition(":")
        if not colon:
            raise CredentialsError(fields.where, "'auth' is not base64 of user:password")
        password = password.strip("\0")
    token = fields.text("registrytoken", "")
    if not (token.isascii() and token.isprintable()):
        raise CredentialsError(fields.where, "'registrytoken' can't be sent in a header")
    found = Credentials(
        username=username,
        password=password,
        identity_token=fields.text("identitytoken", ""),
        registry_token=token,
    )
    # docker login leaves an empty entry if a credential store has the secret
    return found if found != Credentials() else None


def _server_names(registry: str) -> tuple[str, ...]:
    if registry in _HUB_ALIASES:
        return (registry, *sorted(_HUB_ALIASES - {registry}), _HUB_SERVER)
    return (registry,)


def _host_of_key(key: str) -> str:
    # Docker's older keys are URLs: https://registry.example/v2/
    rest = key.removeprefix("https://").removeprefix("http://")
    return rest.partition("/")[0]


def _ask_helper(
    helper: str, registry: str, path: Path, environment: Mapping[str, str]
) -> Credentials | None:
    program = f"docker-credential-{helper}"
    server = _HUB_SERVER if registry == DOCKER_HUB else registry
    where = f"{path}: {program}"
    if not _HELPER_NAME.fullmatch(helper):
        raise CredentialsError(where, "a helper's name has letters, digits, '.', '_' and '-'")
    import subprocess  # noqa: PLC0415  # slow, and rarely needed

    try:
        done = subprocess.run(  # noqa: S603  # the user's own configuration names the program
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            check=False,
            env=dict(environment),
            timeout=_HELPER_TIMEOUT_SECONDS,
        )
    except FileNotFoundError as error:
        raise CredentialsError(where, f"is not on PATH; install it, or {_ANONYMOUS}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CredentialsError(where, f"can't be run: {error}; {_ANONYMOUS}") from error
    if done.returncode != 0:
        # helpers complain on standard output
        said = (done.stdout or done.stderr).decode(errors="replace").strip()
        if _NOT_FOUND in said.lower():
            return None
        said = " ".join(said[:200].split())
        raise CredentialsError(where, f"failed with status {done.returncode}: {said}; {_ANONYMOUS}")
    return _parse_helper_output(done.stdout, where)


def _parse_helper_output(output: bytes, where: str) -> Credentials | None:
    try:
        fields = parse_object(output, where)
        username, secret = fields.text("Username", ""), fields.text("Secret", "")
    except ManifestError:
        # the output may hold the secret: show none of it
        raise CredentialsError(where, "its output is not what helpers print") from None
    if username == _TOKEN_USERNAME:
        return Credentials(identity_token=secret)
    return Credentials(username=username, password=secret) if username or secret else None
