"""Only whole, correct blobs are under their names, whatever readers and crashes do."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from pull import PulledImage, pull
from pull.cache import Cache
from pull.errors import OfflineError, RestartedError
from pull.spec.digest import Digest
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image
from tests.pull.registry.pulling import IMPATIENT, assert_sound, contents, fetch, nobody

IMAGE = make_image([random.Random(seed).randbytes(1_000_000) for seed in range(3)])
FIRST = Digest.of(IMAGE.layers[0])
BLOBS = "GET .*/blobs/"
FIRST_BLOB = f"{BLOBS}{FIRST}"


def open_image(reference: str, cache_dir: Path, *, jobs: int = 3) -> PulledImage:
    return pull(
        reference,
        cache_dir=cache_dir,
        platform="linux/amd64",
        credentials=nobody,
        transport=IMPATIENT,
        jobs=jobs,
    )


def drain(stream: BinaryIO) -> None:
    while stream.read(100_000):
        pass


def test_pull_alone_downloads_no_layer(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        with open_image(reference, tmp_path):
            pass
        assert registry.count(BLOBS) == 1  # the config
        assert_sound(tmp_path)


def test_started_downloads_need_no_reader(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        with open_image(reference, tmp_path) as image:
            image.start()
            for _ in range(200):
                if len(contents(tmp_path)) == 5:  # the manifest, the config, three layers
                    break
                time.sleep(0.05)
        assert set(IMAGE.layers) <= set(contents(tmp_path).values())


@pytest.mark.parametrize("amount", [0, 1, 100_000])
def test_undrained_readers_leave_nothing_half(amount: int, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        with open_image(reference, tmp_path, jobs=1) as image:
            for layer in image.layers:
                with layer.open() as stream:
                    stream.read(amount)
        assert_sound(tmp_path)
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert contents(tmp_path).items() >= IMAGE.blobs.items()


def test_undrained_reader_and_a_registry_that_breaks_off(tmp_path: Path) -> None:
    with FakeRegistry(Quirk(BLOBS + ".*", cut_after=50_000)) as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        with (
            open_image(reference, tmp_path) as image,
            image.layers[0].open() as stream,
        ):
            stream.read(1)
        assert_sound(tmp_path)


PLANTED = {
    "empty": b"",
    "truncated": IMAGE.layers[0][:-1],
    "longer": IMAGE.layers[0] + b"x",
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_blob_of_a_wrong_size_is_fetched_again(name: str, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        fetch(reference, tmp_path)
        Cache(tmp_path).path(FIRST).write_bytes(PLANTED[name])
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert registry.count(FIRST_BLOB) == 2
        assert_sound(tmp_path)


def test_damaged_blob_of_the_right_size_is_repaired_on_demand(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        fetch(reference, tmp_path)
        damaged = b"x" * len(IMAGE.layers[0])
        Cache(tmp_path).path(FIRST).write_bytes(damaged)
        with open_image(reference, tmp_path) as image:
            # the diff_id is what notices; flatten would say so now
            with image.layers[0].open() as stream:
                assert stream.read() == damaged
            assert not image.repair(image.layers[1].digest)
            assert image.repair(image.layers[0].digest)
            with image.layers[0].open() as stream:
                assert stream.read() == IMAGE.layers[0]
            image.fetch()
        assert_sound(tmp_path)


@pytest.mark.parametrize("what", ["manifest", "config"])
def test_damaged_document_is_fetched_again(what: str, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        fetch(reference, tmp_path)
        data = IMAGE.manifest if what == "manifest" else IMAGE.config
        Cache(tmp_path).path(Digest.of(data)).write_bytes(data.replace(b"linux", b"xunil") + b" ")
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert_sound(tmp_path)


def test_damaged_tag_is_asked_again(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        fetch(reference, tmp_path)
        (tag,) = tmp_path.glob("references/**/_tags/*")
        tag.write_bytes(b"\xff nonsense")
        assert fetch(reference, tmp_path) == list(IMAGE.layers)


def test_tag_that_moved(tmp_path: Path) -> None:
    other = make_image([b"other"])
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        fetch(reference, tmp_path)
        registry.add("some/image", "v1", other)
        assert fetch(reference, tmp_path) == list(other.layers)
        assert fetch(reference, tmp_path, offline=True) == list(other.layers)


def test_head_that_is_not_allowed(tmp_path: Path) -> None:
    with FakeRegistry(Quirk("HEAD", status=405)) as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        fetch(reference, tmp_path)
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert registry.count(BLOBS) == 4
        assert registry.count("GET .*/manifests/") == 2


def test_head_without_a_digest(tmp_path: Path) -> None:
    with FakeRegistry(Quirk("HEAD", drop=("Docker-Content-Digest",))) as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        fetch(reference, tmp_path)
        fetch(reference, tmp_path)
        assert registry.count("GET .*/manifests/") == 2


def test_partial_of_an_earlier_run_is_gone_on_with(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        with Cache(tmp_path).claim(FIRST, lambda: False) as partial:
            assert partial is not None
            partial.write(IMAGE.layers[0][:900_000], 0)
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        (asked,) = registry.matching(FIRST_BLOB)
        assert asked.headers["range"] == "bytes=900000-"


@pytest.mark.parametrize(
    "left", [b"\0" * 900_000, b"\0" * len(IMAGE.layers[0]), b"\0" * 2_000_000], ids=len
)
def test_damaged_partial_of_an_earlier_run_is_begun_anew(left: bytes, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        with Cache(tmp_path).claim(FIRST, lambda: False) as partial:
            assert partial is not None
            partial.write(left, 0)
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        assert_sound(tmp_path)


def test_reader_of_a_damaged_partial_is_told(tmp_path: Path) -> None:
    # it may have handed on wrong bytes already: nothing but a new beginning helps
    gate = threading.Event()
    with FakeRegistry(Quirk(FIRST_BLOB, gate=gate)) as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        with Cache(tmp_path).claim(FIRST, lambda: False) as partial:
            assert partial is not None
            partial.write(b"\0" * 900_000, 0)
        with open_image(reference, tmp_path) as image:
            with image.layers[0].open() as stream:
                assert stream.read(1) == b"\0"
                gate.set()
                with pytest.raises(RestartedError):
                    drain(stream)
            with image.layers[0].open() as stream:
                assert stream.read() == IMAGE.layers[0]


def test_wrong_bytes_reach_no_end(tmp_path: Path) -> None:
    # a reader that follows gets what comes, but never the end of it
    with FakeRegistry(Quirk(FIRST_BLOB, flip=999_000)) as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        with open_image(reference, tmp_path) as image:
            with (
                image.layers[0].open() as stream,
                pytest.raises(Exception, match="digest does not"),
            ):
                drain(stream)
            with pytest.raises(Exception, match="digest does not"):
                image.check()
        assert str(FIRST) not in contents(tmp_path)


def test_conversion_can_begin_before_the_last_byte_came(tmp_path: Path) -> None:
    # the second half of the first layer comes only after the first half has been read
    gate = threading.Event()
    first, second = Quirk(FIRST_BLOB, times=1, close_after=500_000), Quirk(FIRST_BLOB, gate=gate)
    with FakeRegistry(first, second) as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        with (
            open_image(reference, tmp_path) as image,
            image.layers[0].open() as stream,
        ):
            assert stream.read(100_000) == IMAGE.layers[0][:100_000]
            assert not Cache(tmp_path).path(FIRST).exists()
            gate.set()
            assert stream.read() == IMAGE.layers[0][100_000:]


def test_same_layer_twice_is_downloaded_once(tmp_path: Path) -> None:
    twice = make_image([b"same" * 1000, b"same" * 1000])
    with FakeRegistry() as registry:
        assert fetch(registry.add("a", "v1", twice), tmp_path) == list(twice.layers)
        assert registry.count(BLOBS) == 2


def test_no_layers_at_all(tmp_path: Path) -> None:
    empty = make_image()
    with FakeRegistry() as registry:
        assert fetch(registry.add("a", "v1", empty), tmp_path) == []


@pytest.mark.parametrize("algorithm", ["sha512"])
def test_other_digests(algorithm: str, tmp_path: Path) -> None:
    image = make_image([b"x" * 5000], algorithm=algorithm)
    with FakeRegistry() as registry:
        reference = registry.add("a", "v1", image)
        registry.blobs[str(Digest.of(image.layers[0], algorithm))] = image.layers[0]
        assert fetch(reference, tmp_path) == list(image.layers)
        assert len(list((tmp_path / "blobs/sha512").iterdir())) == 1
        by_digest = f"{registry.address}/a@{Digest.of(image.manifest, algorithm)}"
        assert fetch(by_digest, tmp_path) == list(image.layers)


def test_offline_without_the_image(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("a", "v1", IMAGE)
        with pytest.raises(OfflineError, match="--offline"):
            fetch(reference, tmp_path, offline=True)
        fetch(reference, tmp_path)
        before = len(registry.requests)
        Cache(tmp_path).drop(FIRST)
        with pytest.raises(OfflineError, match=str(FIRST)):
            fetch(reference, tmp_path, offline=True)
        assert len(registry.requests) == before


def test_read_only_cache_serves(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("a", "v1", IMAGE)
        with open_image(reference, tmp_path) as image:
            image.fetch()
        for blob in image.layers:
            Cache(tmp_path).path(Digest.parse(blob.digest)).chmod(0o400)
        assert fetch(reference, tmp_path) == list(IMAGE.layers)


def test_layer_that_somebody_waits_for_comes_next(tmp_path: Path) -> None:
    gate = threading.Event()
    with FakeRegistry(Quirk(FIRST_BLOB, gate=gate)) as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        with open_image(reference, tmp_path, jobs=1) as image:
            first, _, last = image.layers
            first.open().close()  # from now on all are queued, and the first one is under way
            waiting = threading.Thread(target=lambda: last.open().close())
            waiting.start()
            time.sleep(0.2)
            gate.set()
            waiting.join()
            image.fetch()
        config, *layers = [item.path.rpartition("/")[2] for item in registry.matching(BLOBS)]
        assert config == str(Digest.of(IMAGE.config))
        assert list(dict.fromkeys(layers)) == [first.digest, last.digest, image.layers[1].digest]


FULL_DISK = """
import resource, sys
from pathlib import Path
from pull import TransportOptions, pull
# as on a full disk, writing fails in the middle of a blob
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
with pull(
    sys.argv[1],
    cache_dir=Path(sys.argv[2]),
    platform="linux/amd64",
    transport=TransportOptions(plain_http=True),
) as image:
    try:
        image.fetch()
    except OSError as error:
        print(error.filename)
"""


def test_full_disk(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        done = subprocess.run(
            [sys.executable, "-c", FULL_DISK, reference, str(tmp_path)],
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith(f"{tmp_path}/partial/sha256-")
        assert_sound(tmp_path)
        assert str(FIRST) not in contents(tmp_path)
        sent = registry.sent_of_blobs()
        assert fetch(reference, tmp_path) == list(IMAGE.layers)
        # what was there is gone on with
        assert registry.sent_of_blobs() - sent < sum(map(len, IMAGE.layers)) - 500_000
        assert_sound(tmp_path)
