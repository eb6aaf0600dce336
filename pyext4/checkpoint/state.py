r"""What a checkpoint holds besides the data, as bytes: a line, facts in JSON, columns, a digest.

    pyext4 checkpoint 2 little\n     format, and the byte order of the columns
    {"handed_out": ..., ...}\n       facts, and how long each column is
    columns                          see `tree_columns`
    SHA-256 of all before            32 bytes

Blocks of files are given by their ordinals (`BlockOrder`), so a state serves images of all sizes.
The data itself, and the checksums of its pieces, are as in the image that they come from.

Reading it runs no code and trusts no number before the digest was compared.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from dataclasses import dataclass

from pyext4.checkpoint.tree_columns import NotStoredError, columns_of, tree_of
from pyext4.image.sink import Piece
from pyext4.image.store import ImageStore
from pyext4.tree import Tree

__all__ = ["State", "StateError", "load", "save", "take_up"]

_FORMAT = f"pyext4 checkpoint 2 {sys.byteorder}\n".encode()
_DIGEST_BYTES = 32
_PIECE = struct.Struct("=QII")  # offset, length, crc32c
_HOLE = struct.Struct("=QQ")


class StateError(Exception):
    """A state can't be kept, or what was kept is damaged or of another version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What was read, with its tree still in columns.

    Attributes:
        facts: the caller's own, as it gave them to `save`.
        end_bytes: how long the data is.
        pieces: what the data consists of, with checksums, in ascending order without gaps.
        gdt_area_blocks: of each copy in the data.
        handed_out: blocks, without those of the copies.
        holes: ordinals and blocks.
    """

    facts: dict[str, int | str]
    end_bytes: int
    pieces: list[Piece]
    gdt_area_blocks: int
    handed_out: int
    data_blocks: int
    holes: list[tuple[int, int]]
    columns: dict[str, bytes]


def save(tree: Tree, store: ImageStore, pieces: list[Piece], facts: dict[str, int | str]) -> bytes:
    """Return the state of a store that has all contents of `tree`, and of `tree` itself.

    Raises:
        StateError: a content is elsewhere, or was not written because the image is too small.
    """
    try:
        columns = columns_of(tree, store)
    except NotStoredError as error:
        msg = "a file is not in the image's blocks"
        raise StateError(msg) from error
    allocator = store.allocator
    if store.is_beyond(allocator.end):
        msg = "not all of it was written"
        raise StateError(msg)
    columns["pieces"] = b"".join([_PIECE.pack(*piece) for piece in pieces])
    columns["holes"] = b"".join([_HOLE.pack(*hole) for hole in allocator.holes_by_ordinal()])
    header = {
        "facts": facts,
        "end_bytes": allocator.end * store.block_size,
        "gdt_area_blocks": allocator.order.fixed.gdt_area_blocks,
        "handed_out": allocator.handed_out,
        "data_blocks": store.data_blocks,
        "columns": {name: len(column) for name, column in columns.items()},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    content = b"".join((_FORMAT, text, b"\n", *columns.values()))
    return content + hashlib.sha256(content).digest()


def load(content: bytes) -> State:
    """Read what `save` returned.

    Raises:
        StateError: it is damaged, or of another version.
    """
    if not content.startswith(_FORMAT):
        msg = "of another version, or no checkpoint"
        raise StateError(msg)
    if hashlib.sha256(content[:-_DIGEST_BYTES]).digest() != content[-_DIGEST_BYTES:]:
        msg = "damaged"
        raise StateError(msg)
    line_end = content.index(b"\n", len(_FORMAT))
    header = json.loads(content[len(_FORMAT) : line_end])
    columns = {}
    at = line_end + 1
    for name, length in header["columns"].items():
        columns[name] = content[at : at + length]
        at += length
    return State(
        facts=header["facts"],
        end_bytes=header["end_bytes"],
        pieces=[Piece(*row) for row in _PIECE.iter_unpack(columns["pieces"])],
        gdt_area_blocks=header["gdt_area_blocks"],
        handed_out=header["handed_out"],
        data_blocks=header["data_blocks"],
        holes=list(_HOLE.iter_unpack(columns["holes"])),
        columns=columns,
    )


def take_up(state: State, store: ImageStore) -> Tree:
    """Bring a new store to a state; return the tree. The data is another matter: see `moves`.

    The store must place data as the one did that the state is of: see `Ext4Writer.placement`.
    """
    store.allocator.go_to(state.handed_out, state.holes)
    store.data_blocks = state.data_blocks
    return tree_of(state.columns, store)
