"""Feature bits, and the names that mke2fs and dumpe2fs use for them.

Specification: https://docs.kernel.org/filesystems/ext4/globals.html (super.rst),
EXT4_FEATURE_* of fs/ext4/ext4.h; names of lib/e2p/feature.c of e2fsprogs.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "EXT4_FEATURE_COMPAT_DIR_INDEX",
    "EXT4_FEATURE_COMPAT_DIR_PREALLOC",
    "EXT4_FEATURE_COMPAT_EXCLUDE_BITMAP",
    "EXT4_FEATURE_COMPAT_EXT_ATTR",
    "EXT4_FEATURE_COMPAT_FAST_COMMIT",
    "EXT4_FEATURE_COMPAT_HAS_JOURNAL",
    "EXT4_FEATURE_COMPAT_IMAGIC_INODES",
    "EXT4_FEATURE_COMPAT_LAZY_BG",
    "EXT4_FEATURE_COMPAT_ORPHAN_FILE",
    "EXT4_FEATURE_COMPAT_RESIZE_INODE",
    "EXT4_FEATURE_COMPAT_SPARSE_SUPER2",
    "EXT4_FEATURE_COMPAT_STABLE_INODES",
    "EXT4_FEATURE_INCOMPAT_64BIT",
    "EXT4_FEATURE_INCOMPAT_CASEFOLD",
    "EXT4_FEATURE_INCOMPAT_COMPRESSION",
    "EXT4_FEATURE_INCOMPAT_CSUM_SEED",
    "EXT4_FEATURE_INCOMPAT_DIRDATA",
    "EXT4_FEATURE_INCOMPAT_EA_INODE",
    "EXT4_FEATURE_INCOMPAT_ENCRYPT",
    "EXT4_FEATURE_INCOMPAT_EXTENTS",
    "EXT4_FEATURE_INCOMPAT_FILETYPE",
    "EXT4_FEATURE_INCOMPAT_FLEX_BG",
    "EXT4_FEATURE_INCOMPAT_INLINE_DATA",
    "EXT4_FEATURE_INCOMPAT_JOURNAL_DEV",
    "EXT4_FEATURE_INCOMPAT_LARGEDIR",
    "EXT4_FEATURE_INCOMPAT_META_BG",
    "EXT4_FEATURE_INCOMPAT_MMP",
    "EXT4_FEATURE_INCOMPAT_RECOVER",
    "EXT4_FEATURE_RO_COMPAT_BIGALLOC",
    "EXT4_FEATURE_RO_COMPAT_BTREE_DIR",
    "EXT4_FEATURE_RO_COMPAT_DIR_NLINK",
    "EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE",
    "EXT4_FEATURE_RO_COMPAT_GDT_CSUM",
    "EXT4_FEATURE_RO_COMPAT_HAS_SNAPSHOT",
    "EXT4_FEATURE_RO_COMPAT_HUGE_FILE",
    "EXT4_FEATURE_RO_COMPAT_LARGE_FILE",
    "EXT4_FEATURE_RO_COMPAT_METADATA_CSUM",
    "EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT",
    "EXT4_FEATURE_RO_COMPAT_PROJECT",
    "EXT4_FEATURE_RO_COMPAT_QUOTA",
    "EXT4_FEATURE_RO_COMPAT_READONLY",
    "EXT4_FEATURE_RO_COMPAT_REPLICA",
    "EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS",
    "EXT4_FEATURE_RO_COMPAT_SPARSE_SUPER",
    "EXT4_FEATURE_RO_COMPAT_VERITY",
    "FEATURES",
]

# s_feature_compat
EXT4_FEATURE_COMPAT_DIR_PREALLOC: Final = 0x00001  # directories get blocks ahead
EXT4_FEATURE_COMPAT_IMAGIC_INODES: Final = 0x00002  # AFS inodes
EXT4_FEATURE_COMPAT_HAS_JOURNAL: Final = 0x00004  # there is a journal
EXT4_FEATURE_COMPAT_EXT_ATTR: Final = 0x00008  # extended attributes
EXT4_FEATURE_COMPAT_RESIZE_INODE: Final = 0x00010  # blocks are reserved for growth
EXT4_FEATURE_COMPAT_DIR_INDEX: Final = 0x00020  # hashed directories
EXT4_FEATURE_COMPAT_LAZY_BG: Final = 0x00040  # never used
EXT4_FEATURE_COMPAT_EXCLUDE_BITMAP: Final = 0x00100  # not in Linux
EXT4_FEATURE_COMPAT_SPARSE_SUPER2: Final = 0x00200  # at most two backups, s_backup_bgs
EXT4_FEATURE_COMPAT_FAST_COMMIT: Final = 0x00400  # a part of the journal takes logical records
EXT4_FEATURE_COMPAT_STABLE_INODES: Final = 0x00800  # inode numbers must not change
EXT4_FEATURE_COMPAT_ORPHAN_FILE: Final = 0x01000  # orphans are kept in a file

# s_feature_incompat
EXT4_FEATURE_INCOMPAT_COMPRESSION: Final = 0x00001  # never used
EXT4_FEATURE_INCOMPAT_FILETYPE: Final = 0x00002  # directory entries hold the type
EXT4_FEATURE_INCOMPAT_RECOVER: Final = 0x00004  # the journal must be replayed
EXT4_FEATURE_INCOMPAT_JOURNAL_DEV: Final = 0x00008  # this is an external journal
EXT4_FEATURE_INCOMPAT_META_BG: Final = 0x00010  # descriptors are spread over the groups
EXT4_FEATURE_INCOMPAT_EXTENTS: Final = 0x00040  # extent trees
EXT4_FEATURE_INCOMPAT_64BIT: Final = 0x00080  # block numbers over 32 bits
EXT4_FEATURE_INCOMPAT_MMP: Final = 0x00100  # multiple-mount protection
EXT4_FEATURE_INCOMPAT_FLEX_BG: Final = 0x00200  # bitmaps and tables can be anywhere
EXT4_FEATURE_INCOMPAT_EA_INODE: Final = 0x00400  # large attribute values in inodes
EXT4_FEATURE_INCOMPAT_DIRDATA: Final = 0x01000  # data in directory entries, not in Linux
EXT4_FEATURE_INCOMPAT_CSUM_SEED: Final = 0x02000  # seed of checksums in s_checksum_seed
EXT4_FEATURE_INCOMPAT_LARGEDIR: Final = 0x04000  # hash trees of three levels
EXT4_FEATURE_INCOMPAT_INLINE_DATA: Final = 0x08000  # small contents inside the inode
EXT4_FEATURE_INCOMPAT_ENCRYPT: Final = 0x10000  # encrypted files
EXT4_FEATURE_INCOMPAT_CASEFOLD: Final = 0x20000  # names that ignore case

# s_feature_ro_compat
EXT4_FEATURE_RO_COMPAT_SPARSE_SUPER: Final = 0x00001  # backups in groups 1 and powers of 3, 5, 7
EXT4_FEATURE_RO_COMPAT_LARGE_FILE: Final = 0x00002  # files of 2 GiB and more
EXT4_FEATURE_RO_COMPAT_BTREE_DIR: Final = 0x00004  # never used
EXT4_FEATURE_RO_COMPAT_HUGE_FILE: Final = 0x00008  # i_blocks of 48 bits
EXT4_FEATURE_RO_COMPAT_GDT_CSUM: Final = 0x00010  # descriptors carry a crc16
EXT4_FEATURE_RO_COMPAT_DIR_NLINK: Final = 0x00020  # more than 64998 subdirectories
EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE: Final = 0x00040  # inodes with fields beyond 128 bytes
EXT4_FEATURE_RO_COMPAT_HAS_SNAPSHOT: Final = 0x00080  # not in Linux
EXT4_FEATURE_RO_COMPAT_QUOTA: Final = 0x00100  # quotas in hidden inodes
EXT4_FEATURE_RO_COMPAT_BIGALLOC: Final = 0x00200  # allocation in clusters
EXT4_FEATURE_RO_COMPAT_METADATA_CSUM: Final = 0x00400  # crc32c over all metadata
EXT4_FEATURE_RO_COMPAT_REPLICA: Final = 0x00800  # not in Linux
EXT4_FEATURE_RO_COMPAT_READONLY: Final = 0x01000  # must not be mounted for writing
EXT4_FEATURE_RO_COMPAT_PROJECT: Final = 0x02000  # project quotas
EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS: Final = 0x04000  # files share blocks, read-only
EXT4_FEATURE_RO_COMPAT_VERITY: Final = 0x08000  # verity files
EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT: Final = 0x10000  # the orphan file has entries

FEATURES: Final = {
    "dir_prealloc": ("s_feature_compat", EXT4_FEATURE_COMPAT_DIR_PREALLOC),
    "imagic_inodes": ("s_feature_compat", EXT4_FEATURE_COMPAT_IMAGIC_INODES),
    "has_journal": ("s_feature_compat", EXT4_FEATURE_COMPAT_HAS_JOURNAL),
    "ext_attr": ("s_feature_compat", EXT4_FEATURE_COMPAT_EXT_ATTR),
    "resize_inode": ("s_feature_compat", EXT4_FEATURE_COMPAT_RESIZE_INODE),
    "dir_index": ("s_feature_compat", EXT4_FEATURE_COMPAT_DIR_INDEX),
    "lazy_bg": ("s_feature_compat", EXT4_FEATURE_COMPAT_LAZY_BG),
    "snapshot_bitmap": ("s_feature_compat", EXT4_FEATURE_COMPAT_EXCLUDE_BITMAP),
    "sparse_super2": ("s_feature_compat", EXT4_FEATURE_COMPAT_SPARSE_SUPER2),
    "fast_commit": ("s_feature_compat", EXT4_FEATURE_COMPAT_FAST_COMMIT),
    "stable_inodes": ("s_feature_compat", EXT4_FEATURE_COMPAT_STABLE_INODES),
    "orphan_file": ("s_feature_compat", EXT4_FEATURE_COMPAT_ORPHAN_FILE),
    "compression": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_COMPRESSION),
    "filetype": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_FILETYPE),
    "needs_recovery": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_RECOVER),
    "journal_dev": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_JOURNAL_DEV),
    "meta_bg": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_META_BG),
    "extent": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_EXTENTS),
    "64bit": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_64BIT),
    "mmp": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_MMP),
    "flex_bg": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_FLEX_BG),
    "ea_inode": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_EA_INODE),
    "dirdata": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_DIRDATA),
    "metadata_csum_seed": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_CSUM_SEED),
    "large_dir": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_LARGEDIR),
    "inline_data": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_INLINE_DATA),
    "encrypt": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_ENCRYPT),
    "casefold": ("s_feature_incompat", EXT4_FEATURE_INCOMPAT_CASEFOLD),
    "sparse_super": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_SPARSE_SUPER),
    "large_file": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_LARGE_FILE),
    "btree_dir": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_BTREE_DIR),
    "huge_file": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_HUGE_FILE),
    "uninit_bg": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_GDT_CSUM),
    "dir_nlink": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_DIR_NLINK),
    "extra_isize": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE),
    "snapshot": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_HAS_SNAPSHOT),
    "quota": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_QUOTA),
    "bigalloc": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_BIGALLOC),
    "metadata_csum": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_METADATA_CSUM),
    "replica": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_REPLICA),
    "read-only": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_READONLY),
    "project": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_PROJECT),
    "shared_blocks": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS),
    "verity": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_VERITY),
    "orphan_present": ("s_feature_ro_compat", EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT),
}
"""mke2fs's name of a feature -> (superblock field, bit)."""
