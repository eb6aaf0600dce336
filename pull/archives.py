"""Images in tar archives: `oci-archive:FILE`, `docker-archive:FILE` and `-` for standard input.

The archive is read once from header to header, to learn where its files are; then blobs are read in
place. A compressed archive, or one that comes through a pipe, is first copied to a temporary file
without a name.
"""

from __future__ import annotations

import io
import os
import posixpath
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import BinaryIO

from pull.compression import decompressed, is_compressed, is_damage
from pull.digest import CHUNK_BYTES
from pull.errors import LayoutError

__all__ = ["ArchiveFiles", "open_archive"]

_LINKS_MAX = 40
_BUFFER_BYTES = 1 << 18


def open_archive(path: str, scratch: Path, stdin: BinaryIO | None = None) -> ArchiveFiles:
    """Open an archive; one that can't be read in place is copied into `scratch` first.

    Raises:
        LayoutError: It is no tar archive.
        OSError: It can't be read, or the copy not be written.
    """
    if stdin is not None:
        return ArchiveFiles("standard input", _copied(stdin, scratch, "standard input"))
    file = Path(path).open("rb")  # noqa: SIM115  # the archive owns it
    magic = os.pread(file.fileno(), 8, 0) if file.seekable() else b""
    if file.seekable() and not is_compressed(magic):
        return ArchiveFiles(path, file)
    with file:
        return ArchiveFiles(path, _copied(file, scratch, path))


def _copied(source: BinaryIO, scratch: Path, name: str) -> BinaryIO:
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy: BinaryIO = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  # returned open
    try:
        shutil.copyfileobj(decompressed(source), copy, CHUNK_BYTES)
    except BaseException as error:
        copy.close()
        if is_damage(error):
            raise LayoutError(name, f"can't be decompressed: {error}") from error
        raise
    return copy


class ArchiveFiles:
    """Files in a tar archive, as `pull.layouts.Files`."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name = name
        self._file = file
        try:
            self._places, self._links = _scan(file)
        except tarfile.TarError as error:
            file.close()
            raise LayoutError(name, f"is no tar archive: {error}") from error

    def __contains__(self, path: str) -> bool:
        return path in self._places or path in self._links

    def open(self, path: str) -> BinaryIO:
        """See `pull.layouts.Files`; links inside the archive are followed."""
        for _ in range(_LINKS_MAX):
            if path not in self._links:
                break
            path = self._links[path]
        if path not in self._places:
            raise FileNotFoundError(path)
        offset, size = self._places[path]
        return io.BufferedReader(_Stretch(os.dup(self._file.fileno()), offset, size), _BUFFER_BYTES)

    def close(self) -> None:
        """Close the archive; open streams have descriptors of their own."""
        self._file.close()


def _scan(file: BinaryIO) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    """Return where the files are (offset and size in bytes) and what the links point to."""
    places: dict[str, tuple[int, int]] = {}
    links: dict[str, str] = {}
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            name = posixpath.normpath(member.name)
            if member.isreg():
                places[name] = member.offset_data, member.size
            elif member.issym():
                links[name] = posixpath.normpath(
                    posixpath.join(posixpath.dirname(name), member.linkname)
                )
            elif member.islnk():
                links[name] = posixpath.normpath(member.linkname)
    return places, links


class _Stretch(io.RawIOBase):
    """Part of a file, read through a descriptor of its own that has no part in the position."""

    def __init__(self, fd: int, offset: int, size: int) -> None:
        super().__init__()
        self._fd = fd
        self._offset = offset
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        view = memoryview(buffer)[: max(0, self._size - self._position)]
        if not view:
            return 0
        count = os.preadv(self._fd, [view], self._offset + self._position)
        self._position += count
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        super().close()
