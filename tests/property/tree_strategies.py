"""Random trees and random options to write them with."""

from __future__ import annotations

import io
import stat
import struct
from typing import BinaryIO
from uuid import UUID

from hypothesis import strategies as st

from pyext4 import Device, Directory, Fifo, File, Metadata, Options, Socket, Symlink, Tree
from pyext4.options import Profile
from pyext4.tree import Node

__all__ = ["options", "trees"]

NANO = 1_000_000_000
# 34 bits of seconds, from -2^31 on
OLDEST_NS, NEWEST_NS = -(2**31) * NANO, (2**34 - 2**31) * NANO - 1

owners = st.one_of(
    st.sampled_from([0, 1, 1000, 65535, 65536, 2**31, 2**32 - 2]), st.integers(0, 2**32 - 2)
)
# e2fsck takes times from 2310 to 2378 for older ones, which a bug of Linux 3.x stored like that
_DOUBTFUL_NS = range((3 * 2**32 - 2**31) * NANO, 3 * 2**32 * NANO)
times = st.one_of(
    st.sampled_from([0, -1, 1, OLDEST_NS, NEWEST_NS, 2**31 * NANO - 1, 2**31 * NANO, 2**32 * NANO]),
    st.integers(OLDEST_NS, NEWEST_NS),
).filter(lambda time_ns: time_ns not in _DOUBTFUL_NS)
# any byte but / and NUL
letters = st.sampled_from([value for value in range(1, 256) if value != ord("/")])
names = st.one_of(
    st.text("abcdefgh.-_", min_size=1, max_size=8).map(str.encode),
    st.lists(letters, min_size=1, max_size=12).map(bytes),
    st.builds(
        lambda letter, length: bytes([letter]) * length, letters, st.sampled_from([4, 5, 254, 255])
    ),
).filter(lambda name: name not in (b".", b"..", b"lost+found"))


@st.composite
def acls(draw: st.DrawFn) -> bytes:
    """Make a valid ACL as programs see it: in order, with a mask where it needs one."""
    permissions = st.integers(0, 7)
    users = sorted(draw(st.sets(owners, max_size=3)))
    groups = sorted(draw(st.sets(owners, max_size=3)))
    none = 0xFFFFFFFF
    entries = [(0x01, draw(permissions), none)]
    entries += [(0x02, draw(permissions), user) for user in users]
    entries += [(0x04, draw(permissions), none)]
    entries += [(0x08, draw(permissions), group) for group in groups]
    if users or groups:
        entries += [(0x10, draw(permissions), none)]
    entries += [(0x20, draw(permissions), none)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


values = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda byte, length: bytes([byte]) * length,
        st.integers(0, 255),
        st.sampled_from([0, 1, 3, 4, 80, 81, 500, 900, 1000, 3000, 4000, 5000, 65536]),
    ),
)


@st.composite
def attributes(
    draw: st.DrawFn, *, directory: bool = False, special: bool = False
) -> tuple[tuple[bytes, bytes], ...]:
    spaces = [b"trusted.", b"security."]
    if not special:  # Linux keeps user.* and ACLs to files and directories
        spaces.append(b"user.")
    rest = st.lists(letters, min_size=1, max_size=20).map(bytes)
    name = st.builds(lambda space, end: space + end, st.sampled_from(spaces), rest)
    found = draw(st.dictionaries(name, values, max_size=4))
    if not special and draw(st.booleans()):
        found[b"system.posix_acl_access"] = draw(acls())
    if directory and draw(st.booleans()):
        found[b"system.posix_acl_default"] = draw(acls())
    return tuple(sorted(found.items()))


@st.composite
def metadata(draw: st.DrawFn, *, directory: bool = False, special: bool = False) -> Metadata:
    plain = draw(st.booleans())
    if plain:
        return Metadata(mode=draw(st.sampled_from([0o644, 0o755, 0o777])))
    maybe = st.one_of(st.none(), times)
    return Metadata(
        mode=draw(st.integers(0, 0o7777)),
        uid=draw(owners),
        gid=draw(owners),
        mtime_ns=draw(times),
        atime_ns=draw(maybe),
        ctime_ns=draw(maybe),
        crtime_ns=draw(maybe),
        xattrs=draw(st.one_of(st.just(()), attributes(directory=directory, special=special))),
    )


sizes = st.one_of(
    st.sampled_from([0, 1, 59, 60, 61, 127, 128, 129, 1023, 1024, 1025, 4095, 4096, 4097, 100_000]),
    st.integers(0, 20_000),
)


@st.composite
def files(draw: st.DrawFn) -> File:
    size = draw(sizes)
    seed = draw(st.integers(0, 255))
    data = bytes((seed + position * 7) & 0xFF for position in range(min(size, 997)))
    data = (data * (size // 997 + 1))[:size]
    if draw(st.booleans()):
        return File(draw(metadata()), size, data)

    def opened() -> BinaryIO:
        return io.BytesIO(data)

    return File(draw(metadata()), size, opened)


@st.composite
def symlinks(draw: st.DrawFn) -> Symlink:
    target = st.one_of(
        st.lists(st.integers(1, 255), min_size=1, max_size=30).map(bytes),
        st.sampled_from([1, 58, 59, 60, 61, 127, 128, 129, 1000, 1023]).map(lambda n: b"t" * n),
    )
    return Symlink(draw(metadata(special=True)), draw(target))


@st.composite
def devices(draw: st.DrawFn) -> Device:
    major = draw(st.one_of(st.sampled_from([0, 1, 255, 256, 4095]), st.integers(0, 4095)))
    minor = draw(st.one_of(st.sampled_from([0, 255, 256, 2**20 - 1]), st.integers(0, 2**20 - 1)))
    kind = draw(st.sampled_from([stat.S_IFCHR, stat.S_IFBLK]))
    return Device(draw(metadata(special=True)), kind, major, minor)


leaves: st.SearchStrategy[Node] = st.one_of(
    files(),
    symlinks(),
    devices(),
    metadata(special=True).map(Fifo),
    metadata(special=True).map(Socket),
)


@st.composite
def full_directories(draw: st.DrawFn) -> Directory:
    """Make a directory with enough names for an index."""
    stem = draw(names)[:200]
    count = draw(st.sampled_from([40, 150, 400, 1200]))
    child = Fifo(Metadata(mode=0o600))
    children: dict[bytes, Node] = {}
    for number in range(count):
        if not number % 50:
            child = Fifo(Metadata(mode=0o600, mtime_ns=number))
        children[b"%s%d" % (stem, number * number)] = child
    return Directory(draw(metadata(directory=True)), children)


def directories(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(
        Directory, metadata(directory=True), st.dictionaries(names, children, max_size=6)
    )


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Draw a tree of all kinds of nodes, some of them under several names."""
    nodes = st.recursive(st.one_of(leaves, full_directories()), directories, max_leaves=20)
    root = Directory(
        draw(metadata(directory=True)), draw(st.dictionaries(names, nodes, max_size=8))
    )
    if draw(st.booleans()):
        found = Directory(draw(metadata(directory=True)), draw(st.dictionaries(names, leaves)))
        root.children[b"lost+found"] = found
    tree = Tree(root)
    places = [node for _, node in tree.walk() if isinstance(node, Directory)]
    linked = [node for _, node in tree.walk() if not isinstance(node, Directory)]
    if linked:
        for name in draw(st.lists(names, max_size=4)):
            place = draw(st.sampled_from(places))
            place.children.setdefault(name, draw(st.sampled_from(linked)))
    return tree


FEATURES = (
    "^has_journal",
    "^resize_inode",
    "^dir_index",
    "^64bit",
    "^huge_file",
    "^dir_nlink",
    "^metadata_csum",
    "uninit_bg",
    "metadata_csum_seed",
    "ea_inode",
    "orphan_file",
    "inline_data",
)


def _possible(features: set[str]) -> bool:
    if "metadata_csum_seed" in features and "^metadata_csum" in features:
        return False
    return not ("orphan_file" in features and "^has_journal" in features)


@st.composite
def options(draw: st.DrawFn) -> Options:
    """Draw options that go together."""
    smallest = draw(st.booleans())
    profiles: list[Profile] = ["default", "default", "compat", "readonly"]
    profile = draw(st.sampled_from(profiles))
    features = draw(st.sets(st.sampled_from(FEATURES), max_size=4).filter(_possible))
    if profile != "default":  # each leaves out what others of these need
        features -= {"metadata_csum_seed", "orphan_file"}
    if profile == "compat":  # which never takes it by itself, and some of the values need it
        features.add("ea_inode")
    inodes = draw(st.one_of(st.none(), st.integers(1, 20_000)))
    ratios = [None] if inodes is not None else [None, 4096, 16384, 1 << 20]
    return Options(
        smallest=smallest,
        free_bytes=None
        if smallest
        else draw(st.sampled_from([None, 0, 1, 5_000_000, 300_000_000])),
        label=draw(st.binary(max_size=16).filter(lambda label: b"\0" not in label)),
        uuid=draw(st.one_of(st.none(), st.uuids())),
        hash_seed=draw(st.one_of(st.none(), st.just(UUID(int=0)), st.uuids())),
        timestamp=draw(st.sampled_from([0, 1, 1_700_000_000])),
        profile=profile,
        features=tuple(sorted(features)),
        block_size_bytes=draw(st.sampled_from([1024, 2048, 4096])),
        inodes=inodes,
        bytes_per_inode=draw(st.sampled_from(ratios)),
        reserved_percent=draw(st.sampled_from([0.0, 1.5, 5.0, 50.0])),
        hash_version=draw(st.sampled_from(["half_md4", "tea"])),
    )
