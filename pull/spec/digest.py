"""Content digests: `sha256:<64 hex digits>` and `sha512:<128 hex digits>`.

Source: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
Other algorithms are refused by name: what we can't compute we can't verify.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from pull.errors import DigestSyntaxError

__all__ = ["CHUNK_BYTES", "Digest", "Hasher"]

CHUNK_BYTES = 1 << 18
"""How much to read, hash and write at once: hashlib lets other threads run meanwhile."""

_HEX_DIGITS = {"sha256": 64, "sha512": 128}
_GRAMMAR = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_LOWER_HEX = re.compile(r"[0-9a-f]+")


class Hasher(Protocol):
    """The part of hashlib's objects that is used here."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in more bytes."""
        ...

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""
        ...


class Digest(NamedTuple):
    """An algorithm and a value in lower-case hex."""

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read `algorithm:hex`.

        Raises:
            DigestSyntaxError: The text is malformed, or the algorithm is not supported.
        """
        if not _GRAMMAR.fullmatch(text):
            raise DigestSyntaxError(text, "expected algorithm:hex")
        algorithm, _, value = text.partition(":")
        digits = _HEX_DIGITS.get(algorithm)
        if digits is None:
            known = ", ".join(_HEX_DIGITS)
            raise DigestSyntaxError(text, f"unsupported algorithm, supported: {known}")
        if len(value) != digits or not _LOWER_HEX.fullmatch(value):
            raise DigestSyntaxError(text, f"expected {digits} lower-case hex digits")
        return cls(algorithm, value)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Digest:
        """Compute the digest of bytes in memory."""
        return cls(algorithm, hashlib.new(algorithm, data).hexdigest())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    @property
    def short(self) -> str:
        """Twelve hex digits, as people compare them."""
        return self.hex[:12]

    def hasher(self) -> Hasher:
        """Start a computation by this digest's algorithm."""
        return hashlib.new(self.algorithm)

    def matches(self, hasher: Hasher) -> bool:
        """Tell whether a computation resulted in this digest."""
        return hasher.hexdigest() == self.hex

    def verifies(self, data: bytes) -> bool:
        """Tell whether these are the bytes that the digest promises."""
        return Digest.of(data, self.algorithm) == self

    def of_file(self, source: BinaryIO | Path) -> Digest:
        """Compute, with this digest's algorithm, the digest of a file from its position on."""
        if isinstance(source, Path):
            with source.open("rb", buffering=0) as file:
                return self.of_file(file)
        hasher = self.hasher()
        while chunk := source.read(CHUNK_BYTES):
            hasher.update(chunk)
        return Digest(self.algorithm, hasher.hexdigest())
