"""What can't be is said before the layers are downloaded; what can be is never refused."""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from pull import pull
from pull.cache import Cache
from pull.command.main import main
from pull.errors import NoRoomError
from pull.fetch.room import free_bytes, missing_bytes
from pull.registry import options
from pull.registry.options import TransportOptions
from pull.spec.digest import Digest
from tests.oracle_tools import need, need_root
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import Image, make_image, make_tar
from tests.pull.registry.pulling import IMPATIENT, fetch, nobody

MIB = 1 << 20
BIG = random.Random(3).randbytes(6 * MIB)
IMAGE = make_image([make_tar({"big": BIG}), make_tar({"small": b"1"})])
VANISHING = make_image(
    [
        make_tar({"a/big": BIG}),
        make_tar({"a/.wh.big": b""}),
        make_tar({"other": BIG[: 3 * MIB]}),
    ]
)
REPLACED = make_image(
    [make_tar({"big": BIG}), make_tar({"big": b"2"}), make_tar({"other": BIG[: 3 * MIB]})]
)
LAYERS = [Digest.of(layer) for layer in IMAGE.layers]
LAYER = f"GET .*/blobs/{LAYERS[0]}"


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DOCKER_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    for name in ("REGISTRY_AUTH_FILE", "SOURCE_DATE_EPOCH", "PYEXT4_CACHE"):
        monkeypatch.delenv(name, raising=False)
    hasty = partial(TransportOptions, attempts=2, backoff_seconds=0.001)
    monkeypatch.setattr(options, "TransportOptions", hasty)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 4 MiB."""
    need_root()
    need("mount")
    where = tmp_path / "disk"
    where.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4M,mode=700", "none", str(where)], check=True
    )
    yield where
    subprocess.run(["umount", str(where)], check=True)


def run(reference: str, out: Path, cache: Path, *options: str) -> int:
    fixed = ("--platform", "linux/amd64", "--cache-dir", str(cache))
    return main([reference, str(out), *fixed, *options])


def layers_asked_for(registry: FakeRegistry) -> int:
    return sum(registry.count(f"GET .*/blobs/{digest}") for digest in LAYERS)


@pytest.mark.parametrize("options", [(), ("--list",)], ids=["image", "list"])
def test_no_room_for_the_blobs(
    options: tuple[str, ...],
    small_disk: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cache = small_disk / "cache"
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        if options:
            words = [reference, *options, "--platform", "linux/amd64", "--cache-dir", str(cache)]
            assert main(words) == 1
        else:
            assert run(reference, tmp_path / "out.ext4", cache, "--json", "-q") == 1
        assert layers_asked_for(registry) == 0
    said = capsys.readouterr()
    assert said.err.splitlines()[-1].startswith(f"error: {reference}: {cache}: not enough room")
    if not options:
        error = json.loads(said.out)["error"]
        assert (error["kind"], error["path"]) == ("no_room", str(cache))
        assert error["needed_bytes"] == sum(map(len, IMAGE.layers))
        assert error["free_bytes"] < 4 * MIB
    assert not (tmp_path / "out.ext4").exists()
    assert not list(cache.glob("partial/*"))


def test_no_room_for_users_of_the_library(small_disk: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        with (
            pull(
                reference,
                cache_dir=small_disk,
                platform="linux/amd64",
                credentials=nobody,
                transport=IMPATIENT,
            ) as image,
            pytest.raises(NoRoomError),
        ):
            image.fetch()
        assert layers_asked_for(registry) == 0


def test_what_is_there_needs_no_room(small_disk: Path, tmp_path: Path) -> None:
    """A disk of 4 MiB is enough for the rest of a layer of 6 MiB, wherever it begins."""
    subprocess.run(["mount", "-o", "remount,size=7M,mode=700", str(small_disk)], check=True)
    with FakeRegistry(Quirk(LAYER, times=2, close_after=4 * MIB)) as registry:
        reference = registry.add("app", "v1", IMAGE)
        registry.quirks[0].times = 10
        registry.quirks[0].ignore_range = True
        assert run(reference, tmp_path / "out.ext4", small_disk, "-q") == 75
        registry.quirks.clear()
        free = free_bytes(small_disk)
        assert free is not None
        assert free < 6 * MIB  # as much as the layer has
        assert run(reference, tmp_path / "out.ext4", small_disk, "-q") == 0
        free = free_bytes(small_disk)
        assert free is not None
        assert free < MIB
        assert run(reference, tmp_path / "out.ext4", small_disk, "-q") == 0


def test_missing_bytes(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        with pull(
            reference,
            cache_dir=tmp_path,
            platform="linux/amd64",
            credentials=nobody,
            transport=IMPATIENT,
        ) as image:
            descriptors = [layer._descriptor for layer in image.layers]
            total = sum(map(len, IMAGE.layers))
            assert image.missing_bytes() == missing_bytes(cache, descriptors * 2) == total
            partial_file = cache.partial_path(LAYERS[0])
            partial_file.write_bytes(IMAGE.layers[0][:4096])
            assert image.missing_bytes() == total - 4096
            image.fetch()
            assert image.missing_bytes() == 0


def test_disks_that_tell_nothing_refuse_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((0,) * 10))
    assert free_bytes(tmp_path) is None
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert run(reference, tmp_path / "out.ext4", tmp_path / "cache", "-q") == 0


@pytest.mark.parametrize("uid", [0, 1000])
def test_what_is_reserved_is_for_root(
    uid: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((512, 4096, 9, 7, 5) + (0,) * 5))
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert free_bytes(tmp_path) == (7 if uid == 0 else 5) * 4096


@pytest.mark.parametrize(
    "options",
    [
        ("--size", "1M"),
        ("--size", "8M", "--journal-size", "16M"),
        ("--size", "10M", "--free", "12M"),
        ("--size", "10M", "--inodes", "100000"),
    ],
    ids=" ".join,
)
def test_size_that_nothing_fits_into(
    options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said while the first layer still waits for its server."""
    with FakeRegistry(Quirk(LAYER, stall_seconds=20)) as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert run(reference, tmp_path / "out.ext4", tmp_path / "cache", *options, "--json") == 1
        assert registry.sent_of_blobs() < len(IMAGE.layers[0])
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["kind"], error["known"]) == ("does_not_fit", "nothing")
    assert error["needed_bytes"] > error["size_bytes"]
    assert left_in(tmp_path) == []


def test_what_is_needed_is_what_an_empty_filesystem_takes(tmp_path: Path) -> None:
    """One byte less than a block would be too little, and no size is refused that is enough."""
    empty = make_image([make_tar({})])
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", empty)
        sizes = [size for size in range(32, 128, 16) if fits(reference, size, tmp_path)]
    assert 0 < len(sizes) < 6
    assert sizes == list(range(sizes[0], 128, 16))


def fits(reference: str, kib: int, tmp_path: Path) -> bool:
    """Convert with the layer in the cache and without: both say the same."""
    options = ("-q", "--size", f"{kib}K", "--no-journal", "--features", "^resize_inode")
    fresh, out = tmp_path / f"cache{kib}", tmp_path / "out.ext4"
    early = run(reference, out, fresh, *options)
    late = run(reference, out, tmp_path / "cache", *options)
    again = run(reference, out, tmp_path / "cache", *options)
    assert early == late == again
    return early == 0


@pytest.mark.parametrize("image", [VANISHING, REPLACED], ids=["whiteout", "replaced"])
def test_what_a_later_layer_removes_is_never_refused(
    image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The layers are larger than the filesystem, which holds what is left of them."""
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", image)
        options = ("--size", "8M", "--no-journal")
        assert run(reference, tmp_path / "out.ext4", tmp_path / "cache", *options) == 0
    assert (tmp_path / "out.ext4").stat().st_size == 8 * MIB
    first, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith("note: ")
    assert "will hardly fit into 8.00 MiB" in first


def test_doubts_are_said_before_the_first_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        options = ("--size", "5M", "--no-journal")
        assert run(reference, tmp_path / "out.ext4", tmp_path / "cache", *options) == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith("note: 6.00 MiB of compressed layers will hardly fit into")
        assert "what has come of it so far takes: " in lines[-1]
        assert run(reference, tmp_path / "out.ext4", tmp_path / "cache", *options, "-q") == 1
        assert "note" not in capsys.readouterr().err
        assert run(reference, tmp_path / "out.ext4", tmp_path / "cache", "--size", "20M") == 0
        assert "note" not in capsys.readouterr().err


def test_no_more_is_downloaded_than_it_takes_to_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second layer's server waits; the first one alone is more than the size."""
    gate = threading.Event()
    rest = Quirk(f"GET .*/blobs/{LAYERS[1]}", gate=gate)
    with FakeRegistry(rest) as registry:
        reference = registry.add("app", "v1", IMAGE)
        out, cache = tmp_path / "out.ext4", tmp_path / "cache"
        options = ("--size", "5M", "--no-journal", "--json", "-q")
        began = time.monotonic()
        assert run(reference, out, cache, *options) == 1
        assert time.monotonic() - began < 15  # nobody waited for the second one
        error = json.loads(capsys.readouterr().out)["error"]
        assert (error["kind"], error["known"]) == ("does_not_fit", "part")
        assert error["size_bytes"] == 5 * MIB
        assert error["size_bytes"] < error["needed_bytes"] < 7 * MIB
        assert left_in(tmp_path) == []
        gate.set()
        fetch(reference, cache)
    # with all at hand, somebody has tried which size would do
    assert run(reference, out, cache, "--offline", *options) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["known"] == "all"
    enough = str(error["needed_bytes"])
    assert run(reference, out, cache, "--offline", "-q", "--no-journal", "--size", enough) == 0


def test_doubts_about_the_disk_of_the_output(
    small_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("app", "v1", IMAGE)
        assert run(reference, small_disk / "out.ext4", tmp_path / "cache") == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith("note: 6.00 MiB of compressed layers will hardly find room in")
        assert lines[-1].endswith("no space left on device")
        assert left_in(small_disk) == []
        # 6 MiB to download and about as much to write
        subprocess.run(["mount", "-o", "remount,size=8M,mode=700", str(small_disk)], check=True)
        options = ("--free", "1M", "--no-journal")
        assert run(reference, small_disk / "out.ext4", small_disk / "cache", *options) == 1
        first, *_ = capsys.readouterr().err.splitlines()
        assert "6.00 MiB of compressed layers, and 6.00 MiB to download, will hardly find" in first


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name != "cache")
