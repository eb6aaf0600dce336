"""Count the blocks that each directory takes, and make their bytes.

Most directories fit into one block, and `native` fills many at a time. Larger ones are indexed
(`pyext4.structures.htree`), or without dir_index a plain row of blocks.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pyext4 import native
from pyext4.errors import ContentError
from pyext4.native.rows import DIRECTORY_ROW, Names
from pyext4.ondisk.dir_entry import DirEntryTail
from pyext4.packer import Packer
from pyext4.structures import checksum
from pyext4.structures.htree import HtreeFullError, Index, build_index, fill
from pyext4.tree import Node
from pyext4.writing.survey import LOST_AND_FOUND_NODE, Survey

__all__ = ["Directories", "HashParameters", "measure"]

_DOTS_BYTES = 24  # the entries . and ..
_TAIL_BYTES = Packer(DirEntryTail).size
_LOST_AND_FOUND_BYTES = 16384  # mke2fs gives it room in advance, as there may be none left later
_BATCH_BLOCKS = 512


class HashParameters(NamedTuple):
    """What htree hashes depend on; version None means no indexes."""

    version: int | None
    seed: bytes


class Directories:
    """The blocks of all directories, in the survey's order."""

    def __init__(self, survey: Survey, block_size: int, parameters: HashParameters) -> None:
        self.survey = survey
        self.block_size = block_size
        self.parameters = parameters
        self.blocks = array("I")  # of each directory
        self.indexes: dict[int, Index] = {}  # of those that have one

    def fill(self, fs_seed: int | None) -> Iterator[tuple[int, bytearray]]:
        """Yield (count of directories, their blocks), in order; no checksums if fs_seed is None."""
        survey = self.survey
        first = name_at = entry_at = 0
        total = len(self.blocks)
        while first < total:
            if first in self.indexes:
                names = self._names(entry_at, survey.entry_counts[first], name_at)
                yield 1, self._fill_indexed(first, names, fs_seed)
                last = first + 1
            else:
                last = self._batch_end(first)
                entries = sum(survey.entry_counts[first:last])
                names = self._names(entry_at, entries, name_at)
                yield last - first, self._fill_linear(first, last, names, fs_seed)
            name_at += len(names.joined)
            entry_at += len(names.lengths)
            first = last

    def _names(self, entry: int, count: int, name_at: int) -> Names:
        lengths = bytes(self.survey.lengths[entry : entry + count])
        return Names(
            joined=bytes(self.survey.names[name_at : name_at + sum(lengths)]),
            lengths=lengths,
            inos=self.survey.inos[entry : entry + count],
            types=bytes(self.survey.types[entry : entry + count]),
        )

    def _batch_end(self, first: int) -> int:
        blocks = 0
        for last in range(first, len(self.blocks)):
            if last in self.indexes or (blocks and blocks + self.blocks[last] > _BATCH_BLOCKS):
                return last
            blocks += self.blocks[last]
        return len(self.blocks)

    def _fill_indexed(self, number: int, names: Names, fs_seed: int | None) -> bytearray:
        ino = self.survey.ino_of(self.survey.directories[number])
        assert self.parameters.version is not None
        return fill(
            self.indexes[number],
            names,
            block_size=self.block_size,
            ino=ino,
            parent_ino=self.survey.parent_inos[number],
            version=self.parameters.version,
            fs_seed=fs_seed,
            inode_seed=None if fs_seed is None else checksum.inode_seed(fs_seed, ino),
        )

    def _fill_linear(self, first: int, last: int, names: Names, fs_seed: int | None) -> bytearray:
        survey = self.survey
        rows = bytearray()
        for number in range(first, last):
            rows += DIRECTORY_ROW.pack(
                survey.ino_of(survey.directories[number]),
                survey.parent_inos[number],
                survey.entry_counts[number],
                self.blocks[number],
            )
        out = bytearray(sum(self.blocks[first:last]) * self.block_size)
        bad = native.linear_directories(
            out, block_size=self.block_size, rows=rows, names=names, fs_seed=fs_seed
        )
        assert bad is None, "measure and fill disagree"
        return out


def measure(
    survey: Survey,
    *,
    block_size: int,
    csum: bool,
    parameters: HashParameters,
    path_of: Callable[[Node], bytes],
) -> Directories:
    """Count the blocks of every directory, and sort the entries of those to be indexed.

    Raises:
        ContentError: a directory has more entries than an index can hold.
    """
    out = Directories(survey, block_size, parameters)
    capacity = block_size - (_TAIL_BYTES if csum else 0)
    entry_at = name_at = 0
    for number, count in enumerate(survey.entry_counts):
        lengths = survey.lengths[entry_at : entry_at + count]
        joined = sum(lengths)
        # an entry takes 8 bytes and its name, rounded up to 4: count exactly where it matters
        fits = _DOTS_BYTES + joined + 11 * count <= capacity or (
            _DOTS_BYTES + sum([(length + 11) & ~3 for length in lengths]) <= capacity
        )
        if fits:
            blocks = 1
        elif parameters.version is None or survey.directories[number] == LOST_AND_FOUND_NODE:
            blocks = _linear_blocks(lengths, capacity)
        else:
            try:
                blocks = _index(out, number, entry_at, name_at, csum=csum)
            except HtreeFullError:
                path = path_of(survey.nodes[survey.directories[number]])
                reason = f"the directory has too many entries for an index: {count}"
                raise ContentError(path, reason) from None
        if survey.directories[number] == LOST_AND_FOUND_NODE:
            blocks = max(blocks, min(_LOST_AND_FOUND_BYTES // block_size, 12))
        out.blocks.append(blocks)
        entry_at += count
        name_at += joined
    return out


def _index(out: Directories, number: int, entry_at: int, name_at: int, *, csum: bool) -> int:
    survey = out.survey
    assert out.parameters.version is not None
    names = out._names(entry_at, survey.entry_counts[number], name_at)  # noqa: SLF001
    index = build_index(
        names,
        version=out.parameters.version,
        seed=out.parameters.seed,
        block_size=out.block_size,
        csum=csum,
    )
    out.indexes[number] = index
    return index.blocks


def _linear_blocks(lengths: bytearray, capacity: int) -> int:
    blocks, room = 1, capacity - _DOTS_BYTES
    for length in lengths:
        record = (length + 11) & ~3
        if record > room:
            blocks += 1
            room = capacity
        room -= record
    return blocks
