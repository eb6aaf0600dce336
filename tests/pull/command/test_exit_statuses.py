"""Exit statuses that scripts can use, and the same facts as JSON: a table over a fake registry."""

from __future__ import annotations

import errno
import http.client
import json
import random
import socket
import ssl
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from pull.command.main import main
from pull.errors import PullError, RestartedError
from pull.registry import options
from pull.registry.options import TransportOptions
from pull.registry.outages import passes
from pull.registry.wire import answer_passes
from tests.pull.registry.certificates import make_authority
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import OCI, make_image, make_index, make_tar

IMAGE = make_image([make_tar({"big": random.Random(7).randbytes(300_000)})])
MANIFEST = "GET .*/manifests/"
LAYER = f"GET .*/blobs/{list(IMAGE.blobs)[-1]}"
SMALL_PAGE = b"<html>please log in</html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the registry does, and what comes of it."""

    name: str
    quirk: Quirk
    status: int
    kind: str
    http_status: int | None = None


def answered(code: int, status: int, kind: str, where: str = MANIFEST) -> Row:
    where_name = "manifest" if where == MANIFEST else "layer"
    return Row(
        name=f"{where_name} {code}",
        quirk=Quirk(where, status=code, body=b"{}"),
        status=status,
        kind=kind,
        http_status=code,
    )


ROWS = (
    *(answered(code, 75, "registry") for code in (408, 425, 429, 500, 502, 503, 504, 520)),
    *(answered(code, 75, "registry", LAYER) for code in (429, 500, 503)),
    *(answered(code, 1, "registry") for code in (400, 405, 406, 410, 418, 451)),
    *(answered(code, 1, "access_denied") for code in (401, 403)),
    *(answered(code, 1, "access_denied", LAYER) for code in (401, 403)),
    answered(404, 1, "not_found"),
    answered(404, 1, "not_found", LAYER),
    Row(
        name="429 for an hour",
        quirk=Quirk(MANIFEST, status=429, headers={"Retry-After": "3600"}),
        status=75,
        kind="registry",
        http_status=429,
    ),
    Row(
        name="reset in a layer",
        quirk=Quirk(LAYER, cut_after=1000, ignore_range=True),
        status=75,
        kind="broken_transfer",
    ),
    Row(
        name="layer ends early",
        quirk=Quirk(LAYER, close_after=0, ignore_range=True),
        status=75,
        kind="broken_transfer",
    ),
    Row(
        name="manifest ends early",
        quirk=Quirk(MANIFEST, close_after=10),
        status=75,
        kind="broken_transfer",
    ),
    Row(
        name="no answer in time",
        quirk=Quirk(MANIFEST, stall_seconds=1.5),
        status=75,
        kind="transport",
    ),
    Row(
        name="another page",
        quirk=Quirk(MANIFEST, body=SMALL_PAGE, drop=("Docker-Content-Digest",)),
        status=1,
        kind="manifest",
    ),
    Row(
        name="wrong bytes",
        quirk=Quirk(LAYER, flip=5),
        status=1,
        kind="digest_mismatch",
    ),
    Row(
        name="wrong length",
        quirk=Quirk(LAYER, body=b"short"),
        status=1,
        kind="size_mismatch",
    ),
    Row(
        name="redirected in circles",
        quirk=Quirk(MANIFEST, status=302, headers={"Location": "/v2/app/manifests/v1"}),
        status=1,
        kind="transport",
    ),
)


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    for name in ("REGISTRY_AUTH_FILE", "SOURCE_DATE_EPOCH", "PYEXT4_CACHE"):
        monkeypatch.delenv(name, raising=False)
    hasty = partial(TransportOptions, attempts=2, backoff_seconds=0.001)
    monkeypatch.setattr(options, "TransportOptions", hasty)


def run(reference: str, tmp_path: Path, *options: str) -> int:
    fixed = ("--platform", "linux/amd64", "--cache-dir", str(tmp_path / "cache"), "--json", "-q")
    output = () if "--inspect" in options else (str(tmp_path / "out.ext4"), "--free", "1M")
    return main([reference, *output, *fixed, "--timeout", "0.5", *options])


def error_in(said: str) -> dict[str, object]:
    (found,) = json.loads(said).values()
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_status(row: Row, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeRegistry(row.quirk) as registry:
        reference = registry.add("app", "v1", IMAGE)
        status = run(reference, tmp_path)
    said = capsys.readouterr()
    error = error_in(said.out)
    assert (error["kind"], error["status"], status) == (row.kind, row.status, row.status)
    assert error["temporary"] is (row.status == 75)
    assert error.get("http_status") == row.http_status
    assert error["reference"] == reference
    assert said.err == f"error: {error['message']}\n"
    assert not (tmp_path / "out.ext4").exists()


@pytest.mark.parametrize(
    ("quirk", "status"),
    [
        (Quirk(MANIFEST, status=503), 75),
        (Quirk(MANIFEST, status=404), 1),
        (Quirk("GET .*/blobs/", status=500), 75),
        (Quirk("GET .*/blobs/", close_after=0), 75),
    ],
    ids=["manifest 503", "manifest 404", "config 500", "config broken"],
)
def test_status_of_inspect(
    quirk: Quirk, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeRegistry(quirk) as registry:
        assert run(registry.add("app", "v1", IMAGE), tmp_path, "--inspect") == status
    assert error_in(capsys.readouterr().out)["status"] == status


def test_nobody_listens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert run(f"127.0.0.1:{port}/app", tmp_path, "--plain-http") == 75
    assert error_in(capsys.readouterr().out)["reason"] == "connection refused"
    assert run(f"127.0.0.1:{port}/app", tmp_path) == 75  # where TLS is asked for first


def test_a_certificate_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ca").mkdir()
    pair = make_authority(tmp_path / "ca").sign("server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with FakeRegistry(tls=context) as registry:
        assert run(registry.add("app", "v1", IMAGE), tmp_path) == 1
    assert error_in(capsys.readouterr().out)["kind"] == "transport"


@pytest.mark.parametrize(
    ("number", "status"), [(socket.EAI_AGAIN, 75), (socket.EAI_NONAME, 1), (socket.EAI_FAIL, 1)]
)
def test_names_of_hosts(
    number: int, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> object:
        raise socket.gaierror(number, "said so")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert run("registry.example/app", tmp_path) == status


def test_what_passes() -> None:
    for error in (
        ConnectionResetError(errno.ECONNRESET, ""),
        OSError(errno.EHOSTUNREACH, ""),
        OSError(errno.ENETUNREACH, ""),
        TimeoutError(),
        http.client.RemoteDisconnected(""),
        http.client.IncompleteRead(b""),
        ssl.SSLEOFError(8, ""),
        OSError("Tunnel connection failed: 503 busy"),
    ):
        assert passes(error, answer_passes), repr(error)
    for other in (
        OSError(errno.ENOSPC, ""),
        OSError(errno.EACCES, ""),
        http.client.BadStatusLine("x"),
        ssl.SSLError(1, "TLSV1_ALERT_PROTOCOL_VERSION"),
        OSError("Tunnel connection failed: 407 Proxy Authentication Required"),
        OSError("Tunnel connection failed: 403 Forbidden"),
        ValueError(),
    ):
        assert not passes(other, answer_passes), repr(other)


def test_no_image_for_the_platform(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = make_index([])
    with FakeRegistry() as registry:
        registry.add_manifest("app", "v1", index, OCI.index)
        assert run(f"{registry.address}/app:v1", tmp_path) == 1
    assert error_in(capsys.readouterr().out)["temporary"] is False


def test_errors_of_all_three_packages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the facts of their classes: a path is a text, and sizes are numbers."""
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert run(reference, tmp_path, "--limit", "file_bytes=10") == 1
        error = error_in(capsys.readouterr().out)
        assert (error["kind"], error["limit"], error["most"]) == ("limit", "file_bytes", 10)
        assert error["path"] == "big"
        assert run(reference, tmp_path, "--features", "none_such") == 1
        assert error_in(capsys.readouterr().out)["kind"] == "options"
        (tmp_path / "out.ext4").mkdir()
        assert run(reference, tmp_path) == 1
        error = error_in(capsys.readouterr().out)
        assert (error["kind"], error["errno"]) == ("os", "EEXIST")


def test_usage_errors_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--json"], ["ref", "out", "--jsn", "--json"], ["ref", "--json", "--list"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 2
        said = capsys.readouterr()
        error = error_in(said.out)
        assert (error["kind"], error["status"], error["temporary"]) == ("usage", 2, False)
        assert said.err.splitlines()[0] == f"error: {error['message']}"
    with pytest.raises(SystemExit):
        main(["ref", "out", "more", "--", "--json"])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "reference",
    [
        "https://me:secret@registry.example/app",
        "docker://me:secret@registry.example/app:v1",
        "https://registry.example/v2/app?token=secret",
    ],
)
def test_no_secret_is_said(
    reference: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(reference, tmp_path) == 1
    said = capsys.readouterr()
    assert "secret" not in said.out + said.err
    assert error_in(said.out)["kind"] == "reference_syntax"
    with pytest.raises(SystemExit):
        run("app", tmp_path, "--mirror", f"docker.io=ftp://me:secret@host/{reference}")
    said = capsys.readouterr()
    assert "secret" not in said.out + said.err


def test_each_error_tells_whether_it_passes() -> None:
    """A class that is new has to be thought about: the kinds that may pass are these."""
    found, todo = set(), [PullError]
    while todo:
        each = todo.pop()
        todo += each.__subclasses__()
        if "temporary" in vars(each):
            found.add(each.__name__)
    assert found == {"RegistryError", "TransportError", "RestartedError"}
    assert RestartedError("x").temporary
