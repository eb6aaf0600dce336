"""The structures of a qcow2 image of version 3, and where they are in the file.

Source: docs/interop/qcow2.txt of QEMU, quoted below. "All numbers in qcow2 are stored in Big Endian
byte order." Names are those of that document.

+------------------------+ cluster 0
| header, extensions,    |
| name of the base       |
+------------------------+
| L1 table               | an entry for each L2 table; mostly a hole
+------------------------+
| refcount table         | an entry for each refcount block; as long as a full disk needs
+------------------------+
| data clusters          | of the first L2 table that has any, in the order of the disk
| this L2 table          |
| data clusters          | of the next one
| ...                    |
+------------------------+
| refcount blocks        | all clusters before and in here have the count 1
+------------------------+

A cluster is 4 KiB, the size of a block, so that no unchanged block is held. Its costs are an L2
entry and a refcount: 10 bytes, or 0.25 %. Extended L2 entries would give 64 KiB clusters parts of
2 KiB, but Cloud Hypervisor opens no image that has them (`IncompatFeatures::SUPPORTED`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from pyext4.numbers import ceil_div

__all__ = [
    "COPIED",
    "ENTRY",
    "ENTRY_BYTES",
    "MAX_BACKING_FILE_BYTES",
    "READS_AS_ZEROS",
    "REFCOUNT",
    "SECTOR_BYTES",
    "Layout",
    "header",
    "layout_for",
    "refcount_blocks_for",
]

SECTOR_BYTES: Final = 512  # QEMU and virtio count disks in these

_HEADER: Final = struct.Struct(
    ">"
    "4s"  # magic: QCOW magic string ("QFI\xfb")
    "I"  # version: "valid values are 2 and 3"; zero clusters need 3
    "Q"  # backing_file_offset
    "I"  # backing_file_size
    "I"  # cluster_bits
    "Q"  # size: "Virtual disk size in bytes"
    "I"  # crypt_method: 0, no encryption
    "I"  # l1_size: "Number of entries in the active L1 table"
    "Q"  # l1_table_offset
    "Q"  # refcount_table_offset
    "I"  # refcount_table_clusters
    "I"  # nb_snapshots: 0, there are none
    "Q"  # snapshots_offset: 0, there are none
    "Q"  # incompatible_features: 0, no known one is used
    "Q"  # compatible_features: 0, refcounts are exact
    "Q"  # autoclear_features: 0, no bitmaps
    "I"  # refcount_order
    "I"  # header_length
    "B7x"  # compression_type: 0, nothing is compressed; padding to a multiple of 8
)
_EXTENSION: Final = struct.Struct(">II")  # "Header extension type", "Length of the [...] data"
_MAGIC: Final = b"QFI\xfb"
_VERSION: Final = 3
_BACKING_FORMAT: Final = 0xE2792ACA  # "Backing file format name string"
_END: Final = 0x00000000  # "End of the header extension area"
_RAW: Final = b"raw"  # without it, a reader would have to guess from the base's first bytes

# "Must not be longer than 1023 bytes."
MAX_BACKING_FILE_BYTES: Final = 1023
# "refcount_bits = 1 << refcount_order": 16, what version 2 had, and so what every reader knows
_REFCOUNT_ORDER: Final = 4
REFCOUNT: Final = struct.Struct(">H")
ENTRY: Final = struct.Struct(">Q")  # of an L1 table, an L2 table and the refcount table
ENTRY_BYTES: Final = ENTRY.size
# "1 for standard clusters whose refcount is exactly one"; the same bit of an L1 entry says it of
# an L2 table
COPIED: Final = 1 << 63
# "If set to 1, the cluster reads as all zeros. [...] nor is data read from the backing file if the
# cluster is unallocated."
READS_AS_ZEROS: Final = 1

_LEAST_CLUSTER_BITS: Final = 12
# "qemu as of today has an implementation limit of 2 MB as the maximum cluster size"
_MOST_CLUSTER_BITS: Final = 21
# Cloud Hypervisor can't repair an image of more than 35,000,000 clusters after a crash
# (MAX_RAM_POINTER_TABLE_SIZE), and then refuses to open it. The same bound keeps the tables far
# below QEMU's limits, 32 MB for the L1 table and 8 MB for the refcount table.
_MOST_CLUSTERS: Final = 1 << 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The measures of an image, which follow from the size of its disk."""

    size_bytes: int  # of the disk
    cluster_bits: int
    l1_size: int
    l1_table_offset: int
    refcount_table_offset: int
    refcount_table_clusters: int

    @property
    def cluster_bytes(self) -> int:
        """Return the size of a cluster."""
        return 1 << self.cluster_bits

    @property
    def l2_entries(self) -> int:
        """Return how many clusters an L2 table maps: "exactly one cluster in size"."""
        return self.cluster_bytes // ENTRY_BYTES

    @property
    def data_offset(self) -> int:
        """Return where the fixed part of the file ends."""
        return self.refcount_table_offset + self.refcount_table_clusters * self.cluster_bytes


def layout_for(size_bytes: int) -> Layout:
    """Return the measures for a disk."""
    bits = _LEAST_CLUSTER_BITS
    while bits < _MOST_CLUSTER_BITS and size_bytes > _MOST_CLUSTERS << bits:
        bits += 1
    cluster = 1 << bits
    entries = cluster // ENTRY_BYTES
    clusters = ceil_div(size_bytes, cluster)
    l1_size = ceil_div(clusters, entries)
    l1_clusters = ceil_div(l1_size, entries)
    # Cloud Hypervisor neither lengthens the refcount table nor looks how long it is: it reads as
    # many entries as a disk needs that was written to everywhere.
    most = 1 + l1_clusters + l1_size + clusters
    blocks = ceil_div(most, cluster // REFCOUNT.size)
    blocks += ceil_div(2 * blocks, cluster // REFCOUNT.size)  # for these blocks and their table
    return Layout(
        size_bytes=size_bytes,
        cluster_bits=bits,
        l1_size=l1_size,
        l1_table_offset=cluster,
        refcount_table_offset=(1 + l1_clusters) * cluster,
        refcount_table_clusters=ceil_div(blocks, entries),
    )


def header(layout: Layout, backing_file: bytes) -> bytes:
    """Return the beginning of the first cluster; `backing_file` is the base's name.

    The header has its optional last field, as QEMU's has: Cloud Hypervisor looks for extensions
    only if the header is longer than 104 bytes.
    """
    padding = bytes(-len(_RAW) % 8)
    extensions = _EXTENSION.pack(_BACKING_FORMAT, len(_RAW)) + _RAW + padding
    extensions += _EXTENSION.pack(_END, 0)
    fields = _HEADER.pack(
        _MAGIC,
        _VERSION,
        _HEADER.size + len(extensions),
        len(backing_file),
        layout.cluster_bits,
        layout.size_bytes,
        0,
        layout.l1_size,
        layout.l1_table_offset,
        layout.refcount_table_offset,
        layout.refcount_table_clusters,
        0,
        0,
        0,
        0,
        0,
        _REFCOUNT_ORDER,
        _HEADER.size,
        0,
    )
    return fields + extensions + backing_file


def refcount_blocks_for(layout: Layout, clusters: int) -> int:
    """Return how many refcount blocks count `clusters` and themselves."""
    entries = layout.cluster_bytes // REFCOUNT.size
    blocks = 0
    while blocks * entries < clusters + blocks:
        blocks = ceil_div(clusters + blocks, entries)
    return blocks
