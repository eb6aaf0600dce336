"""Extended attributes: in the inode, in blocks shared or not, in inodes of their own."""

from __future__ import annotations

import struct

from pyext4 import Options
from pyext4.tree import Node
from tests.oracle.filesystem_cases import Case, directory, plain, tree_of

__all__ = ["CASES"]

V2 = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)  # cap_net_raw=ep
V3 = struct.pack("<6I", 0x03000001, 1 << 13, 0, 0, 0, 100_000)  # the same in a user namespace
LABEL = b"system_u:object_r:bin_t:s0\0"
ACCESS = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in (
        (0x01, 6, 0xFFFFFFFF),
        (0x02, 4, 1000),
        (0x02, 7, 4_000_000_000),
        (0x04, 4, 0xFFFFFFFF),
        (0x08, 5, 70_000),
        (0x10, 7, 0xFFFFFFFF),
        (0x20, 4, 0xFFFFFFFF),
    )
)
DEFAULT = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in ((0x01, 7, 0xFFFFFFFF), (0x04, 5, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF))
)
EVERYTHING = {
    b"security.capability": V2,
    b"security.selinux": LABEL,
    b"system.posix_acl_access": ACCESS,
    b"trusted.overlay.opaque": b"y",
    b"user.mime_type": b"text/plain",
}
TIMED = Options(timestamp=1_700_000_000)
EA_INODE = Options(timestamp=1_700_000_000, features=("ea_inode",))


def with_xattrs(xattrs: dict[bytes, bytes], **meta: object) -> Node:
    return plain(b"content", xattrs=tuple(sorted(xattrs.items())), **meta)


def numbered(count: int, length: int) -> dict[bytes, bytes]:
    return {b"user.attribute-%d" % n: bytes([n % 255 + 1]) * length for n in range(count)}


def users_of_one_set(count: int) -> dict[bytes, Node]:
    return {b"%d" % n: with_xattrs({b"user.same": b"s" * 500}) for n in range(count)}


def filled(room: int) -> dict[bytes, bytes]:
    """One attribute that takes `room` bytes with its entry."""
    return {b"user.filled": b"f" * (room - 16 - 8)}


IN_INODE = 256 - 160 - 4 - 4  # behind the fields, less magic number and end
IN_BLOCK = 4096 - 32 - 4
FOUR_NAMESPACES = {
    b"security.s": b"1",
    b"system.posix_acl_access": ACCESS,
    b"trusted.t": b"3",
    b"user.u": b"4",
}
ALL_ON_A_DIRECTORY = EVERYTHING | {b"system.posix_acl_default": DEFAULT}

CASES: dict[str, Case] = {
    "every_namespace": Case(tree_of({b"file": with_xattrs(FOUR_NAMESPACES)})),
    "everything_on_one_file": Case(tree_of({b"file": with_xattrs(EVERYTHING)})),
    "everything_on_one_directory": Case(
        tree_of({b"dir": directory({}, xattrs=tuple(sorted(ALL_ON_A_DIRECTORY.items())))})
    ),
    "on_the_root": Case(
        tree_of({b"dir": directory({}, xattrs=((b"trusted.overlay.opaque", b"y"),))})
    ),
    "capability_v2": Case(tree_of({b"ping": with_xattrs({b"security.capability": V2})})),
    "capability_v3": Case(tree_of({b"ping": with_xattrs({b"security.capability": V3})})),
    "selinux_label_with_nul": Case(tree_of({b"sh": with_xattrs({b"security.selinux": LABEL})})),
    "acl_access_and_default": Case(
        tree_of(
            {
                b"file": with_xattrs({b"system.posix_acl_access": ACCESS}),
                b"dir": directory(
                    {},
                    xattrs=(
                        (b"system.posix_acl_access", ACCESS),
                        (b"system.posix_acl_default", DEFAULT),
                    ),
                ),
            }
        )
    ),
    "empty_value": Case(tree_of({b"file": with_xattrs({b"user.empty": b""})})),
    "name_255": Case(tree_of({b"file": with_xattrs({b"user." + b"n" * 250: b"v"})})),
    "in_inode_full": Case(tree_of({b"file": with_xattrs(filled(IN_INODE))})),
    "in_inode_full_and_1": Case(tree_of({b"file": with_xattrs(filled(IN_INODE + 4))})),
    "in_block_full": Case(tree_of({b"file": with_xattrs(filled(IN_BLOCK))})),
    "in_block_and_inode": Case(
        tree_of({b"file": with_xattrs(filled(IN_BLOCK) | {b"user.small": b"s" * 50})})
    ),
    "in_block_full_and_1": Case(
        tree_of({b"file": with_xattrs(filled(IN_BLOCK + 4))}),
        features=frozenset({"ea_inode"}),
    ),
    "shared_block_1024": Case(tree_of(users_of_one_set(1024)), features=frozenset()),
    "shared_block_1025": Case(tree_of(users_of_one_set(1025))),
    "value_of_its_own_inode": Case(
        tree_of({b"file": with_xattrs({b"user.large": b"L" * 5000, b"user.small": b"s"})}),
        features=frozenset({"ea_inode"}),
    ),
    "value_65536": Case(
        tree_of({b"file": with_xattrs({b"user.large": b"L" * 65536})}),
        features=frozenset({"ea_inode"}),
    ),
    "values_of_one_size_65536": Case(
        tree_of({b"file": with_xattrs(numbered(20, 65536))}), features=frozenset({"ea_inode"})
    ),
    "values_150_small": Case(
        tree_of({b"file": with_xattrs(numbered(100, 100))}), features=frozenset({"ea_inode"})
    ),
    "values_150_small_inline_data": Case(
        tree_of({b"file": with_xattrs(numbered(100, 100))}),
        Options(timestamp=1_700_000_000, features=("inline_data",)),
    ),
    "large_value_shared": Case(
        tree_of(
            {
                b"%d" % n: with_xattrs({b"user.large": b"L" * 9000, b"user.small": b"s"})
                for n in range(3)
            }
        ),
        features=frozenset({"ea_inode"}),
    ),
    "large_values_1k": Case(
        tree_of({b"file": with_xattrs(numbered(10, 3000))}),
        Options(timestamp=1_700_000_000, block_size_bytes=1024),
    ),
    "large_value_without_metadata_csum": Case(
        tree_of({b"file": with_xattrs({b"user.large": b"L" * 5000})}),
        Options(timestamp=1_700_000_000, features=("^metadata_csum",)),
    ),
    "ea_inode_asked_for": Case(
        tree_of({b"file": with_xattrs({b"user.small": b"s"})}),
        EA_INODE,
        features=frozenset({"ea_inode"}),
    ),
    "on_symlink_and_fifo": Case(
        tree_of(
            {
                b"dir": directory({}, xattrs=((b"trusted.a", b"1"),)),
                b"file": with_xattrs({b"trusted.a": b"1", b"security.selinux": LABEL}),
            }
        )
    ),
    "blocks_of_1k_hold_less": Case(
        tree_of({b"file": with_xattrs({b"user.a": b"a" * 900, b"user.b": b"b" * 40})}),
        Options(timestamp=1_700_000_000, block_size_bytes=1024),
    ),
}
