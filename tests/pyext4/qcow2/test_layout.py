"""The measures of an image, against what its readers demand."""

from __future__ import annotations

import pytest

from pyext4.qcow2.layout import header, layout_for, refcount_blocks_for

GIB = 1 << 30
SIZES = [
    512,
    4096,
    (2 << 20) + 512,
    2 * GIB,
    128 * GIB - 512,
    128 * GIB,
    128 * GIB + 512,
    999 * GIB,
    4096 * GIB,
    16384 * GIB,
    262144 * GIB,
]


def up(value: int, by: int) -> int:
    return -(-value // by)


@pytest.mark.parametrize(
    ("size_bytes", "cluster_bytes"),
    [
        (512, 4096),
        (128 * GIB, 4096),
        (128 * GIB + 512, 8192),
        (4096 * GIB, 128 << 10),
        (262144 * GIB, 2 << 20),
    ],
)
def test_cluster_sizes(size_bytes: int, cluster_bytes: int) -> None:
    assert layout_for(size_bytes).cluster_bytes == cluster_bytes


@pytest.mark.parametrize("size_bytes", SIZES)
def test_tables_map_the_whole_disk(size_bytes: int) -> None:
    layout = layout_for(size_bytes)
    covered = layout.l1_size * layout.l2_entries * layout.cluster_bytes
    assert 0 <= covered - size_bytes < layout.l2_entries * layout.cluster_bytes
    assert layout.l1_table_offset + layout.l1_size * 8 <= layout.refcount_table_offset
    for offset in (layout.l1_table_offset, layout.refcount_table_offset, layout.data_offset):
        assert offset % layout.cluster_bytes == 0


@pytest.mark.parametrize("size_bytes", SIZES)
def test_qemu_has_room_for_the_tables(size_bytes: int) -> None:
    """docs/interop/qcow2.txt: at most 32 MB of L1 table, 8 MB of refcount table."""
    layout = layout_for(size_bytes)
    assert layout.l1_size * 8 <= 32 << 20
    assert layout.refcount_table_clusters * layout.cluster_bytes <= 8 << 20


@pytest.mark.parametrize("size_bytes", SIZES)
def test_cloud_hypervisor_finds_its_refcount_table(size_bytes: int) -> None:
    """It computes the table's length (max_refcount_clusters in block/src/formats/qcow)."""
    layout = layout_for(size_bytes)
    clusters = up(size_bytes, layout.cluster_bytes)
    l2_tables = up(clusters, layout.l2_entries)
    counted = 1 + up(l2_tables, layout.l2_entries) + l2_tables + clusters
    for_data = up(counted * 16, layout.cluster_bytes * 8)
    entries = for_data + up(for_data * 16, layout.cluster_bytes * 8)
    assert entries * 8 <= layout.refcount_table_clusters * layout.cluster_bytes
    assert layout.refcount_table_clusters <= 2 * entries
    if size_bytes <= 16384 * GIB:  # it takes no larger disk
        assert counted + 2 * entries < 35_000_000  # MAX_RAM_POINTER_TABLE_SIZE


@pytest.mark.parametrize("clusters", [1, 2046, 2047, 2048, 2048 * 2047, 2048 * 2047 + 1])
def test_refcount_blocks_count_themselves(clusters: int) -> None:
    blocks = refcount_blocks_for(layout_for(GIB), clusters)
    assert (blocks - 1) * 2048 < clusters + blocks <= blocks * 2048 + 1
    assert clusters + blocks <= blocks * 2048


def test_the_longest_name_fits_into_the_first_cluster() -> None:
    assert len(header(layout_for(512), b"x" * 1023)) < 4096
