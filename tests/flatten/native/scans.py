"""Run both scanners on the same bytes, cut into chunks anywhere, with results in one form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from flatten.native.pure import PureScanner
from flatten.tar.rows import ROW, Fault, Row, Scanner

__all__ = ["SCANNERS", "Scanned", "scan_all"]

Scanned = tuple[list[tuple[object, ...]], list[tuple[int, int, int]], tuple[Fault, int]]


def _scanners() -> dict[str, Callable[[int], Scanner]]:
    found: dict[str, Callable[[int], Scanner]] = {"pure": PureScanner}
    try:
        from flatten.native.compiled import CompiledScanner  # noqa: PLC0415
    except ImportError:
        return found
    return {**found, "native": CompiledScanner}


SCANNERS = _scanners()


def scan_all(scanner: Scanner, chunks: Sequence[bytes]) -> Scanned:
    """Return rows with their strings, pieces of payload as (member, offset, length), the fault."""
    rows: list[tuple[object, ...]] = []
    pieces: list[tuple[int, int, int]] = []
    for chunk in chunks:
        for batch in scanner.scan(chunk):
            if batch.continued:
                pieces.append((len(rows) - 1, batch.continued_from, batch.continued))
            for row in _rows(batch.rows):
                text = batch.arena
                rows.append(
                    (
                        row.kind,
                        text[row.path_offset : row.path_end],
                        text[row.path_offset : row.parent_end],
                        text[row.name_offset : row.path_end],
                        text[row.link_offset : row.link_end],
                        text[row.records_offset : row.records_end],
                        *row[11:],
                    )
                )
                assert row.payload_offset + row.payload_here <= len(chunk)
                if row.payload_here:
                    pieces.append((len(rows) - 1, 0, row.payload_here))
    scanner.end()
    return rows, pieces, scanner.fault


def _rows(packed: bytes) -> Iterator[Row]:
    return map(Row._make, ROW.iter_unpack(packed))
