"""Files: sizes, holes, fragments, hard links."""

from __future__ import annotations

import random

from pyext4 import Metadata, Options, Tree
from pyext4.image.store import ImageStore
from pyext4.tree import File, Node
from tests.oracle.filesystem_cases import (
    Build,
    Case,
    Made,
    directory,
    plain,
    sparse,
    stored,
    tree_of,
)

__all__ = ["CASES"]

TIB = 1 << 40
LARGEST = 0xFFFFFFFF * 4096  # 16 TiB less a block


def options(**changes: object) -> Options:
    return Options(timestamp=1_700_000_000, **changes)  # type: ignore[arg-type]


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def sizes(block_size: int) -> dict[bytes, Node]:
    """Return a file for each size around the borders of blocks."""
    around = {0, 1, 2}
    for blocks in (1, 2, 12, 13):
        around |= {blocks * block_size + more for more in (-1, 0, 1)}
    return {b"%d" % size: plain(noise(size)) for size in sorted(around)}


def holes(size: int, *offsets: int) -> Build:
    """Return a tree with one file that has some data at each offset and holes between."""

    def build(store: ImageStore) -> Made:
        pieces = [(offset, b"data at %d" % offset) for offset in offsets]
        return Made(Tree(directory({b"sparse": sparse(store, size, pieces)})), {b"/sparse": pieces})

    return build


def fragments(count: int, block_size: int) -> Build:
    """Return a tree with a file of `count` pieces of a block that no two touch."""
    pieces = [(2 * n * block_size, b"%d" % n) for n in range(count)]

    def build(store: ImageStore) -> Made:
        file = sparse(store, 2 * count * block_size, pieces)
        return Made(Tree(directory({b"fragments": file})), {b"/fragments": pieces})

    return build


def reused_holes(store: ImageStore) -> Made:
    """Files come and go, as layers replace them; what stays lies in the gaps."""
    source = random.Random(1)
    kept: dict[bytes, bytes] = {}
    files: dict[bytes, Node] = {}
    for number in range(600):
        data = noise(source.randrange(1, 40_000))
        file = stored(store, data)
        if number % 3:
            files[b"%d" % number], kept[b"/%d" % number] = file, data
        else:
            store.release(file.content)  # type: ignore[arg-type]
    pieces = {path: [(0, data)] for path, data in kept.items()}
    return Made(Tree(directory(files)), pieces)


def over_copies(store: ImageStore) -> Made:
    """A file that is cut by the copies of the superblock at groups 1 and 3 of 1 KiB blocks."""
    data = noise(30 << 20)
    return Made(Tree(directory({b"cut": stored(store, data)})), {b"/cut": [(0, data)]})


def over_128_mib(store: ImageStore) -> Made:
    """300 MiB: more than an extent's 32768 blocks, though only its ends are written."""
    size = 300 << 20
    content = store.allocate(size)
    pieces = [(0, b"begin"), (size - 3, b"end")]
    for offset, data in pieces:
        store.place(data, [(content, offset, 0, len(data))])
    file = File(Metadata(mode=0o644), size, content)
    return Made(Tree(directory({b"large": file})), {b"/large": pieces})


def over_4_gib(store: ImageStore) -> Made:
    """A file that crosses 4 GiB within 100 MiB of data, of which only the ends are written."""
    begin, length = (1 << 32) - (50 << 20), 100 << 20
    content = store.allocate(begin + length, [(0, 5), (begin, length)])
    pieces = [(0, b"begin"), (1 << 32, b"4 GiB"), (begin + length - 3, b"end")]
    for offset, data in pieces:
        store.place(data, [(content, offset, 0, len(data))])
    file = File(Metadata(mode=0o644), begin + length, content)
    return Made(Tree(directory({b"large": file})), {b"/large": pieces})


def links(count: int) -> Build:
    shared = plain(b"the same", uid=7)
    half = count // 2
    return tree_of(
        {
            b"a": directory({b"%d" % n: shared for n in range(half)}),
            b"b": directory({b"%d" % n: shared for n in range(count - half)}),
        }
    )


def all_hole(size: int) -> Build:
    def build(store: ImageStore) -> Made:
        file = File(Metadata(mode=0o644), size, store.allocate(size, []))
        return Made(Tree(directory({b"hole": file})), {b"/hole": []})

    return build


CASES: dict[str, Case] = {
    "sizes_4k": Case(tree_of(sizes(4096))),
    "sizes_2k": Case(tree_of(sizes(2048)), options(block_size_bytes=2048)),
    "sizes_1k": Case(tree_of(sizes(1024)), options(block_size_bytes=1024)),
    "sizes_inline_data": Case(
        tree_of({b"%d" % size: plain(noise(size)) for size in (0, 1, 59, 60, 61, 150, 156, 157)}),
        options(features=("inline_data",)),
    ),
    "hole_at_begin": Case(holes(1 << 20, 1 << 19)),
    "hole_at_end": Case(holes(1 << 20, 0)),
    "holes_5": Case(holes(1 << 20, *(n * 200_000 for n in range(5)))),
    "holes_inside_blocks": Case(holes(20_000, 100, 5_000, 5_500, 9_000)),
    "hole_only": Case(all_hole(1 << 20)),
    "sparse_5_gib": Case(holes(5 << 30, 0, 1 << 32, (5 << 30) - 20)),
    "sparse_16_tib_less_block": Case(holes(LARGEST, 0, 8 * TIB, LARGEST - 30)),
    "sparse_largest_1k": Case(
        holes(0xFFFFFFFF * 1024, 0, 0xFFFFFFFF * 1024 - 30), options(block_size_bytes=1024)
    ),
    "extents_4": Case(fragments(4, 4096)),
    "extents_5": Case(fragments(5, 4096)),
    "extents_340": Case(fragments(340, 4096)),
    "extents_341": Case(fragments(341, 4096)),
    "extents_1360": Case(fragments(4 * 340, 4096)),
    "extents_1361_depth_2": Case(fragments(4 * 340 + 1, 4096)),
    "extents_5000_depth_2": Case(fragments(5000, 4096)),
    "extents_3000_depth_2_1k": Case(fragments(3000, 1024), options(block_size_bytes=1024)),
    "extents_30000_depth_3_1k": Case(fragments(30_000, 1024), options(block_size_bytes=1024)),
    "extents_without_metadata_csum": Case(
        fragments(1000, 4096), options(features=("^metadata_csum",))
    ),
    "reused_holes": Case(reused_holes),
    "reused_holes_1k": Case(reused_holes, options(block_size_bytes=1024)),
    "cut_by_copies": Case(over_copies, options(block_size_bytes=1024)),
    "over_128_mib": Case(over_128_mib),
    "over_4_gib": Case(over_4_gib),
    "links_2": Case(links(2)),
    "links_65000": Case(links(65_000), slow=True),
}
