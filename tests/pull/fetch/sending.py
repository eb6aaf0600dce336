"""A source of one blob that sends pieces of any size, and breaks off where told to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from pull.errors import BrokenTransferError
from pull.source import Document
from pull.spec.digest import Digest
from pull.spec.manifest import Descriptor

__all__ = ["Sent", "Server", "descriptor_of"]


def descriptor_of(blob: bytes) -> Descriptor:
    return Descriptor(media_type="", digest=Digest.of(blob), size=len(blob))


@dataclass
class Server:
    """A source; `pieces` are the sizes of what one read gives, over and over."""

    data: bytes
    pieces: tuple[int, ...] = (1 << 30,)
    breaks: Iterable[int] = ()  # bytes after which a transfer breaks, for one after another
    wrong: list[bytes] = field(default_factory=list)  # what to send before the right bytes
    sent: int = 0
    offsets: list[int] = field(default_factory=list)  # at which transfers began
    name: str = "example.com/some/image:v1"

    def __post_init__(self) -> None:
        self._breaks = iter(self.breaks)

    def blob(self, descriptor: Descriptor, offset: int = 0) -> Sent:
        assert descriptor == descriptor_of(self.data)
        self.offsets.append(offset)
        return Sent(self, offset, next(self._breaks, len(self.data) + 1))

    def may_retry(self, failures: int) -> bool:
        return failures < 3

    def reject(self, descriptor: Descriptor) -> bool:
        del descriptor
        return bool(self.wrong and self.wrong.pop(0))

    def resolve(self) -> Digest | None:
        raise NotImplementedError

    def top(self) -> Document:
        raise NotImplementedError

    def document(self, descriptor: Descriptor) -> Document:
        raise NotImplementedError

    def close(self) -> None: ...


class Sent:
    """An open blob."""

    def __init__(self, server: Server, offset: int, left: int) -> None:
        self.offset = offset
        self._server = server
        self._data = (server.wrong or [server.data])[0]
        self._position = offset
        self._left = left  # until it breaks
        self._reads = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def readinto(self, buffer: memoryview) -> int:
        server = self._server
        if not self._left:
            raise BrokenTransferError(server.name, "cut")
        piece = min(len(buffer), server.pieces[self._reads % len(server.pieces)], self._left)
        data = self._data[self._position : self._position + piece]
        buffer[: len(data)] = data
        self._reads += 1
        self._position += len(data)
        self._left -= len(data)
        server.sent += len(data)
        return len(data)
