"""Filesystems of every shape around one small tree, and what dumpe2fs must say about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyext4 import Directory, Metadata, Options, Symlink, Tree
from pyext4.structures.feature_sets import DEFAULT
from pyext4.tree import Node
from tests.oracle.filesystem_cases import directory, plain

__all__ = ["SHAPES", "Shape", "sample_tree", "timed"]

MIB = 1 << 20
TIMESTAMP = 1_700_000_000


def timed(**changes: object) -> Options:
    """Return options with a time that e2fsck does not find in the future."""
    return Options(timestamp=TIMESTAMP, **changes)  # type: ignore[arg-type]


def sample_tree() -> Tree:
    """Make a tree that has something of everything that features change."""
    many: dict[bytes, Node] = {b"file-%d" % n: plain(b"%d" % n) for n in range(200)}
    return Tree(
        Directory(
            Metadata(mode=0o755),
            {
                b"many": directory(many),
                b"short": plain(b"a few bytes"),
                b"medium": plain(b"m" * 130),
                b"large": plain(b"L" * 100_000),
                b"link": Symlink(Metadata(mode=0o777), b"t" * 100),
                b"shared": plain(b"s", xattrs=((b"user.large", b"x" * 600),)),
                b"shared too": plain(b"s", xattrs=((b"user.large", b"x" * 600),)),
                b"ping": plain(b"p", xattrs=((b"security.capability", b"\1\0\0\2" + bytes(16)),)),
            },
        )
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """One row: options, and lines of `dumpe2fs -h` by their names."""

    options: Options
    shown: Mapping[str, str] = field(default_factory=dict)
    features: frozenset[str] | None = None


def changed(*changes: str, **options: object) -> Shape:
    """Return the row of the default features with some added, or removed with ^."""
    features = set(DEFAULT)
    for change in changes:
        if change.startswith("^"):
            features.discard(change[1:])
        else:
            features.add(change)
    return Shape(timed(features=changes, **options), features=frozenset(features))


SHAPES: dict[str, Shape] = {
    "default": Shape(timed(), features=DEFAULT),
    "profile_compat": Shape(
        timed(profile="compat"), features=DEFAULT - {"metadata_csum", "64bit"} | {"uninit_bg"}
    ),
    "profile_readonly": Shape(
        timed(profile="readonly"),
        {"Free blocks": "15"},  # of the room for descriptors
        features=DEFAULT - {"has_journal", "resize_inode"},
    ),
    "profile_readonly_1k": Shape(timed(profile="readonly", block_size_bytes=1024)),
    "profile_readonly_with_free_space": Shape(timed(profile="readonly", free_bytes=8 * MIB)),
    "profile_compat_1k": Shape(timed(profile="compat", block_size_bytes=1024)),
    "profile_compat_2k": Shape(timed(profile="compat", block_size_bytes=2048)),
    "blocks_1k": Shape(timed(block_size_bytes=1024), {"Block size": "1024", "First block": "1"}),
    "blocks_2k": Shape(timed(block_size_bytes=2048), {"Block size": "2048", "First block": "0"}),
    "smallest": Shape(timed(smallest=True), {"Free blocks": "0"}),
    "smallest_1k": Shape(timed(smallest=True, block_size_bytes=1024), {"Free blocks": "0"}),
    "smallest_2k": Shape(timed(smallest=True, block_size_bytes=2048), {"Free blocks": "0"}),
    "smallest_without_journal": Shape(timed(smallest=True, features=("^has_journal",))),
    "size_100_mib": Shape(timed(size_bytes=100 * MIB), {"Block count": "25600"}),
    "size_no_whole_block": Shape(timed(size_bytes=100 * MIB + 4095), {"Block count": "25600"}),
    "size_1_gib_1k": Shape(timed(size_bytes=1024 * MIB, block_size_bytes=1024)),
    # without the 17th group, which is too short, there is a block less of descriptors
    "size_16_groups_and_a_block_1k": Shape(
        timed(size_bytes=(16 * 8192 + 2) * 1024, block_size_bytes=1024), {"Block count": "131073"}
    ),
    "size_20_gib": Shape(timed(size_bytes=20 << 30), {"Block count": "5242880"}),
    "size_3_tib": Shape(timed(size_bytes=3 << 40, bytes_per_inode=1 << 22)),
    "free_0": Shape(timed(free_bytes=0)),
    "free_300_mib": Shape(timed(free_bytes=300 * MIB)),
    "reserved_5": Shape(
        timed(size_bytes=100 * MIB, reserved_percent=5), {"Reserved block count": "1280"}
    ),
    "inodes_100000": Shape(timed(inodes=100_000), {"Inode count": "100032"}),
    "bytes_per_inode_8192": Shape(
        timed(size_bytes=1024 * MIB, bytes_per_inode=8192), {"Inode count": "131072"}
    ),
    # a group's bitmap ends the count; mke2fs would make smaller groups
    "bytes_per_inode_1024": Shape(
        timed(size_bytes=64 * MIB, bytes_per_inode=1024), {"Inode count": "32768"}
    ),
    "bytes_per_inode_1_mib": Shape(timed(size_bytes=1024 * MIB, bytes_per_inode=MIB)),
    "journal_4_mib": Shape(timed(journal_bytes=4 * MIB), {"Total journal size": "4096k"}),
    "journal_200_mib": Shape(timed(journal_bytes=200 * MIB), {"Total journal size": "200M"}),
    "journal_1_mib_1k": Shape(
        timed(journal_bytes=MIB, block_size_bytes=1024), {"Total journal size": "1024k"}
    ),
    "journal_over_copies_1k": Shape(timed(journal_bytes=64 * MIB, block_size_bytes=1024)),
    "label_16": Shape(
        timed(label=b"sixteen bytes ok"), {"Filesystem volume name": "sixteen bytes ok"}
    ),
    "no_64bit": changed("^64bit"),
    "no_metadata_csum": changed("^metadata_csum"),
    "no_metadata_csum_but_uninit_bg": changed("^metadata_csum", "uninit_bg"),
    "no_64bit_no_metadata_csum": changed("^64bit", "^metadata_csum"),
    "no_has_journal": changed("^has_journal"),
    "no_resize_inode": changed("^resize_inode"),
    "no_resize_inode_1k": changed("^resize_inode", block_size_bytes=1024),
    "no_dir_index": changed("^dir_index"),
    "no_huge_file": changed("^huge_file"),
    "no_dir_nlink": changed("^dir_nlink"),
    "metadata_csum_seed": changed("metadata_csum_seed"),
    "orphan_file": changed("orphan_file"),
    "orphan_file_1k": changed("orphan_file", block_size_bytes=1024),
    "orphan_file_no_metadata_csum": changed("orphan_file", "^metadata_csum"),
    "inline_data": changed("inline_data"),
    "inline_data_1k": changed("inline_data", block_size_bytes=1024),
    "inline_data_no_metadata_csum": changed("inline_data", "^metadata_csum"),
    "ea_inode": changed("ea_inode"),
    "everything_added": changed(
        "inline_data", "orphan_file", "metadata_csum_seed", "ea_inode", block_size_bytes=1024
    ),
    "everything_removed": changed(
        "^has_journal", "^resize_inode", "^dir_index", "^64bit", "^huge_file", "^dir_nlink",
        "^metadata_csum",
    ),
}  # fmt: skip
