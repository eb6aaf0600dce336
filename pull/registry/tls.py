"""Which servers to trust over TLS, and which certificates to show them.

We trust the system's authorities, those of `--cacert`, and for each registry those that Docker
and Podman keep for it in `certs.d/HOST[:PORT]/`: `*.crt` are authorities, `NAME.cert` with
`NAME.key` is a client certificate.
Source: https://docs.docker.com/engine/security/certificates/, containers-certs.d(5).
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from pull.errors import CredentialsError

__all__ = ["CERTS_DIRECTORIES", "context_for", "is_final", "reason_of", "speaks_tls"]

CERTS_DIRECTORIES = (
    Path("~/.config/containers/certs.d"),
    Path("/etc/containers/certs.d"),
    Path("/etc/docker/certs.d"),
)
_PROBE_TIMEOUT_SECONDS = 5.0
# OpenSSL's errors for an answer that isn't TLS, in its versions 1.1.1, 3.0 and 3.4
_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
)
_OTHER_NAME = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def context_for(
    location: str,
    *,
    insecure: bool = False,
    cacert: Path | None = None,
    directories: Sequence[Path] = CERTS_DIRECTORIES,
) -> ssl.SSLContext:
    """Make the TLS context for the server at `host[:port]`.

    Raises:
        CredentialsError: A certificate file is missing or can't be read.
    """
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cacert is not None:
        _trust(context, cacert)
    directory = _directory_for(location, directories)
    if directory is not None:
        _load_directory(context, directory)
    return context


def speaks_tls(host: str, port: int) -> bool:
    """Tell whether a server begins a TLS handshake, whatever its certificate.

    Raises:
        OSError: There is no server.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), _PROBE_TIMEOUT_SECONDS) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=host):
                return True
        except ssl.SSLError as error:
            # a server that wants a client certificate ends the handshake with an alert
            return "ALERT" in (error.reason or "")
        except (ConnectionError, TimeoutError):
            return False


def is_final(error: BaseException) -> bool:
    """Tell whether an error would be the same at the next attempt; false for errors outside TLS.

    A certificate stays the same, and a server that doesn't speak TLS still won't.
    """
    return isinstance(error, ssl.SSLCertVerificationError) or (
        isinstance(error, ssl.SSLError) and error.reason in _NO_TLS
    )


def reason_of(error: ssl.SSLError) -> str:
    """Say what failed, and what to do if we know it."""
    if error.reason in _NO_TLS:
        return "the server does not speak TLS there; use --plain-http if http is acceptable"
    if not isinstance(error, ssl.SSLCertVerificationError):
        return str(error.args[-1])
    reason = error.verify_message
    if error.verify_code in _OTHER_NAME:
        return f"the certificate is another host's: {reason}"
    # an expired or revoked certificate stays so, whichever authority is trusted
    advice = (
        "; trust its authority with --cacert FILE" if "issuer" in reason or "self" in reason else ""
    )
    return f"the certificate can't be verified: {reason}{advice}"


def _directory_for(location: str, directories: Sequence[Path]) -> Path | None:
    if location in (".", ".."):  # such a host's directory would be outside
        return None
    for directory in directories:
        # without a home there are no certificates in it; skip what this user may not read
        with contextlib.suppress(RuntimeError, PermissionError):
            candidate = directory.expanduser() / location
            if candidate.is_dir():
                return candidate
    return None


def _load_directory(context: ssl.SSLContext, directory: Path) -> None:
    try:
        paths = sorted(directory.iterdir())
    except PermissionError:
        return
    for path in paths:
        if not os.access(path, os.R_OK):
            continue  # root's: podman and docker's daemon read it, an ordinary user does without
        if path.suffix == ".crt":
            _trust(context, path)
        elif path.suffix == ".cert":
            key = path.with_suffix(".key")
            if not key.exists():
                raise CredentialsError(str(path), f"its key is missing: {key}")
            if not os.access(key, os.R_OK):
                continue
            try:
                context.load_cert_chain(path, key)
            except (OSError, ssl.SSLError) as error:
                raise CredentialsError(str(path), f"no client certificate: {error}") from error


def _trust(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or str(error)
        raise CredentialsError(str(path), f"can't be read as certificates: {reason}") from error
