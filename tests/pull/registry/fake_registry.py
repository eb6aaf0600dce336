"""A registry in this process that misbehaves as told, and counts everything.

    with FakeRegistry(Quirk("GET .*/blobs/", cut_after=1000)) as registry:
        registry.add("some/image", "latest", image)
        ...

A quirk says which requests it spoils, by a regular expression over `METHOD /path`, how often
(`times`; the default is always), and how. The first quirk that matches applies.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from tests.pull.registry.images import Image, digest_of

__all__ = ["FakeRegistry", "Quirk", "Request"]


_PIECE_BYTES = 1 << 16
_HANG_SECONDS = 1.0


@dataclass(slots=True)
class Quirk:
    """One way to misbehave."""

    where: str
    times: int | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # over those of a good answer
    drop: tuple[str, ...] = ()  # headers left out
    body: bytes | None = None
    cut_after: int | None = None  # the connection is reset after so many bytes of the body
    close_after: int | None = None  # the connection is closed after so many, as if it were over
    stall_seconds: float = 0.0  # before the answer
    gate: threading.Event | None = None  # the answer waits for it
    ignore_range: bool = False
    endless: bool = False  # the body repeats for ever
    ends: bool = False  # no length is announced: the end of the connection ends the body
    flip: int | None = None  # the byte at this offset of the blob is another
    more_headers: tuple[tuple[str, str], ...] = ()  # beside the others, of the same name too
    before: bytes = b""  # written before the answer's status line
    chunk_bytes: int | None = None  # the body goes in chunks of so many bytes
    hang_after: int | None = None  # nothing comes after so many bytes of the body, for a while


@dataclass(slots=True, kw_only=True)
class Request:
    """What was asked, and how much of a body was sent."""

    method: str
    path: str
    headers: dict[str, str]
    form: str
    status: int = 0
    sent: int = 0

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


class FakeRegistry:
    """Serves on a free loopback port while the context is open."""

    def __init__(
        self, *quirks: Quirk, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.quirks = list(quirks)
        self.requests: list[Request] = []
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[bytes, str]] = {}
        self.pages: dict[str, bytes] = {}  # other paths, such as those that redirects lead to
        self.challenge = ""  # for requests below /v2/ whose Authorization is none of `accepted`
        self.more_challenges: list[str] = []  # in headers of their own
        self.accepted: set[str] = set()
        self.lock = threading.Lock()
        registry = self

        class Handler(_Handler):
            server_registry = registry

        self.connections = 0
        self._server = _Server((host, 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def add(self, repository: str, tag: str, image: Image) -> str:
        """Serve an image; returns its reference."""
        for digest, data in image.blobs.items():
            self.blobs[digest] = data
        self.add_manifest(repository, tag, image.manifest, image.media_type)
        return f"{self.address}/{repository}:{tag}"

    def add_manifest(self, repository: str, tag: str, data: bytes, media_type: str) -> None:
        for name in (tag, digest_of(data), digest_of(data, "sha512")):
            self.manifests[f"/v2/{repository}/manifests/{name}"] = (data, media_type)

    def count(self, pattern: str) -> int:
        """Count the requests whose `METHOD /path` the pattern is in."""
        return len(self.matching(pattern))

    def matching(self, pattern: str) -> list[Request]:
        return [item for item in self.requests if re.search(pattern, f"{item.method} {item.path}")]

    def sent_of_blobs(self) -> int:
        """Count the bytes of blobs that were sent."""
        return sum(request.sent for request in self.matching("GET .*/blobs/"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that go away: many tests make them."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_registry: FakeRegistry
    timeout = 30
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        with self.server_registry.lock:
            self.server_registry.connections += 1

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("content-length", 0))).decode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        pass

    def _answer(self, form: str = "") -> None:
        registry = self.server_registry
        request = Request(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            form=form,
        )
        with registry.lock:
            registry.requests.append(request)
        quirk = self._quirk()
        if quirk.stall_seconds:
            time.sleep(quirk.stall_seconds)
        if quirk.gate is not None:
            quirk.gate.wait(20)
        status, headers, body = self._good_answer(quirk)
        status = quirk.status if quirk.status is not None else status
        body = quirk.body if quirk.body is not None else body
        headers["Content-Length"] = str(len(body))
        headers |= quirk.headers
        if quirk.endless or quirk.ends:
            headers.pop("Content-Length")
            headers["Connection"] = "close"
            self.close_connection = True
        if quirk.chunk_bytes is not None:
            headers.pop("Content-Length")
            headers["Transfer-Encoding"] = "chunked"
            body = _in_chunks(body, quirk.chunk_bytes)
        for name in quirk.drop:
            headers.pop(name, None)
        request.status = status
        try:
            self.wfile.write(quirk.before)
            self.send_response_only(status)
            more = [("WWW-Authenticate", text) for text in registry.more_challenges]
            more = [*quirk.more_headers, *(more if status == 401 else ())]
            for name, value in (*headers.items(), *more):
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self._send(body, quirk, request)
        except (ConnectionError, TimeoutError, ssl.SSLError):
            self.close_connection = True

    def _quirk(self) -> Quirk:
        line = f"{self.command} {self.path}"
        with self.server_registry.lock:
            for quirk in self.server_registry.quirks:
                if re.search(quirk.where, line) and quirk.times != 0:
                    if quirk.times is not None:
                        quirk.times -= 1
                    return quirk
        return Quirk("")

    def _good_answer(self, quirk: Quirk) -> tuple[int, dict[str, str], bytes]:
        registry = self.server_registry
        authorization = self.headers.get("authorization", "")
        guarded = registry.challenge and self.path.startswith("/v2/")
        if guarded and authorization not in registry.accepted:
            body = b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'
            return 401, {"WWW-Authenticate": registry.challenge}, body
        if self.path in registry.manifests:
            data, media_type = registry.manifests[self.path]
            return 200, {"Content-Type": media_type, "Docker-Content-Digest": digest_of(data)}, data
        digest = self.path.rpartition("/")[2]
        if "/blobs/" in self.path and digest in registry.blobs:
            return self._blob(registry.blobs[digest], quirk)
        if self.path.partition("?")[0] in registry.pages:
            return self._blob(registry.pages[self.path.partition("?")[0]], quirk)
        code = "BLOB_UNKNOWN" if "/blobs/" in self.path else "MANIFEST_UNKNOWN"
        return 404, {}, b'{"errors":[{"code":"%s","message":"unknown"}]}' % code.encode()

    def _blob(self, data: bytes, quirk: Quirk) -> tuple[int, dict[str, str], bytes]:
        if quirk.flip is not None:
            data = data[: quirk.flip] + bytes([data[quirk.flip] ^ 1]) + data[quirk.flip + 1 :]
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        if wanted is None or quirk.ignore_range:
            return 200, {}, data
        begin = int(wanted[1])
        if begin >= len(data):
            return 416, {"Content-Range": f"bytes */{len(data)}"}, b""
        place = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        return 206, {"Content-Range": place}, data[begin:]

    def _send(self, body: bytes, quirk: Quirk, request: Request) -> None:
        limit = quirk.cut_after if quirk.cut_after is not None else quirk.close_after
        limit = limit if limit is not None else quirk.hang_after
        begin = 0
        while begin < len(body) or quirk.endless:
            piece = body[:_PIECE_BYTES] if quirk.endless else body[begin : begin + _PIECE_BYTES]
            if limit is not None and begin + len(piece) > limit:
                request.sent += max(0, limit - begin)
                self.wfile.write(body[begin:limit])
                self.close_connection = True
                if quirk.cut_after is not None:
                    self._reset()
                if quirk.hang_after is not None:
                    time.sleep(_HANG_SECONDS)
                return
            request.sent += len(piece)
            self.wfile.write(piece)
            begin += len(piece)

    def _reset(self) -> None:
        # a linger time of zero makes close() send RST; what was sent may then be lost on its way
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _in_chunks(body: bytes, size: int) -> bytes:
    """Write a body in the transfer coding `chunked`: RFC 9112, section 7.1."""
    pieces = [body[begin : begin + size] for begin in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
