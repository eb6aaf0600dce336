"""The C scanner, with the `Scanner` interface."""

from __future__ import annotations

from collections.abc import Iterator

from flatten.native._native import ffi as _ffi
from flatten.native._native import lib as _lib
from flatten.tar.rows import ROW, Batch, Fault
from pyext4.buffer import Buffer

__all__ = ["CompiledScanner"]


class CompiledScanner:
    """Scans one tar; its buffers live as long as it does."""

    def __init__(self, header_limit_bytes: int) -> None:
        """Accept extended headers of up to `header_limit_bytes` bytes."""
        capacity = max(header_limit_bytes, 1024)
        # Untouched zeroed pages cost nothing: most of the bodies stay unused.
        self._bodies = [_ffi.new("uint8_t[]", capacity) for _ in range(4)]
        self._state = state = _ffi.new("struct tar_state *")
        state.pax, state.name, state.link, state.sparse = self._bodies
        state.capacity = header_limit_bytes
        self._batch = batch = _ffi.new("struct tar_batch *")
        # Room for the longest strings of one member, and for those of a usual chunk
        batch.arena_capacity = 4 * capacity + (1 << 20)
        self._arena = batch.arena = _ffi.new("uint8_t[]", batch.arena_capacity)
        self._rows = _ffi.NULL

    def scan(self, chunk: Buffer) -> Iterator[Batch]:
        """Yield the contents of `chunk`."""
        batch = self._batch
        end = len(chunk)
        rows_needed = end // 512 + 2  # each has a header block; one may end here, one may be 'g'
        if batch.rows_capacity < rows_needed:
            self._rows = batch.rows = _ffi.new("struct tar_row[]", rows_needed)
            batch.rows_capacity = rows_needed
        position = 0
        with _ffi.from_buffer("uint8_t[]", chunk) as view:
            while True:
                position = _lib.flatten_scan(self._state, view, position, end, batch)
                yield Batch(
                    rows=bytes(_ffi.buffer(self._rows, batch.rows_count * ROW.size)),
                    arena=bytes(_ffi.buffer(self._arena, batch.arena_fill)),
                    continued=batch.continued,
                    continued_from=batch.continued_from,
                )
                if not batch.full:
                    return

    def end(self) -> None:
        """Report that no chunk follows."""
        self._state.fault = _lib.flatten_scan_end(self._state)

    @property
    def fault(self) -> tuple[Fault, int]:
        """Why the scan stopped, and where."""
        return Fault(self._state.fault), int(self._state.fault_offset)
