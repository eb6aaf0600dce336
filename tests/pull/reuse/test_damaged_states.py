"""A state that is not as it was made is dropped, and never becomes part of an image."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from pull.cache import Cache
from pull.cache.checkpoints import Checkpoints
from tests.pull.reuse.stacks import STACK, converted, digest_of, layout_of

FLIPS = 40


class Kept:
    """A cache with states of one image, and what the image is."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.layout = layout_of(place / "layout", [STACK])
        self.cache = place / "cache"
        converted(self.layout, 0, place / "fresh", place / "none", "never")
        self.wanted = digest_of(place / "fresh")
        made = converted(self.layout, 0, place / "out", self.cache, "always")
        assert made.kept >= 2

    def paths(self, part: str) -> list[Path]:
        return sorted((self.cache / "checkpoints").glob(f"*.{part}"))

    def again(self) -> tuple[int, int]:
        """Convert once more; return how many layers were reused, and how many states dropped."""
        made = converted(self.layout, 0, self.place / "out", self.cache, "always")
        assert digest_of(self.place / "out") == self.wanted
        return made.reused, made.dropped


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << offset % 8]))


@pytest.mark.parametrize("part", ["state", "data"])
def test_flipped_bits(part: str, kept: Kept) -> None:
    chosen = random.Random(7)
    for _ in range(FLIPS):
        paths = kept.paths(part)
        for path in paths:
            flip(path, chosen.randrange(path.stat().st_size))
        reused, dropped = kept.again()
        assert (reused, dropped) == (0, len(paths))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def lose(path: Path) -> None:
    path.unlink()


def mix(path: Path) -> None:
    """Put another state's part in its place."""
    others = [each for each in path.parent.glob(f"*{path.suffix}") if each != path]
    path.write_bytes(others[0].read_bytes())


@pytest.mark.parametrize("harm", [cut, empty, lose, mix])
@pytest.mark.parametrize("part", ["state", "data"])
def test_other_harm(part: str, harm: Callable[[Path], None], kept: Kept) -> None:
    for path in kept.paths(part)[:1] if harm is mix else kept.paths(part):
        harm(path)
    reused, _ = kept.again()
    assert reused < len(STACK) or harm is mix


def test_another_version(kept: Kept) -> None:
    for path in kept.paths("state"):
        content = path.read_bytes()
        path.write_bytes(content.replace(b"pyext4 checkpoint 2 ", b"pyext4 checkpoint 9 ", 1))
    assert kept.again()[0] == 0


def test_a_restored_cache_is_read_whole_and_used(kept: Kept) -> None:
    """Copies have other inodes and times: nothing tells that they are what was made."""
    for path in kept.paths("data"):
        copy = path.with_suffix(".copy")
        copy.write_bytes(path.read_bytes())
        copy.replace(path)
    assert kept.again() == (len(STACK), 0)
    for path in kept.paths("data"):
        copy = path.with_suffix(".copy")
        copy.write_bytes(path.read_bytes())
        copy.replace(path)
        flip(path, path.stat().st_size // 2)
    assert kept.again()[0] == 0


def test_is_sound_reads_all_of_it(kept: Kept) -> None:
    place = Checkpoints(Cache(kept.cache))
    keys = [path.stem for path in kept.paths("state")]
    assert all(map(place.is_sound, keys))
    for path in kept.paths("data"):
        flip(path, path.stat().st_size - 1)
    assert not any(map(place.is_sound, keys))


def test_a_full_cache_is_no_reason_to_fail(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in kept.paths("state"):
        path.unlink()

    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pull.command.reuse.save", full)
    assert kept.again()[0] == 0
    assert kept.paths("state") == []
    assert list((kept.cache / "partial").iterdir()) == []


def test_a_copy_leaves_room_for_the_image(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in kept.paths("state"):
        path.unlink()
    monkeypatch.setattr("pull.command.reuse.free_bytes", lambda _: 1 << 30)
    assert kept.again()[0] == 0
    assert kept.paths("state") == []
    assert list((kept.cache / "partial").iterdir()) == []
    monkeypatch.setattr("pull.command.reuse.free_bytes", lambda _: 2 << 30)
    kept.again()
    assert len(kept.paths("state")) == 2
