"""The command's messages: no control characters, and the name of the culprit."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import OCI, descriptor, make_image, make_index, make_tar

ROOT = Path(__file__).parents[3]
LAYOUT = f"oci:{ROOT}/examples/layout:demo"
IMAGE = make_image([make_tar({"a": b"1"})])
EVIL = "\x1b]0;owned\x07\x1b[2J\r\u202e"


def run(
    reference: str, directory: Path, *options: str, stdin: bytes = b"", **more: str
) -> subprocess.CompletedProcess[str]:
    names = ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG")
    proxies = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    environ = {name: value for name, value in os.environ.items() if name.lower() not in proxies}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pull", reference, str(directory / "out.ext4"), *options),
            *("--cache-dir", str(directory / "cache"), "--free", "1M", "--platform", "linux/amd64"),
        ],
        cwd=ROOT,
        env=environ | dict.fromkeys(names, str(directory / "user")) | more,
        input=stdin,
        capture_output=True,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert line.isprintable()
    return line


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize(
    "platform",
    [
        {"os": "linux", "architecture": "amd64", "os.version": EVIL},
        {"os": f"linux{EVIL}", "architecture": "amd64"},
        {"os": "linux", "architecture": "amd64", "variant": EVIL},
    ],
)
def test_platform(platform: dict[str, str], tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        registry.add("app", "x", IMAGE)
        entry = descriptor(IMAGE.manifest, OCI.manifest) | {"platform": platform}
        registry.add_manifest("app", "v1", make_index([entry]), OCI.index)
        done = run(f"{registry.address}/app:v1", tmp_path, "--json")
    assert [line for line in done.stderr.splitlines() if not line.isprintable()] == []
    assert EVIL[0] not in done.stdout
    if done.returncode == 0:
        assert json.loads(done.stdout)["backend"] in ("native", "pure")


def test_media_type(tmp_path: Path) -> None:
    image = make_image([make_tar({"a": b"1"})], config=descriptor(b"{}", f"x/{EVIL}"))
    with FakeRegistry() as registry:
        assert "\\x1b]0;owned" in error_of(run(registry.add("a", "v1", image), tmp_path, "-q"))


def test_what_a_registry_says(tmp_path: Path) -> None:
    said = json.dumps({"errors": [{"code": f"A{EVIL}", "message": f"B{EVIL}"}]}).encode()
    with FakeRegistry(Quirk("manifests", status=418, body=said)) as registry:
        assert "418" in error_of(run(registry.add("app", "v1", IMAGE), tmp_path, "-q"))


def test_path_of_tens_of_kilobytes_is_cut(tmp_path: Path) -> None:
    line = error_of(run(LAYOUT, tmp_path, "-q", "--tar", "/" + "y/" * 20_000 + "x"))
    assert len(line) < 2000
    assert line.endswith(": file name too long")


def test_host_that_a_redirect_led_to(tmp_path: Path) -> None:
    port = closed_port()
    elsewhere = {"Location": f"http://127.0.0.1:{port}/store?sig=s3cret"}
    with FakeRegistry(Quirk("GET .*/manifests/", status=307, headers=elsewhere, body=b"")) as one:
        line = error_of(run(one.add("app", "v1", IMAGE), tmp_path, "-q"))
    assert f"http://127.0.0.1:{port}/store?...: connection refused" in line
    assert "s3cret" not in line
    with FakeRegistry() as storage:
        elsewhere = {"Location": f"http://{storage.address}/none"}
        quirk = Quirk("GET .*/manifests/", status=307, headers=elsewhere, body=b"")
        with FakeRegistry(quirk) as one:
            line = error_of(run(one.add("app", "v1", IMAGE), tmp_path, "-q"))
        assert f"http://{storage.address}/none: " in line


def test_plain_http_where_tls_is_expected(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        elsewhere = {"Location": f"https://{registry.address}/x"}
        registry.quirks.append(Quirk("/manifests/", status=307, headers=elsewhere, body=b""))
        line = error_of(run(registry.add("app", "v1", IMAGE), tmp_path, "-q"))
    assert "does not speak TLS there; use --plain-http" in line


def test_proxy_that_is_not_there(tmp_path: Path) -> None:
    proxy = f"http://127.0.0.1:{closed_port()}"
    line = error_of(run("r.example/app", tmp_path, "-q", https_proxy=proxy))
    assert f"the proxy {proxy} can't be used: " in line


@pytest.mark.parametrize("proxy", ["http://[::1", "http://127.0.0.1:port", "::::", "socks5://h:1"])
def test_proxy_that_is_none(proxy: str, tmp_path: Path) -> None:
    error_of(run("r.example/app", tmp_path, "-q", https_proxy=proxy))


def test_too_many_headers(tmp_path: Path) -> None:
    headers = {f"X-{number}": "1" for number in range(200)}
    with FakeRegistry(Quirk("/manifests/", headers=headers)) as registry:
        line = error_of(run(registry.add("app", "v1", IMAGE), tmp_path, "-q"))
    assert "got more than 100 headers" in line


def test_size_has_a_unit_and_one_that_works(tmp_path: Path) -> None:
    line = error_of(run(LAYOUT, tmp_path, "-q", "--size", "1M"))
    assert "does not fit into 1 MiB, use at least: " in line
    assert "MiB" in line.rpartition(":")[2]


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("./foo.tar", "docker-archive:./foo.tar"),
        ("dir:./x", "dir: is not known here"),
        ("containers-storage:a/b", "containers-storage: is not known here"),
        ("docker-daemon:a:b:c", "docker-daemon: is not known here"),
        ("https://r.example/a", "leave https:// out"),
        ("../layout", "oci:../layout"),
    ],
)
def test_hint(reference: str, says: str, tmp_path: Path) -> None:
    assert says in error_of(run(reference, tmp_path, "-q"))


def test_hint_where_nobody_answers(tmp_path: Path) -> None:
    reference = f"127.0.0.1:{closed_port()}/foo.tar"
    assert "docker-archive:" in error_of(run(reference, tmp_path, "-q"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--paltform", "x"), "did you mean --platform?"),
        (("--cachedir=x",), "did you mean --cache-dir?"),
        (("--tar", "out", "--mtree", "out"), "must be different files"),
    ],
)
def test_usage_is_two_lines(options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = run(LAYOUT, tmp_path, *options)
    error, advice = done.stderr.splitlines()
    assert done.returncode == 2
    assert says in error
    assert advice == "try: python -m pull --help"


@pytest.mark.parametrize("option", ["--tar", "--mtree"])
def test_what_is_no_regular_file_is_not_replaced(option: str, tmp_path: Path) -> None:
    # a pipe stands for devices, such as /dev/null: root could replace them too
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    line = error_of(run(LAYOUT, tmp_path, "-q", option, str(pipe)))
    assert line == f"error: {pipe}: exists and is not a regular file"
    assert pipe.is_fifo()


KEY = b'{\n  "type": "service_account",\n  "project_id": "p"\n}'


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (KEY, KEY),
        (KEY + b"\n", KEY),
        (KEY + b"\r\n", KEY),
        (b"a\n\n", b"a\n"),
        (b"\xff\xfe\n", b"\xff\xfe"),
    ],
)
def test_all_of_standard_input_is_the_password(given: bytes, sent: bytes, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        registry.challenge = 'Basic realm="x"'
        registry.accepted = {"Basic " + base64.b64encode(b"_json_key:" + sent).decode()}
        login = ("-q", "--username", "_json_key", "--password-stdin")
        done = run(reference, tmp_path, *login, stdin=given)
        assert done.returncode == 0, done.stderr


def test_login_that_is_refused_names_anonymous(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        registry.challenge, registry.accepted = 'Basic realm="x"', {"Basic other"}
        login = ("-q", "--username", "a", "--password-stdin")
        line = error_of(run(reference, tmp_path, *login, stdin=b"old"))
        assert "use --anonymous for a public image" in line
        assert "--anonymous" not in error_of(run(reference, tmp_path, "-q"))
