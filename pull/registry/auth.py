"""The token dance: what to answer when a registry says 401.

We answer a Basic challenge with the user's name and password. A Bearer challenge names a realm,
which gives a token for one repository: by GET with the user's name and password, or nothing for an
anonymous user; by POST with an identity token, or by GET if the realm has no POST. A token is used
until shortly before it expires, and renewed when the registry refuses it, even in mid-pull.

Sources: distribution's docs/content/spec/auth (token.md, oauth.md).
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlencode

from pull.errors import (
    AccessDeniedError,
    ManifestError,
    PullError,
    RegistryError,
    TransportError,
)
from pull.registry.challenges import Challenge, parse_challenges
from pull.registry.credentials import Credentials
from pull.registry.transport import Transport
from pull.spec.jsonfields import Fields, parse_object
from pull.spec.urls import check_url, is_loopback, origin, redact

__all__ = ["Authenticator", "check_realm"]

_TOKEN_MAX_BYTES = 1 << 20
_TOKEN_MAX_CHARS = 64 << 10  # what fits in a header; real ones have a few thousand
_DEFAULT_LIFETIME_SECONDS = 60.0
_LIFETIME_MAX_SECONDS = 86400.0
_EARLY_SECONDS = 10
_CLIENT_ID = "pyext4"
# statuses of realms that don't take a POST: distribution's oauth.md and known registries
_NO_POST_STATUSES = frozenset({400, 401, 404, 405, 501})


class Authenticator:
    """Signs the requests for one repository at one registry; shared by threads."""

    def __init__(
        self,
        transport: Transport,
        *,
        base_url: str,
        repository: str,
        find: Callable[[], Credentials | None],
    ) -> None:
        self._transport = transport
        self._base_url = base_url
        self._scope = f"repository:{repository}:pull"
        self._find = find
        self._asked = False
        self._known: Credentials | None = None
        self._lock = threading.Lock()
        self._header: str | None = None
        self._expires = float("inf")
        self._challenge = ""
        self._refusals = 0  # how many ways of answering that challenge have failed

    def header(self) -> str | None:
        """Return the header to send; an expiring token is renewed first."""
        with self._lock:
            if self._header is not None and time.monotonic() >= self._expires:
                self._header = self._answer(self._challenge, self._refusals)
            return self._header

    @property
    def is_known(self) -> bool:
        """See `pull.registry.transport.Authorizer`."""
        return self._known is not None

    def renew(self, challenge: str, used: str | None, refusals: int) -> bool:
        """Answer a challenge; see `pull.registry.transport.Authorizer`."""
        with self._lock:
            if not refusals and self._header is not None and used != self._header:
                return True  # another thread was here first
            self._header = self._answer(challenge, refusals)
            self._challenge, self._refusals = challenge, refusals
            return self._header is not None

    def _answer(self, header: str, refusals: int) -> str | None:
        """Answer the first challenge that we can, skipping those that were refused before.

        They are tried in the server's order; if a realm gives no token, the next one is.
        """
        failure: PullError | None = None
        for challenge in self._usable(header)[refusals:]:
            try:
                return self._respond(challenge)
            except (RegistryError, TransportError) as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return None

    def _usable(self, header: str) -> list[Challenge]:
        known = self._credentials()
        has_login = known is not None and bool(known.username or known.identity_token)
        has_token = known is not None and bool(known.registry_token)
        return [
            challenge
            for challenge in parse_challenges(header)
            if (challenge.scheme == "bearer" and (has_token or challenge.parameters.get("realm")))
            or (challenge.scheme == "basic" and has_login)
        ]

    def _respond(self, challenge: Challenge) -> str:
        known = self._credentials()
        if challenge.scheme == "bearer" and not (known and known.registry_token):
            return self._token(challenge.parameters, known)
        assert known is not None  # or the challenge would not be usable
        self._expires = float("inf")
        return known.basic if challenge.scheme == "basic" else f"Bearer {known.registry_token}"

    def _credentials(self) -> Credentials | None:
        # looked up only now: a helper may open a dialog, and most pulls are anonymous
        if not self._asked:
            self._known = self._find()
            self._asked = True
        return self._known

    def _token(self, parameters: dict[str, str], credentials: Credentials | None) -> str:
        realm = parameters["realm"].partition("#")[0]  # a fragment is never sent
        check_realm(realm, self._base_url)
        query = {"scope": parameters.get("scope") or self._scope}
        if service := parameters.get("service", ""):
            query["service"] = service
        answer = self._post(realm, query, credentials) or self._get(realm, query, credentials)
        token = answer.text("token", "") or answer.text("access_token", "")
        fits_in_a_header = token.isascii() and token.isprintable()
        if not token or len(token) > _TOKEN_MAX_CHARS or not fits_in_a_header:
            raise TransportError(redact(realm), "the realm answered without a usable token")
        lifetime = _lifetime_seconds(answer.values.get("expires_in"))
        self._expires = time.monotonic() + max(lifetime - _EARLY_SECONDS, lifetime / 2)
        return f"Bearer {token}"

    def _post(
        self, realm: str, query: dict[str, str], credentials: Credentials | None
    ) -> Fields | None:
        if credentials is None or not credentials.identity_token:
            return None
        form = query | {
            "grant_type": "refresh_token",
            "refresh_token": credentials.identity_token,
            "client_id": _CLIENT_ID,
        }
        try:
            return self._ask("POST", realm, form=form)
        except RegistryError as error:
            if error.status in _NO_POST_STATUSES:
                return None
            raise

    def _get(self, realm: str, query: dict[str, str], credentials: Credentials | None) -> Fields:
        joint = "" if realm.endswith(("?", "&")) else "&" if "?" in realm else "?"
        signed = _Fixed(credentials.basic) if credentials else None
        try:
            return self._ask("GET", f"{realm}{joint}{urlencode(query)}", signed=signed)
        except AccessDeniedError as error:
            if credentials is None:
                raise
            # advice to log in doesn't help a user who is logged in
            raise AccessDeniedError(
                error.url,
                status=error.status,
                detail=error.detail,
                advice="it does not accept the stored name and password;"
                " log in again, or use --anonymous for a public image",
            ) from error

    def _ask(
        self,
        method: str,
        url: str,
        *,
        form: dict[str, str] | None = None,
        signed: _Fixed | None = None,
    ) -> Fields:
        with self._transport.request(method, url, form=form, authorizer=signed) as body:
            data = body.read_all(_TOKEN_MAX_BYTES)
        try:
            return parse_object(data, redact(url))
        except ManifestError as error:
            raise TransportError(redact(url), f"the realm's answer {error.reason}") from error


class _Fixed:
    """An authorizer with a single fixed header."""

    def __init__(self, header: str) -> None:
        self._value = header

    def header(self) -> str:
        return self._value

    @property
    def is_known(self) -> bool:
        return True

    def renew(self, challenge: str, used: str | None, refusals: int) -> bool:
        del challenge, used, refusals
        return False


def _lifetime_seconds(stated: object) -> float:
    """Return how long a token is valid; a value that makes no sense counts as missing.

    Source: distribution's docs/content/spec/auth/token.md, `expires_in`.
    """
    try:
        # `expires_in` is a number of seconds; some realms send it as text
        seconds = float(stated) if isinstance(stated, int | float | str) else -1.0
    except (ValueError, OverflowError):
        seconds = -1.0
    return min(seconds, _LIFETIME_MAX_SECONDS) if seconds >= 0 else _DEFAULT_LIFETIME_SECONDS


def check_realm(
    realm: str, base_url: str, *, resolve: Callable[[str], list[str]] | None = None
) -> None:
    """Refuse to send credentials to a realm that a registry should not name.

    Args:
        realm: The URL that the registry's challenge names.
        base_url: The registry's own.
        resolve: Returns a host's addresses, if any; None asks the system.

    Raises:
        TransportError: The realm is on plain http but the registry is not, or the realm is another
            host at a private address and the registry is not at one.
    """
    refused = "the registry's token realm is refused"
    home_scheme, home, _ = origin(base_url)
    try:
        check_url(realm)
    except ValueError as error:
        raise TransportError(base_url, f"{refused}: it is not an http URL: {error}") from error
    scheme, host, _ = origin(realm)
    if host == home and scheme in ("https", home_scheme):
        return
    resolve = resolve or _addresses
    if scheme == "http" and not (home_scheme == "http" and _is_local(host, resolve)):
        raise TransportError(redact(realm), f"{refused}: it is on plain http")
    if _is_local(host, resolve) and not _is_local(home, resolve):
        raise TransportError(redact(realm), f"{refused}: it is at a private address")


def _is_local(host: str, resolve: Callable[[str], list[str]]) -> bool:
    """Tell whether any of a host's addresses is private, link-local or loopback."""
    if is_loopback(host):
        return True
    # an address may carry a scope, as in fe80::1%eth0
    addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in resolve(host)]
    return any(not address.is_global for address in addresses)


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []  # known only to a proxy, or not at all
    return [str(entry[4][0]) for entry in found]
