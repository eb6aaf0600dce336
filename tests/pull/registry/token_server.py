"""A token server as docker-registry trusts one: real JWTs, signed by openssl, for one user.

Source: distribution's docs/content/spec/auth/jwt.md; the certificate in `x5c` identifies the key.
"""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.pull.registry.certificates import Pair

__all__ = ["ISSUER", "SERVICE", "TokenServer", "running_token_server"]

ISSUER = "token server of the tests"
SERVICE = "registry of the tests"


@dataclass(slots=True, kw_only=True)
class TokenServer:
    """Gives tokens to `username`; without a name only for repositories below `public/`."""

    pair: Pair
    username: str
    password: str
    refresh_token: str
    lifetime_seconds: int = 60
    realm: str = ""
    given: list[str] = field(default_factory=list)  # the method of each request that got a token

    def sign(self, scope: str) -> str:
        """Make a JWT that grants a scope such as `repository:name:pull`."""
        now = int(time.time())
        kind, name, actions = scope.split(":")
        header = {"typ": "JWT", "alg": "RS256", "x5c": [_der(self.pair)]}
        claims = {
            "iss": ISSUER,
            "aud": SERVICE,
            "sub": self.username,
            "iat": now,
            "nbf": now - 10,
            "exp": now + self.lifetime_seconds,
            "jti": str(time.monotonic_ns()),
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        signed = f"{_url64(json.dumps(header).encode())}.{_url64(json.dumps(claims).encode())}"
        command = ["openssl", "dgst", "-sha256", "-sign", str(self.pair.key)]
        signature = subprocess.run(command, input=signed.encode(), capture_output=True, check=True)
        return f"{signed}.{_url64(signature.stdout)}"


@contextmanager
def running_token_server(server: TokenServer) -> Iterator[TokenServer]:
    """Serve tokens on a free loopback port; sets `realm`."""

    class Handler(_Handler):
        tokens = server

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        server.realm = f"http://127.0.0.1:{listener.server_address[1]}/token"
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        listener.shutdown()


class _Handler(BaseHTTPRequestHandler):
    tokens: TokenServer

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        login = f"{self.tokens.username}:{self.tokens.password}"
        expected = f"Basic {base64.b64encode(login.encode()).decode()}"
        scope = query["scope"][0]
        known = self.headers.get("authorization") == expected
        anonymous = self.headers.get("authorization") is None
        public = scope.startswith("repository:public/") and scope.endswith(":pull")
        self._answer(scope, granted=known or (anonymous and public))

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        granted = form["refresh_token"] == [self.tokens.refresh_token]
        self._answer(form["scope"][0], granted=granted)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        pass

    def _answer(self, scope: str, *, granted: bool) -> None:
        body = b"{}"
        if granted:
            self.tokens.given.append(self.command)
            token = {"token": self.tokens.sign(scope), "expires_in": self.tokens.lifetime_seconds}
            body = json.dumps(token).encode()
        self.send_response(200 if granted else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _der(pair: Pair) -> str:
    lines = pair.certificate.read_text().splitlines()
    return "".join(line for line in lines if "CERTIFICATE" not in line)
