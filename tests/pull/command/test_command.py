"""The command, end to end: what it writes, says and returns, and what it leaves behind."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from flatten import flatten
from pull import pull
from pull.cache import Cache
from pull.command.main import main
from pull.spec.digest import Digest
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import OCI, Image, descriptor, make_image, make_tar
from tests.pull.registry.pulling import IMPATIENT, assert_sound

ROOT = Path(__file__).parents[3]
IMAGE = make_image(
    [
        make_tar({"etc/one": b"1" * 5000, "big": random.Random(5).randbytes(700_000)}),
        make_tar({"etc/two": b"2", "etc/.wh.one": b""}),
    ]
)
FIRST = Digest.of(IMAGE.layers[0])
BLOBS = "GET .*/blobs/"


@pytest.fixture(autouse=True)
def _no_logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    for name in ("REGISTRY_AUTH_FILE", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)


def command(reference: str, out: Path, *options: str) -> int:
    cache = out.parent / "cache"
    fixed = ("--platform", "linux/amd64", "--cache-dir", str(cache), "--free", "4M")
    return main([reference, str(out), *fixed, *options])


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name != "cache")


def test_summary_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        out = tmp_path / "out.ext4"
        assert command(reference, out, "--json", "--label", "root") == 0
        said = capsys.readouterr()
        facts = json.loads(said.out)
        assert facts["reference"] == reference
        assert facts["digest"] == IMAGE.digest
        assert facts["platform"] == "linux/amd64"
        assert facts["layers"] == 2
        assert facts["files"] == 3  # etc, etc/two, big
        assert facts["size_bytes"] == out.stat().st_size
        assert facts["used_bytes"] + facts["free_bytes"] == facts["size_bytes"]
        assert facts["free_bytes"] >= 4 << 20
        assert facts["label"] == "root"
        assert set(facts["seconds"]) == {"find", "convert", "cache"}
        assert left_in(tmp_path) == ["out.ext4"]
        for line in ("image:    " + reference, "digest:   " + IMAGE.digest, "2 layers, 3 files"):
            assert line in said.err


def test_quiet_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeRegistry() as registry:
        assert command(registry.add("app", "v1", IMAGE), tmp_path / "o", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_plain_lines_without_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeRegistry() as registry:
        assert command(registry.add("app", "v1", IMAGE), tmp_path / "o") == 0
    lines = capsys.readouterr().err.splitlines()
    for layer in IMAGE.layers:
        short = Digest.of(layer).short
        assert [line for line in lines if line.startswith(short) and "in the cache" in line]
        assert [line for line in lines if line.startswith(short) and "converted" in line]
    assert "\x1b" not in "".join(lines)


def test_equal_images_are_equal_bytes(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert command(reference, tmp_path / "a", "-q") == 0
        assert command(reference, tmp_path / "b", "-q") == 0
        assert command(reference, tmp_path / "c", "-q", "--jobs", "1", "--offline") == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()


def test_existing_output_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out.ext4"
    out.write_bytes(b"old")
    before = out.stat().st_ino
    with FakeRegistry() as registry:
        assert command(registry.add("app", "v1", IMAGE), out, "-q") == 0
        assert out.stat().st_ino != before
        assert command(f"{registry.address}/app:none", out, "-q") == 1
    assert out.stat().st_size > 1 << 20


def planted(name: str) -> bytes:
    good = IMAGE.layers[0]
    return {
        "empty": b"",
        "truncated": good[:-1],
        "zeros": bytes(len(good)),
        "a bit in the middle": good[:350_000] + bytes([good[350_000] ^ 4]) + good[350_001:],
        "a bit in the trailer": good[:-6] + bytes([good[-6] ^ 1]) + good[-5:],
        "another image's layer": make_image([b"x" * len(good)], compress="plain").layers[0],
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        "empty",
        "truncated",
        "zeros",
        "a bit in the middle",
        "a bit in the trailer",
        "another image's layer",
    ],
)
def test_planted_blob_never_reaches_an_image(name: str, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert command(reference, tmp_path / "good", "-q") == 0
        Cache(tmp_path / "cache").path(FIRST).write_bytes(planted(name))
        assert command(reference, tmp_path / "again", "-q") == 0
        assert registry.count(f"{BLOBS}{FIRST}") == 2
        assert_sound(tmp_path / "cache")
    assert (tmp_path / "good").read_bytes() == (tmp_path / "again").read_bytes()
    assert left_in(tmp_path) == ["again", "good"]


def test_damaged_partial_never_reaches_an_image(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert command(reference, tmp_path / "good", "-q") == 0
        cache = Cache(tmp_path / "cache")
        cache.drop(FIRST)
        with cache.claim(FIRST, lambda: False) as partial:
            assert partial is not None
            partial.write(planted("a bit in the middle")[:600_000], 0)
        assert command(reference, tmp_path / "again", "-q") == 0
    assert (tmp_path / "good").read_bytes() == (tmp_path / "again").read_bytes()


def test_damaged_blob_offline_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert command(reference, tmp_path / "good", "-q") == 0
    Cache(tmp_path / "cache").path(FIRST).write_bytes(planted("zeros"))
    assert command(reference, tmp_path / "again", "-q", "--offline") == 1
    assert "not in the cache" in capsys.readouterr().err
    assert left_in(tmp_path) == ["good"]


NO_TAR = make_image([b"this is not a tar archive\n" * 1000])
WRONG_DIFF_ID = make_image([make_tar({"a": b""})], config=descriptor(NO_TAR.config, OCI.config))


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that goes wrong: how it is set up, and what is said."""

    says: tuple[str, ...]
    reference: str = "app:v1"
    image: Image = IMAGE
    quirks: tuple[Quirk, ...] = ()
    options: tuple[str, ...] = ()
    status: int = 1


FAILURES = {
    "no such repository": Failure(reference="no/such", says=("no/such", "404", "MANIFEST_UNKNOWN")),
    "no such tag": Failure(reference="app:none", says=("app:none", "404")),
    "bad reference": Failure(reference="UPPER:v1", says=("UPPER:v1", "lower-case")),
    "another platform": Failure(
        options=("--platform", "linux/s390x"), says=("linux/s390x", "linux/amd64", "--platform")
    ),
    "no platform at all": Failure(options=("--platform", "a/b/c/d"), says=("a/b/c/d",)),
    "layer that is not a tar": Failure(
        image=NO_TAR, says=("app:v1", str(Digest.of(NO_TAR.layers[0])))
    ),
    "layer of another diff_id": Failure(image=WRONG_DIFF_ID, says=("diff_id",)),
    "wrong bytes": Failure(
        quirks=(Quirk(f"{BLOBS}{FIRST}", flip=100),), says=("app:v1", str(FIRST), "digest")
    ),
    "blob that is gone": Failure(quirks=(Quirk(f"{BLOBS}{FIRST}", status=404),), says=("404",)),
    "not logged in": Failure(
        quirks=(Quirk("/manifests/", status=401),), says=("401", "--password-stdin")
    ),
    "too small": Failure(options=("--size", "1M"), says=("out.ext4", "does not fit")),
    "label too long": Failure(options=("--label", "x" * 17), says=("label",)),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = FAILURES[name]
    with FakeRegistry(*row.quirks) as registry:
        registry.add("app", "v1", row.image)
        registry.manifests.setdefault("/v2/app/manifests/v1", (row.image.manifest, OCI.manifest))
        for blob in NO_TAR.blobs.values():
            registry.blobs[str(Digest.of(blob))] = blob
        reference = f"{registry.address}/{row.reference}"
        assert command(reference, tmp_path / "out.ext4", "-q", *row.options) == row.status
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("error: ")
    assert [word for word in row.says if word not in line] == []
    assert left_in(tmp_path) == []
    assert_sound(tmp_path / "cache") if (tmp_path / "cache").exists() else None


def test_output_that_can_not_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        fixed = ["--platform", "linux/amd64", "--cache-dir", str(tmp_path / "cache"), "-q"]
        assert main([reference, str(tmp_path / "none/out.ext4"), *fixed]) == 1
    said = capsys.readouterr().err
    assert "none/" in said
    assert "no such file or directory" in said


def test_traceback_with_debug_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("UPPER:v1", tmp_path / "o") == 1
    assert "Traceback" not in capsys.readouterr().err
    assert command("UPPER:v1", tmp_path / "o", "--debug") == 1
    assert "Traceback" in capsys.readouterr().err


def run(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pull", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        input=stdin,
        check=False,
    )


def test_password_from_standard_input(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        registry.challenge, registry.accepted = "Basic", {"Basic YW5uOnBhOnNzLXdvcmQ="}
        login = ["--platform", "amd64", "--username", "ann", "--password-stdin", "--cache-dir"]
        cache = tmp_path / "cache"
        out = tmp_path / "out.ext4"
        assert run(reference, out, *login, cache, stdin="wrong\n").returncode == 1
        done = run(reference, out, *login, cache, stdin="pa:ss-word\n")
        assert done.returncode == 0
        assert "ss-word" not in done.stderr


@pytest.mark.parametrize(
    ("number", "status", "says"),
    [(signal.SIGINT, 130, "interrupted\n"), (signal.SIGTERM, 143, "terminated\n")],
)
@pytest.mark.parametrize("where", ["/manifests/", f"{BLOBS}{FIRST}"])
def test_signals(where: str, number: int, status: int, says: str, tmp_path: Path) -> None:
    with FakeRegistry(Quirk(where, stall_seconds=20)) as registry:
        reference = registry.add("app", "v1", IMAGE)
        program = subprocess.Popen(
            [
                *(sys.executable, "-m", "pull", reference, str(tmp_path / "out.ext4"), "-q"),
                *("--platform", "amd64", "--cache-dir", str(tmp_path / "cache")),
            ],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 20
        while not registry.count(where) and time.monotonic() < deadline:
            time.sleep(0.01)
        if "blobs" in where:
            time.sleep(0.3)  # into the conversion, which waits for the layer
        begin = time.monotonic()
        program.send_signal(number)
        _, said = program.communicate(timeout=15)
        assert time.monotonic() - begin < 12  # the layer is waited for longer
        assert program.returncode == status
        assert said == says
        assert left_in(tmp_path) == []
        assert_sound(tmp_path / "cache")


def test_source_date_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert command(reference, tmp_path / "a", "-q") == 0
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1714979289")  # what the config says
        assert command(reference, tmp_path / "b", "-q") == 0
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "12")
        assert command(reference, tmp_path / "c", "-q") == 0
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
        assert command(reference, tmp_path / "d", "-q") == 1
    images = [(tmp_path / name).read_bytes() for name in "abc"]
    assert images[0] == images[1]
    assert images[0] != images[2]


def test_mirror_first_then_the_registry(tmp_path: Path) -> None:
    with FakeRegistry() as registry, FakeRegistry() as mirror:
        reference = registry.add("app", "v1", IMAGE)
        option = ("--mirror", f"{registry.address}=http://{mirror.address}/copies", "-q")
        assert command(reference, tmp_path / "a", *option) == 0
        assert mirror.count("/v2/copies/app/manifests/v1") == 1
        assert registry.count("/v2/app/manifests/v1") == 1
        mirror.add("copies/app", "v1", IMAGE)
        before = len(registry.requests)
        (tmp_path / "cache").rename(tmp_path / "other")
        assert command(reference, tmp_path / "b", *option) == 0
        assert len(registry.requests) == before
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_password_goes_to_its_registry_alone(tmp_path: Path) -> None:
    with FakeRegistry() as registry, FakeRegistry() as mirror:
        reference = registry.add("app", "v1", IMAGE)
        mirror.add("app", "v1", IMAGE)
        registry.challenge = mirror.challenge = "Basic"
        registry.accepted = {"Basic YW5uOnBhOnNzLXdvcmQ="}
        login = ["--platform", "amd64", "--username", "ann", "--password-stdin", "--mirror"]
        login += [f"{registry.address}=http://{mirror.address}", "--cache-dir", f"{tmp_path}/cache"]
        assert run(reference, tmp_path / "out", *login, stdin="pa:ss-word\n").returncode == 0
        assert {item.authorization for item in mirror.requests} == {""}


def test_conversion_begins_while_later_layers_download(tmp_path: Path) -> None:
    # the second layer comes when the first one is in the tree, or much too late
    gate = threading.Event()
    second = Digest.of(IMAGE.layers[1])
    patient = replace(IMPATIENT, read_timeout_seconds=30.0)
    with FakeRegistry(Quirk(f"{BLOBS}{second}", gate=gate)) as registry:
        reference = registry.add("app", "v1", IMAGE)
        begin = time.monotonic()
        with pull(
            reference, cache_dir=tmp_path, platform="linux/amd64", transport=patient
        ) as image:
            tree = flatten(image.layers, progress=lambda *_: gate.set())
            assert [path for path, _ in tree.walk()] == [b"/", b"/big", b"/etc", b"/etc/two"]
        assert time.monotonic() - begin < 15


def test_a_layer_read_along_before_its_bytes_came_again_is_to_be_read_again(tmp_path: Path) -> None:
    """The download has repaired itself by the time that somebody complains of the layer."""
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        cache = Cache(tmp_path / "cache")
        with cache.claim(FIRST, lambda: False) as partial:
            assert partial is not None
            partial.write(planted("a bit in the middle")[:600_000], 0)
        with pull(reference, cache_dir=tmp_path / "cache", platform="linux/amd64") as image:
            image.fetch()
            assert cache.is_sound(FIRST)
            assert image.repair(str(FIRST))  # who read along saw what the partial had
            assert not image.repair(image.layers[1].digest)
