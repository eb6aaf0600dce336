"""Make layers from files of the host, to go on top of an image's own.

    layers = [*image.layers, tar_layer(Path("extra.tar.gz")), added_layer(parse_addition("a:/b"))]

An addition is `HOST:IMAGE[:MODE[:UID[:GID]]]`: a file or directory of the host and the path it
gets in the image. It keeps its permissions and time unless MODE says otherwise, and belongs to
UID and GID, by default to root: the host's owners mean nothing in an image. For a directory, UID
and GID apply to everything in it, MODE only to the directory itself. Extended attributes are not
copied, for the same reason.

It goes where cp(1), `docker cp` and COPY would put it. A file goes into IMAGE, under its own name,
if IMAGE is a directory or a symbolic link to one, or ends with a slash. A directory's contents
are merged into IMAGE, through symbolic links to directories. Missing parents are made. Turning a
directory into something else, or something else into a directory, is an error; a tar can do that,
because it follows the rules of any layer.
"""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from flatten.errors import HostError
from flatten.layer import Added, HostLayer, Layer
from flatten.outputs.tar_output import tar_pieces
from flatten.paths_of_nodes import link_counts
from pyext4.buffer import Buffer
from pyext4.host import tree_from_directory
from pyext4.tree import Directory, File, Metadata, Node, Tree

__all__ = ["Addition", "added_layer", "parse_addition", "tar_layer"]

_OWNER_MAX = 4294967294  # -1 means "no change" to chown(2)
_NS_PER_SECOND = 1_000_000_000
_FORM = "HOST:IMAGE[:MODE[:UID[:GID]]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """A file or directory of the host, and its place in the image."""

    host: Path
    image: bytes  # absolute
    mode: int | None = None  # None: the host's
    uid: int = 0
    gid: int = 0


class _Pieces(io.RawIOBase):
    """Reads from an iterator of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:  # type: ignore[override]
        view = memoryview(buffer)
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        count = min(len(view), len(self._left))
        view[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def tar_layer(path: Path) -> Layer:
    """Make a layer from a tar file of the host: plain, gzip, zstd, bzip2 or xz."""
    return HostLayer(digest=str(path), opener=lambda: path.open("rb"))


def parse_addition(text: str) -> Addition:
    """Parse `HOST:IMAGE[:MODE[:UID[:GID]]]`; MODE is octal, and only HOST may hold colons.

    Raises:
        HostError: it is not of that form.
    """
    host, absolute, behind = text.partition(":/")
    rest = f"/{behind}".split(":")
    if not absolute:  # something is wrong; find out what
        host, *rest = text.split(":")
    if not host or not 1 <= len(rest) <= 4:
        raise HostError(text, f"is not of the form {_FORM}")
    image = os.fsencode(rest[0])
    if not image.startswith(b"/"):
        raise HostError(text, f"path in the image is not absolute: {rest[0]}")
    mode = None
    if len(rest) > 1 and rest[1]:
        if not re.fullmatch(r"[0-7]{1,5}", rest[1]) or int(rest[1], 8) > 0o7777:
            raise HostError(text, f"mode is not an octal number up to 7777: {rest[1]}")
        mode = int(rest[1], 8)
    owners = [_owner(text, part) for part in rest[2:]]
    uid, gid = [*owners, 0, 0][:2]
    return Addition(host=Path(host), image=image, mode=mode, uid=uid, gid=gid)


def _owner(text: str, part: str) -> int:
    if not part:
        return 0
    if not re.fullmatch(r"[0-9]{1,10}", part) or int(part) > _OWNER_MAX:
        raise HostError(text, f"owner or group is not a number up to {_OWNER_MAX}: {part}")
    return int(part)


def added_layer(addition: Addition, *, latest: int | None = None) -> Layer:
    """Make a layer from one file or directory of the host; it is read when the layer is applied.

    `latest` caps the times, in seconds since 1970, as $SOURCE_DATE_EPOCH does: builds
    "MUST use a timestamp no later than the value of this variable".
    https://reproducible-builds.org/specs/source-date-epoch/

    Raises:
        HostError: it is neither a file nor a directory.
        OSError: it can't be examined.
    """
    status = addition.host.stat()
    is_file = stat.S_ISREG(status.st_mode)
    if not stat.S_ISDIR(status.st_mode) and not is_file:
        raise HostError(str(addition.host), "is neither a file nor a directory")
    return HostLayer(
        digest=str(addition.host),
        opener=lambda: _stream(addition, latest, is_file=is_file),
        added=Added(
            file_name=os.fsencode(addition.host.name) if is_file else None,
            into_directory=addition.image.rpartition(b"/")[2] in (b"", b".", b".."),
        ),
    )


def _stream(addition: Addition, latest: int | None, *, is_file: bool) -> BinaryIO:
    tree = Tree()
    top: Node
    if is_file:
        top = _file(addition.host)
    else:
        tree = tree_from_directory(addition.host.resolve())
        top = tree.root
    for node in set(tree.nodes()) | {top}:
        meta = node.meta
        mtime_ns = meta.mtime_ns if latest is None else min(meta.mtime_ns, latest * _NS_PER_SECOND)
        node.meta = replace(meta, uid=addition.uid, gid=addition.gid, mtime_ns=mtime_ns, xattrs=())
    if addition.mode is not None:
        top.meta = replace(top.meta, mode=addition.mode)
    entries = _entries(addition.image.rstrip(b"/"), top, tree)
    return io.BufferedReader(_Pieces(tar_pieces(entries, link_counts(tree))), 1 << 20)


def _file(host: Path) -> File:
    status = host.stat()
    if not stat.S_ISREG(status.st_mode):
        raise HostError(str(host), "was a file but no longer is")
    meta = Metadata(mode=stat.S_IMODE(status.st_mode), mtime_ns=status.st_mtime_ns)
    if status.st_size:
        return File(meta, status.st_size, host)
    content = host.read_bytes()  # files in /proc and /sys hold more than their stated size
    return File(meta, len(content), content)


def _entries(image: bytes, top: Node, tree: Tree) -> Iterator[tuple[bytes, Node]]:
    if not isinstance(top, Directory):
        yield image or b"/", top
        return
    for path, node in tree.walk():
        yield (image + path).rstrip(b"/") or b"/", node
