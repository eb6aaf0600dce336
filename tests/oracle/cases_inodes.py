"""Inodes: owners, modes, times, devices and links at the ends of their ranges."""

from __future__ import annotations

import itertools
import stat

from pyext4 import Device, Fifo, Metadata, Options, Socket, Symlink
from pyext4.tree import Node
from tests.oracle.filesystem_cases import Case, directory, plain, tree_of

__all__ = ["CASES"]

SECOND = 10**9
FIRST_NS = -(1 << 31) * SECOND  # 1901-12-13
LAST_NS = ((1 << 34) - (1 << 31)) * SECOND - 1  # 2446-05-10, its last nanosecond
BOUNDARIES = [
    FIRST_NS,
    FIRST_NS + 1,
    -SECOND - 1,
    -1,
    0,
    1,
    (1 << 31) * SECOND - 1,
    (1 << 31) * SECOND,
    (1 << 32) * SECOND - 1,
    (1 << 32) * SECOND,
    9_223_372_036_854_775_807,  # what 64 signed bits hold
    9_223_372_036_854_775_808,
    3 * (1 << 32) * SECOND + 123_456_789,
    LAST_NS,
]


def of_every_type(**meta: object) -> dict[bytes, Node]:
    known = Metadata(**{"mode": 0o644, **meta})  # type: ignore[arg-type]
    return {
        b"file": plain(b"f", **meta),
        b"directory": directory({}, **meta),
        b"symlink": Symlink(known, b"target"),
        b"character": Device(known, stat.S_IFCHR, 1, 3),
        b"block": Device(known, stat.S_IFBLK, 8, 1),
        b"fifo": Fifo(known),
        b"socket": Socket(known),
    }


def every_mode() -> dict[bytes, Node]:
    """Return one directory of all types for each special bit and for all of them."""
    modes = (0, 0o777, 0o1000, 0o2000, 0o4000, 0o7777, 0o6755, 0o1777)
    return {b"%o" % mode: directory(of_every_type(mode=mode)) for mode in modes}


def every_time() -> dict[bytes, Node]:
    nodes: dict[bytes, Node] = {}
    for number, (one, other) in enumerate(itertools.pairwise([*BOUNDARIES, BOUNDARIES[0]])):
        times: dict[str, object] = {
            "mtime_ns": one,
            "atime_ns": other,
            "ctime_ns": one // 2,
            "crtime_ns": other // 2,
        }
        nodes[b"%d" % number] = plain(b"", **times)
        nodes[b"dir-%d" % number] = directory({}, **times)
    return nodes


def devices() -> dict[bytes, Node]:
    pairs = itertools.product((0, 1, 255, 256, 4095), (0, 1, 255, 256, 0xFFFFF))
    kinds = {b"c": stat.S_IFCHR, b"b": stat.S_IFBLK}
    return {
        b"%b-%d-%d" % (letter, major, minor): Device(Metadata(mode=0o660), kind, major, minor)
        for major, minor in pairs
        for letter, kind in kinds.items()
        if (major, minor) != (0, 0)  # of a character device that is overlayfs's whiteout
    }


def symlinks(*lengths: int) -> dict[bytes, Node]:
    return {b"%d" % length: Symlink(Metadata(mode=0o777), b"t" * length) for length in lengths}


def options(**changes: object) -> Options:
    return Options(timestamp=1_700_000_000, **changes)  # type: ignore[arg-type]


OWNERS = (0, 1, 65_535, 65_536, 100_000, 4_294_967_294)
CASES: dict[str, Case] = {
    "owners": Case(
        tree_of(
            {
                b"%d" % owner: directory(of_every_type(uid=owner, gid=4_294_967_294 - owner))
                for owner in OWNERS
            }
        )
    ),
    "modes_on_every_type": Case(tree_of(every_mode())),
    "times_1901_to_2446": Case(tree_of(every_time())),
    "devices": Case(tree_of(devices())),
    "symlinks_1_59_60_4095": Case(tree_of(symlinks(1, 58, 59, 60, 61, 1023, 4094, 4095))),
    "symlinks_1k": Case(tree_of(symlinks(59, 60, 1023)), options(block_size_bytes=1024)),
    "symlinks_2k": Case(tree_of(symlinks(59, 60, 2047)), options(block_size_bytes=2048)),
    "symlinks_inline_data": Case(
        tree_of(symlinks(1, 59, 60, 61, 100, 156, 157, 4095)), options(features=("inline_data",))
    ),
    "links_to_everything_but_directories": Case(
        tree_of(
            {
                name + suffix: node
                for name, node in of_every_type().items()
                if name != b"directory"
                for suffix in (b"", b"-again", b"-and-again")
            }
        )
    ),
    "all_types_inline_data": Case(
        tree_of(of_every_type(xattrs=((b"trusted.t", b"v" * 30),))),
        options(features=("inline_data",)),
    ),
}
