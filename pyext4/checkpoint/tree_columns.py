"""A tree as columns of numbers, and back: 65,000 entries in two megabytes.

Directories come in the order in which they are found. Each one's entries follow in its own order,
so that the tree that comes back is the same in everything that anyone can see. Metadata is listed
once, however many nodes share it, and so are files that have several names.
"""

from __future__ import annotations

import itertools
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from pyext4.image.store import ImageStore, Stored
from pyext4.space.order import BlockOrder
from pyext4.space.runs import Extent, from_runs
from pyext4.tree import Device, Directory, Fifo, File, Metadata, Node, Socket, Symlink, Tree

__all__ = ["Columns", "NotStoredError", "columns_of", "tree_of"]

Columns = dict[str, bytes]

_KNOWN: Final = 0  # one more name of a node that came before
_DIRECTORY, _FILE, _SYMLINK, _DEVICE, _FIFO, _SOCKET = range(1, 7)
_NS = 1_000_000_000
_TIMES = ("mtime", "atime", "ctime", "crtime")
_ABSENT = (1 << 32) - 1  # nanoseconds of a time that is None

# by column: the type of its numbers, None for plain bytes
_TYPES: Final = {
    "meta_mode": "H",
    "meta_uid": "I",
    "meta_gid": "I",
    **{f"meta_{time}_{part}": code for time in _TIMES for part, code in (("s", "q"), ("ns", "I"))},
    "meta_xattrs": "I",  # how many
    "xattr_name_length": "I",
    "xattr_value_length": "I",
    "xattr_bytes": None,
    "directory_meta": "I",
    "directory_entries": "I",  # how many
    "entry_kind": "B",
    "entry_name_length": "B",
    "names": None,
    "known": "I",  # the number of the node among those that are no directories
    "node_meta": "I",
    "file_size": "Q",
    "file_extents": "I",  # how many
    "extent_logical": "I",
    "extent_start": "Q",  # ordinals
    "extent_blocks": "I",
    "target_length": "H",
    "targets": None,
    "device_kind": "H",
    "device_major": "I",
    "device_minor": "I",
}


class NotStoredError(Exception):
    """A content is not in the store's blocks, so its tree can't be kept."""


def columns_of(tree: Tree, store: ImageStore) -> Columns:
    """Take a tree apart whose contents are all in `store`.

    Raises:
        NotStoredError: one is not.
    """
    numbers = {name: array(code) for name, code in _TYPES.items() if code}
    texts: dict[str, list[bytes]] = {name: [] for name, code in _TYPES.items() if not code}
    metas: dict[int, int] = {}  # by identity; the tree keeps them alive
    listed: list[Metadata] = []
    seen: dict[Node, int] = {}

    def meta_of(node: Node) -> int:
        number = metas.setdefault(id(node.meta), len(listed))
        if number == len(listed):
            listed.append(node.meta)
        return number

    kinds, name_lengths = numbers["entry_kind"], numbers["entry_name_length"]
    names = texts["names"]
    extents: list[Extent] = []
    directories = [tree.root]
    for directory in directories:  # which grows meanwhile
        numbers["directory_meta"].append(meta_of(directory))
        numbers["directory_entries"].append(len(directory.children))
        for name, node in directory.children.items():
            names.append(name)
            name_lengths.append(len(name))
            if type(node) is Directory:
                kinds.append(_DIRECTORY)
                directories.append(node)
                continue
            number = seen.get(node)
            if number is not None:
                kinds.append(_KNOWN)
                numbers["known"].append(number)
                continue
            seen[node] = len(seen)
            numbers["node_meta"].append(meta_of(node))
            if type(node) is File:
                kinds.append(_FILE)
                numbers["file_size"].append(node.size)
                where = _extents_of(node, store)
                numbers["file_extents"].append(len(where))
                extents.extend(where)
            else:
                kinds.append(_add_special(node, numbers, texts["targets"]))
    _add_extents(extents, numbers, store.allocator.order)
    _add_metas(listed, numbers, texts["xattr_bytes"])
    columns = {name: column.tobytes() for name, column in numbers.items()}
    return columns | {name: b"".join(pieces) for name, pieces in texts.items()}


def _add_special(node: Node, numbers: dict[str, array[int]], targets: list[bytes]) -> int:
    if isinstance(node, Symlink):
        numbers["target_length"].append(len(node.target))
        targets.append(node.target)
        return _SYMLINK
    if isinstance(node, Device):
        numbers["device_kind"].append(node.kind)
        numbers["device_major"].append(node.major)
        numbers["device_minor"].append(node.minor)
        return _DEVICE
    return _FIFO if isinstance(node, Fifo) else _SOCKET


def _add_extents(extents: list[Extent], numbers: dict[str, array[int]], order: BlockOrder) -> None:
    """Add all files' extents, with those joined that a copy parts."""
    numbers["extent_logical"].extend([extent.logical for extent in extents])
    numbers["extent_start"].extend(order.ordinals([extent.start for extent in extents]))
    numbers["extent_blocks"].extend([extent.blocks for extent in extents])
    counts = numbers["file_extents"]
    logical, start, blocks = (numbers[f"extent_{part}"] for part in Extent._fields)
    in_pieces = [
        (file, end) for file, end in enumerate(itertools.accumulate(counts)) if counts[file] > 1
    ]
    for file, end in reversed(in_pieces):
        for number in range(end - 1, end - counts[file], -1):
            before = number - 1
            after = logical[before] + blocks[before], start[before] + blocks[before]
            if after == (logical[number], start[number]):
                blocks[before] += blocks[number]
                del logical[number], start[number], blocks[number]
                counts[file] -= 1


def _extents(numbers: dict[str, array[int]], order: BlockOrder) -> list[Extent]:
    """Return all files' extents, cut where copies are; `file_extents` counts the pieces."""
    logical, ordinals, blocks = (numbers[f"extent_{part}"] for part in Extent._fields)
    extents = list(map(Extent, logical, order.blocks(ordinals), blocks))
    counts = numbers["file_extents"]
    ends = list(itertools.accumulate(counts))
    for number in reversed(order.cut(ordinals, blocks)):
        runs = order.runs(ordinals[number], blocks[number])
        extents[number : number + 1] = from_runs(runs, logical[number])
        counts[bisect_right(ends, number)] += len(runs) - 1
    return extents


def _extents_of(file: File, store: ImageStore) -> tuple[Extent, ...]:
    content = file.content
    if not file.size:
        return ()
    if type(content) is not Stored or content.store is not store or content.inline is not None:
        raise NotStoredError
    return content.extents


def _add_metas(listed: list[Metadata], numbers: dict[str, array[int]], xattrs: list[bytes]) -> None:
    numbers["meta_mode"].extend([meta.mode for meta in listed])
    numbers["meta_uid"].extend([meta.uid for meta in listed])
    numbers["meta_gid"].extend([meta.gid for meta in listed])
    for time in _TIMES:
        values = [getattr(meta, f"{time}_ns") for meta in listed]
        split = [(0, _ABSENT) if value is None else divmod(value, _NS) for value in values]
        numbers[f"meta_{time}_s"].extend([seconds for seconds, _ in split])
        numbers[f"meta_{time}_ns"].extend([nanoseconds for _, nanoseconds in split])
    for meta in listed:
        numbers["meta_xattrs"].append(len(meta.xattrs))
        for name, value in meta.xattrs:
            numbers["xattr_name_length"].append(len(name))
            numbers["xattr_value_length"].append(len(value))
            xattrs += (name, value)


def tree_of(columns: Columns, store: ImageStore) -> Tree:
    """Put a tree together again, whose contents are in `store`.

    Raises:
        KeyError, ValueError, IndexError, StopIteration: the columns don't fit together.
    """
    numbers = {name: _numbers(columns[name], code) for name, code in _TYPES.items() if code}
    metas = _metas(numbers, columns["xattr_bytes"])
    kinds = numbers["entry_kind"]
    root, *below = [Directory(metas[meta]) for meta in numbers["directory_meta"]]
    nodes = _nodes(kinds, numbers, metas, columns["targets"], store)  # that are no directories
    known, directories, others = iter(numbers["known"]), iter(below), iter(nodes)
    found = [
        next(others)
        if kind > _DIRECTORY
        else next(directories)
        if kind == _DIRECTORY
        else nodes[next(known)]
        for kind in kinds
    ]
    named = zip(_cut(columns["names"], numbers["entry_name_length"]), found, strict=True)
    for directory, entries in zip((root, *below), numbers["directory_entries"], strict=True):
        directory.children = dict(itertools.islice(named, entries))
    return Tree(root)


def _nodes(
    kinds: array[int],
    numbers: dict[str, array[int]],
    metas: list[Metadata],
    targets: bytes,
    store: ImageStore,
) -> list[Node]:
    """Make all nodes that are no directories, each kind at once: calls take most of the time."""
    kinds = array("B", [kind for kind in kinds if kind > _DIRECTORY])
    of_kind: dict[int, list[Metadata]] = {kind: [] for kind in range(_FILE, _SOCKET + 1)}
    for kind, meta in zip(kinds, numbers["node_meta"], strict=True):
        of_kind[kind].append(metas[meta])
    sizes = numbers["file_size"]
    made: dict[int, Iterator[Node]] = {
        _FILE: map(File, of_kind[_FILE], sizes, _contents(numbers, sizes, store)),
        _SYMLINK: map(Symlink, of_kind[_SYMLINK], _cut(targets, numbers["target_length"])),
        _DEVICE: map(
            Device,
            of_kind[_DEVICE],
            *(numbers[f"device_{part}"] for part in ("kind", "major", "minor")),
        ),
        _FIFO: map(Fifo, of_kind[_FIFO]),
        _SOCKET: map(Socket, of_kind[_SOCKET]),
    }
    return [next(made[kind]) for kind in kinds]


def _contents(
    numbers: dict[str, array[int]], sizes: array[int], store: ImageStore
) -> Iterator[Stored | bytes]:
    extents = iter(_extents(numbers, store.allocator.order))
    for size, count in zip(sizes, numbers["file_extents"], strict=True):
        if count == 1:
            yield Stored(store, (next(extents),), size)
        else:
            where = tuple(itertools.islice(extents, count))
            yield Stored(store, where, size) if size else b""


def _metas(numbers: dict[str, array[int]], xattr_bytes: bytes) -> list[Metadata]:
    pieces = _cut(
        xattr_bytes,
        [
            length
            for pair in zip(
                numbers["xattr_name_length"], numbers["xattr_value_length"], strict=True
            )
            for length in pair
        ],
    )
    times = [
        [
            None if ns == _ABSENT else s * _NS + ns
            for s, ns in zip(numbers[f"meta_{time}_s"], numbers[f"meta_{time}_ns"], strict=True)
        ]
        for time in _TIMES
    ]
    return [
        Metadata(
            mode=mode,
            uid=uid,
            gid=gid,
            mtime_ns=mtime or 0,
            atime_ns=atime,
            ctime_ns=ctime,
            crtime_ns=crtime,
            xattrs=tuple((next(pieces), next(pieces)) for _ in range(count)) if count else (),
        )
        for mode, uid, gid, mtime, atime, ctime, crtime, count in zip(
            numbers["meta_mode"],
            numbers["meta_uid"],
            numbers["meta_gid"],
            *times,
            numbers["meta_xattrs"],
            strict=True,
        )
    ]


def _numbers(column: bytes, code: str) -> array[int]:
    numbers = array(code)
    numbers.frombytes(column)
    return numbers


def _cut(text: bytes, lengths: array[int] | list[int]) -> Iterator[bytes]:
    at = 0
    for length in lengths:
        yield text[at : at + length]
        at += length
