"""A content store that keeps records and checks every promise of the interface in use."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from pyext4.buffer import Buffer
from pyext4.content import Segment, Span

__all__ = ["Account", "Ledger"]


@dataclass(slots=True, eq=False)
class Account:
    """One file's place."""

    number: int
    data: bytearray
    due: list[Segment]  # what has still to be placed
    released: bool = False

    def open(self, size: int) -> BinaryIO:
        assert not self.released
        assert not self.due
        assert size == len(self.data)
        return io.BytesIO(bytes(self.data))


@dataclass(slots=True)
class Ledger:
    """Notes allocations and releases in order."""

    accounts: list[Account] = field(default_factory=list)
    history: list[tuple[str, int, int]] = field(default_factory=list)

    def allocate(self, size: int, segments: Sequence[Segment] | None = None) -> Account:
        assert size > 0
        due = [(0, size)] if segments is None else list(segments)
        account = Account(len(self.accounts), bytearray(size), due)
        self.accounts.append(account)
        self.history.append(("allocate", account.number, size))
        return account

    def place(self, chunk: Buffer, spans: Iterable[Span]) -> None:
        for account, offset, position, length in spans:
            assert isinstance(account, Account)
            assert not account.released
            start, due = account.due[0]
            assert offset == start
            assert 0 <= length <= due
            if length == due:
                account.due.pop(0)
            else:
                account.due[0] = (start + length, due - length)
            piece = memoryview(chunk)[position : position + length]
            assert len(piece) == length
            account.data[offset : offset + length] = piece

    def release(self, content: object) -> None:
        assert isinstance(content, Account)
        assert not content.released
        assert not content.due
        content.released = True
        self.history.append(("release", content.number, 0))

    def kept(self) -> set[Account]:
        return {account for account in self.accounts if not account.released}
