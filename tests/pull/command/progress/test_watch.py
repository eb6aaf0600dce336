"""What can be seen of a conversion after what was told, at a time that the test says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

import pull
from pull.command.progress import Silence, detailed
from pull.command.progress.pace import bytes_per_second, seconds_left
from pull.command.progress.rows import State
from pull.command.progress.watch import Watch
from pull.spec.digest import Digest
from pull.spec.manifest import Descriptor

if TYPE_CHECKING:
    from pull.image import PulledImage

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeLayer:
    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeImage:
    layers: list[FakeLayer]
    is_local: bool = False
    reference: str = "docker.io/library/app:1"
    digest: str = "sha256:" + "f" * 64
    platform: str = "linux/amd64"


@dataclass(slots=True)
class Story:
    """A watch that is told of layers by their letters."""

    letters: str
    is_local: bool = False
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch("app:1")
        layers = [FakeLayer(digest=digest_of(each), size=10 * MIB) for each in self.letters]
        image = FakeImage(layers=layers, is_local=self.is_local)
        self.watch.found(cast("PulledImage", image))

    def downloaded(self, letter: str, position: int) -> None:
        descriptor = Descriptor(
            media_type="x", digest=Digest.parse(digest_of(letter)), size=10 * MIB
        )
        self.watch.downloaded(descriptor, position)

    def states(self, seconds: float = 0.0) -> list[str]:
        return [row.state.value for row in self.watch.see(seconds).rows]


def digest_of(letter: str) -> str:
    return f"sha256:{letter * 64}"


def test_before_the_image_is_found() -> None:
    seen = Watch("app:1").see(5.0)
    assert (seen.reference, seen.digest, seen.stage, seen.rows) == ("app:1", "", "find", ())


def test_when_it_is_found_nobody_looks_for_it() -> None:
    seen = Story("ab").watch.see(5.0)
    assert (seen.stage, len(seen.rows)) == ("convert", 2)


def test_a_layer_goes_through_all_states() -> None:
    story = Story("abc")
    story.watch.began("convert")
    assert story.states() == ["waiting"] * 3
    story.downloaded("a", 0)
    assert story.states()[0] == "arriving"
    story.downloaded("a", 4 * MIB)
    story.watch.applied(0, 3 * MIB)
    assert story.states()[0] == "converting"
    story.downloaded("b", 10 * MIB)
    assert story.states()[1] == "arrived"
    story.watch.applied(0, 10 * MIB)
    assert story.states() == ["done", "arrived", "waiting"]
    story.watch.applied(1, 1)
    assert story.states() == ["done", "converting", "waiting"]
    story.watch.began("write")
    assert story.states() == ["done"] * 3


def test_one_blob_may_be_several_layers() -> None:
    story = Story("aba")
    story.watch.began("convert")
    story.downloaded("a", 10 * MIB)
    story.watch.applied(0, 10 * MIB)
    assert story.states() == ["done", "waiting", "arrived"]
    seen = story.watch.see(1.0)
    assert (seen.size, seen.arrived, seen.converted) == (30 * MIB, 20 * MIB, 10 * MIB)


def test_an_image_of_this_machine_is_here() -> None:
    story = Story("ab", is_local=True)
    story.watch.began("convert")
    assert story.states() == ["arrived"] * 2
    assert not story.watch.see(0.0).arrives


def test_what_is_put_on_top() -> None:
    story = Story("ab")
    story.watch.began("convert")
    story.watch.applied(2, 5)
    assert story.states() == ["done"] * 2
    assert story.watch.see(0.0).stage == "add"


def test_a_second_attempt_begins_anew() -> None:
    story = Story("ab", is_local=True)
    story.watch.began("convert")
    story.watch.applied(1, 5)
    story.watch.began("convert")
    assert story.states() == ["arrived"] * 2
    assert story.watch.see(0.0).converted == 0


def test_pace_and_time_left_of_what_arrives() -> None:
    story = Story("abc")
    story.downloaded("a", 10 * MIB)  # in the cache: at no pace
    story.watch.began("convert")
    assert story.watch.see(100.0).pace is None
    story.downloaded("b", 2 * MIB)
    story.watch.applied(0, 10 * MIB)
    seen = story.watch.see(101.0)
    assert seen.arrives
    assert seen.pace == 2 * MIB
    assert seen.seconds_left == 9.0  # 18 MiB; the conversion keeps up, so it is not asked


def test_a_slower_conversion_decides() -> None:
    story = Story("abc")
    story.watch.began("convert")
    story.watch.see(0.0)
    story.downloaded("a", 10 * MIB)
    story.downloaded("b", 5 * MIB)
    story.watch.applied(0, 1 * MIB)
    assert story.watch.see(1.0).seconds_left == 29.0


def test_what_stands_still() -> None:
    story = Story("ab")
    story.watch.began("convert")
    story.watch.see(0.0)
    story.downloaded("a", MIB)
    assert story.watch.see(1.0).still_seconds == 0.0
    seen = story.watch.see(61.0)
    assert (seen.still_seconds, seen.seconds_left) == (60.0, None)


@pytest.mark.parametrize(
    ("samples", "pace"),
    [([], None), ([(0, 5)], None), ([(0, 0), (0.5, 9)], None), ([(1, 2), (2, 1), (3, 8)], 3.0)],
)
def test_pace(samples: list[tuple[float, int]], pace: float | None) -> None:
    assert bytes_per_second(samples) == pace


def test_the_slowest_movement_decides() -> None:
    assert seconds_left((10, 5.0), (10, 2.0), (0, None)) == 5.0
    assert seconds_left((10, 5.0), (10, 0.0)) is None
    assert seconds_left((10, None)) is None
    assert seconds_left() == 0.0


def test_a_listener_may_know_two_methods_only() -> None:
    class Two:
        def __init__(self) -> None:
            self.told: list[object] = []

        def downloaded(self, descriptor: Descriptor, position: int) -> None:
            self.told.append((str(descriptor.digest), position))

        def converted(self, digest: str, size: int, position: int) -> None:
            self.told.append((digest, size, position))

    two = Two()
    told = detailed(two)
    told.began("convert")
    told.applied(0, 5)
    told.converted("x", 7, 5)
    assert two.told == [("x", 7, 5)]
    watch = Watch("x")
    assert detailed(watch) is watch
    assert isinstance(detailed(None), Silence)
    assert isinstance(watch, pull.DetailedProgress)
    assert not isinstance(two, pull.DetailedProgress)


def test_states_are_words_that_fit() -> None:
    assert max(len(state.value) for state in State) == 10
