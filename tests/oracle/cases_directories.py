"""Directories: indexes of every depth, link counts, names."""

from __future__ import annotations

from pyext4 import Directory, Options, Tree
from pyext4.tree import Node
from tests.oracle.filesystem_cases import Build, Case, Made, directory, plain, tree_of

__all__ = ["CASES"]

NAME_255 = b"n" * 251
ODD_BYTES = bytes(set(range(1, 256)) - {ord("/")})


def files(count: int, name: bytes = b"file-%d") -> dict[bytes, Node]:
    return {name % number: plain() for number in range(count)}


def one(children: dict[bytes, Node], name: bytes = b"many") -> Build:
    return tree_of({name: directory(children)})


def long_names(count: int) -> dict[bytes, Node]:
    return {b"%04x" % number + NAME_255: plain() for number in range(count)}


def every_byte() -> dict[bytes, Node]:
    """Names of each single byte, of all bytes, and what is not UTF-8."""
    names = [bytes([char]) for char in ODD_BYTES if char != ord(".")]
    names += [ODD_BYTES, b"\xff\xfe", b"\xc3\xa9", b" ", b"...", b"a\nb", b"-rf", b"\x80" * 200]
    return {name[:255]: plain() for name in names}


def signed_names(count: int) -> dict[bytes, Node]:
    """Names of bytes above 127, which hash otherwise if chars are unsigned."""
    return {b"\xe9\xff\x80%d\xfe" % number * 3: plain() for number in range(count)}


def deep(levels: int) -> Directory:
    bottom = directory({b"file": plain(b"down here")})
    for _ in range(levels):
        bottom = directory({b"d": bottom})
    return bottom


def own_lost_and_found() -> dict[bytes, Node]:
    return {b"lost+found": directory({b"#12": plain(b"found")}, mode=0o750, uid=5, mtime_ns=7)}


def subdirectories(count: int) -> dict[bytes, Node]:
    return {b"%d" % number: directory({}) for number in range(count)}


def one_block_exactly(block_size: int, entries: int) -> dict[bytes, Node]:
    """Fill a block to its last byte: `.`, `..`, the tail of 12 bytes, and `entries` names."""
    room = block_size - 24 - 12
    sizes = [room // entries // 4 * 4] * entries
    sizes[-1] += room - sum(sizes)
    return {(b"%d-" % n).ljust(size - 8, b"x"): plain() for n, size in enumerate(sizes)}


def root_of(children: dict[bytes, Node]) -> Build:
    return lambda _store: Made(Tree(directory(children)))


def options(**changes: object) -> Options:
    return Options(timestamp=1_700_000_000, **changes)  # type: ignore[arg-type]


TEA = options(hash_version="tea")
KIB = options(block_size_bytes=1024)

CASES: dict[str, Case] = {
    "empty_tree": Case(tree_of({})),
    "deep_200": Case(tree_of({b"d": deep(200)})),
    "lost_and_found_of_its_own": Case(tree_of(own_lost_and_found())),
    "lost_and_found_with_3000_entries": Case(tree_of({b"lost+found": directory(files(3000))})),
    "one_block_full": Case(one(one_block_exactly(4096, 30))),
    "one_block_and_one_entry": Case(one(one_block_exactly(4096, 30) | {b"y": plain()})),
    "one_block_full_1k": Case(one(one_block_exactly(1024, 6)), KIB),
    "one_block_and_one_entry_1k": Case(one(one_block_exactly(1024, 6) | {b"y": plain()}), KIB),
    "indexed_root": Case(root_of(files(5000))),
    "depth_1": Case(one(files(20_000))),
    "depth_1_tea": Case(one(files(20_000)), TEA),
    "depth_1_without_metadata_csum": Case(
        one(files(20_000)), options(features=("^metadata_csum",))
    ),
    "depth_2_1k": Case(one(files(12_000)), KIB),
    "depth_2_1k_tea": Case(one(files(12_000)), options(block_size_bytes=1024, hash_version="tea")),
    "depth_2_2k": Case(one(long_names(3_000)), options(block_size_bytes=2048)),
    "depth_2_without_metadata_csum": Case(
        one(files(12_000)), options(block_size_bytes=1024, features=("^metadata_csum",))
    ),
    "without_dir_index": Case(one(files(3_000)), options(features=("^dir_index",))),
    "names_255": Case(one(long_names(1_000))),
    "names_of_every_byte": Case(one(every_byte())),
    "names_signed": Case(one(signed_names(2_000))),
    "names_signed_tea": Case(one(signed_names(2_000)), TEA),
    "subdirectories_64998": Case(one(subdirectories(64_998)), slow=True),
    "subdirectories_64999": Case(one(subdirectories(64_999)), slow=True),
    "subdirectories_70000": Case(one(subdirectories(70_000)), slow=True),
    "entries_300000": Case(one(files(300_000)), slow=True),
    "names_255_depth_2": Case(one(long_names(30_000)), slow=True),
}
