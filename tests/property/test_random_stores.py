"""Files placed in an image piece by piece, some of them released again, as by layers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyext4 import Directory, Ext4Writer, File, Metadata, Options, Tree
from pyext4.content import Segment
from pyext4.tree import Openable
from tests.oracle_tools import need
from tests.property.tree_judges import e2fsck_is_silent, reader_gives_the_tree_back

EXAMPLES = int(os.environ.get("PYEXT4_EXAMPLES", "300")) // 3


@dataclass(frozen=True, kw_only=True)
class Step:
    """A file that arrives; before that, some that arrived earlier are given up."""

    size: int
    segments: tuple[Segment, ...] | None
    gives_up: frozenset[int]  # positions, modulo the number of files that are there
    piece_bytes: int


@st.composite
def steps(draw: st.DrawFn) -> Step:
    sizes = st.one_of(
        st.sampled_from([1, 60, 128, 129, 1024, 4096, 4097, 8192, 65_536, 300_000]),
        st.integers(1, 40_000),
    )
    size = draw(sizes)
    segments = None
    if draw(st.integers(0, 3)) == 0:
        borders = sorted(draw(st.sets(st.integers(0, size), max_size=8)))
        segments = tuple(
            (begin, end - begin) for begin, end in zip(borders[::2], borders[1::2], strict=False)
        )
    return Step(
        size=size,
        segments=segments,
        gives_up=draw(st.frozensets(st.integers(0, 100), max_size=3)),
        piece_bytes=draw(st.sampled_from([512, 1000, 4096, 10_000, 1 << 20])),
    )


def marked(number: int, step: Step) -> bytes:
    """Return content that shows whose it is: 16 bytes over and over, zeros in holes."""
    data = (b"<file %08d> " % number * (step.size // 16 + 1))[: step.size]
    if step.segments is None:
        return data
    sparse = bytearray(step.size)
    for offset, length in step.segments:
        sparse[offset : offset + length] = data[offset : offset + length]
    return bytes(sparse)


def arrive(writer: Ext4Writer, number: int, step: Step) -> Openable:
    data = marked(number, step)
    place = writer.store.allocate(step.size, step.segments)
    whole: tuple[Segment, ...] = ((0, step.size),)
    for offset, length in whole if step.segments is None else step.segments:
        for begin in range(offset, offset + length, step.piece_bytes):
            end = min(begin + step.piece_bytes, offset + length)
            # in a chunk the piece stands somewhere, between what belongs to others
            writer.store.place(b"????" + data[begin:end] + b"??", [(place, begin, 4, end - begin)])
    return place


@pytest.mark.oracle
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == 100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    arriving=st.lists(steps(), min_size=1, max_size=40),
    block_size=st.sampled_from([1024, 2048, 4096]),
    features=st.sampled_from([(), ("inline_data",), ("^has_journal",)]),
)
def test_what_is_kept_is_right_and_what_was_given_up_is_gone(
    arriving: list[Step], block_size: int, features: tuple[str, ...], tmp_path: Path
) -> None:
    need("e2fsck", "debugfs")
    image = tmp_path / "placed.ext4"
    here: dict[int, Openable] = {}
    with Ext4Writer(image, Options(block_size_bytes=block_size, features=features)) as writer:
        for number, step in enumerate(arriving):
            for position in step.gives_up:
                if here:
                    chosen = sorted(here)[position % len(here)]
                    writer.store.release(here.pop(chosen))
            here[number] = arrive(writer, number, step)
        kept = {
            number: File(Metadata(mode=0o600), arriving[number].size, place)
            for number, place in here.items()
        }
        writer.commit(tree_of(kept))
    e2fsck_is_silent(image)
    expected = {
        number: File(node.meta, node.size, marked(number, arriving[number]))
        for number, node in kept.items()
    }
    reader_gives_the_tree_back(image, tree_of(expected))
    whole = image.read_bytes()
    for number, step in enumerate(arriving):
        if number not in here and len(marked(number, step).strip(b"\0")) >= 16:
            assert b"<file %08d>" % number not in whole


def tree_of(files: dict[int, File]) -> Tree:
    return Tree(
        Directory(Metadata(mode=0o755), {b"%d" % number: file for number, file in files.items()})
    )
