"""Count the bytes by which two images differ, in blocks of 4 KiB: all that a difference must hold.

This reads every byte of both, and shares no code with what `--onto` compares by.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["changed_bytes"]

BLOCK_BYTES = 4096
CHUNK_BYTES = 1 << 20


def changed_bytes(old: Path, new: Path) -> int:
    """Count the blocks of `new` that are not the same in `old`, in bytes.

    What `old` lacks at its end counts as zeros.
    """
    changed = 0
    with old.open("rb") as before, new.open("rb") as after:
        while chunk := after.read(CHUNK_BYTES):
            other = before.read(len(chunk)).ljust(len(chunk), b"\0")
            if chunk == other:
                continue
            for start in range(0, len(chunk), BLOCK_BYTES):
                end = start + BLOCK_BYTES
                changed += BLOCK_BYTES * (chunk[start:end] != other[start:end])
    return changed
