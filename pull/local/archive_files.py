"""Images in tar archives: `oci-archive:FILE`, `docker-archive:FILE` and `-` for standard input.

The archive is read once from header to header, to learn where its files are. Then blobs are read in
place, including sparse ones: bsdtar looks for holes unasked. A compressed archive, or one from a
pipe, is first copied to a temporary file without a name.
"""

from __future__ import annotations

import io
import os
import posixpath
import shutil
import tarfile
import tempfile
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pull.errors import LayoutError
from pull.local.compression import decompressed, is_compressed, is_damage
from pull.spec.digest import CHUNK_BYTES

__all__ = ["ArchiveFiles", "open_archive"]

_LINKS_MAX = 40
_BUFFER_BYTES = 1 << 18


def open_archive(path: str, scratch: Path, stdin: BinaryIO | None = None) -> ArchiveFiles:
    """Open an archive; one that can't be read in place is copied into `scratch` first.

    Raises:
        LayoutError: It is not a tar archive.
        OSError: It can't be read, or the copy can't be written.
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
    """Files in a tar archive, as `pull.local.oci_layout.Files`."""

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name = name
        self._file = file
        try:
            self._places, self._links = _scan(file)
        except (tarfile.TarError, ValueError, LookupError, OverflowError) as error:
            # the last three come from invalid numbers and truncated sparse maps
            file.close()
            raise LayoutError(name, f"is not a tar archive: {error}") from error

    def __contains__(self, path: str) -> bool:
        return path in self._places or path in self._links

    def open(self, path: str) -> BinaryIO:
        """See `pull.local.oci_layout.Files`; links inside the archive are followed."""
        for _ in range(_LINKS_MAX):
            if path not in self._links:
                break
            path = self._links[path]
        if path not in self._places:
            raise FileNotFoundError(path)
        stretch = _Stretch(os.dup(self._file.fileno()), self._places[path])
        return io.BufferedReader(stretch, _BUFFER_BYTES)

    def close(self) -> None:
        """Close the archive; open streams have descriptors of their own."""
        self._file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the bytes of a file are; zeros fill what no piece covers."""

    size: int
    begins: tuple[int, ...]  # of the pieces in the file, ascending
    pieces: tuple[tuple[int, int], ...]  # for each: where it is in the archive, and its length


def _scan(file: BinaryIO) -> tuple[dict[str, _Place], dict[str, str]]:
    """Return where the files are and where the links point."""
    places: dict[str, _Place] = {}
    links: dict[str, str] = {}
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            name = _plain(member.name)
            if member.isreg():
                places[name] = _place(member)
                links.pop(name, None)
            elif member.issym():
                links[name] = _plain(posixpath.join(posixpath.dirname(name), member.linkname))
            elif member.islnk():
                links[name] = _plain(member.linkname)
    return places, links


def _plain(name: str) -> str:
    return posixpath.normpath(name).lstrip("/")


def _place(member: tarfile.TarInfo) -> _Place:
    """Return where a file's bytes are.

    Raises:
        tarfile.TarError: The map of a sparse file makes no sense.
    """
    # typeshed does not know the attribute: offset and length of each piece in the file
    sparse: list[tuple[int, int]] | None = getattr(member, "sparse", None)
    if sparse is None:
        sparse = [(0, member.size)]
    begins = []
    pieces = []
    position, end = member.offset_data, 0
    for offset, length in sparse:
        if length == 0:  # an unused entry of an old header's four
            continue
        if not end <= offset < offset + length <= member.size:
            msg = f"sparse map of {member.name!r} is not in order"
            raise tarfile.ReadError(msg)
        begins.append(offset)
        pieces.append((position, length))
        position += length
        end = offset + length
    return _Place(size=member.size, begins=tuple(begins), pieces=tuple(pieces))


class _Stretch(io.RawIOBase):
    """A file in the archive, read through its own descriptor and position."""

    def __init__(self, fd: int, place: _Place) -> None:
        super().__init__()
        self._fd = fd
        self._place = place
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._place.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        place, position = self._place, self._position
        view = memoryview(buffer)[: max(0, place.size - position)]
        if not view:
            return 0
        after = bisect_right(place.begins, position)
        if after:
            where, length = place.pieces[after - 1]
            done = position - place.begins[after - 1]
            if done < length:
                count = os.preadv(self._fd, [view[: length - done]], where + done)
                self._position += count
                return count
        hole_end = place.begins[after] if after < len(place.begins) else place.size
        count = min(len(view), hole_end - position)
        view[:count] = bytes(count)
        self._position += count
        return count

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        super().close()
