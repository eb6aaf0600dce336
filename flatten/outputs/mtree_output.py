"""A tree as an mtree manifest: the ownership record beside an image.

mtree(5), version 2.0, as NetBSD's mtree and libarchive read it: full paths, one line each, with
type, mode, uid, gid, time, and size, sha256, link, device, nlink where they apply. The format has
no keyword for xattrs.
"""

from __future__ import annotations

import hashlib
import re
import stat
from typing import BinaryIO

from flatten.errors import OutputError
from flatten.paths_of_nodes import first_names, link_counts
from pyext4.content import open_content
from pyext4.tree import Device, Directory, Fifo, File, Node, Symlink, Tree

__all__ = ["write_mtree"]

# Everything else is written as \ooo, as vis(3) with VIS_OCTAL does, including blanks, which end a
# word, "#", and *?[ which turn a name into a pattern.
_UNSAFE = re.compile(rb"[^A-Za-z0-9._/@%+,:~^-]")
_COPY_BYTES = 1 << 20


def write_mtree(tree: Tree, stream: BinaryIO) -> None:
    """Write the manifest of `tree` to `stream`; every file's content is read once.

    Raises:
        OutputError: a file's content is shorter than its size.
    """
    stream.write(b"#mtree\n")
    counts = link_counts(tree)
    digests: dict[bytes, str] = {}  # of files with several names, by the first name
    for path, node, first in first_names(tree.walk(), counts):
        words = [_encoded(b"." if path == b"/" else b"." + path), *_words(node)]
        if node in counts:
            words.append(f"nlink={counts[node]}")
        if isinstance(node, File):
            digest = digests[first] if first is not None else _sha256(path, node)
            if node in counts:
                digests[path] = digest
            words.append(f"sha256={digest}")
        stream.write(" ".join(words).encode() + b"\n")


def _words(node: Node) -> list[str]:
    meta = node.meta
    seconds, nanoseconds = divmod(meta.mtime_ns, 1_000_000_000)
    common = [
        f"uid={meta.uid}",
        f"gid={meta.gid}",
        f"mode={meta.mode:04o}",
        f"time={seconds}.{nanoseconds:09}",
    ]
    match node:
        case Directory():
            return ["type=dir", *common]
        case File():
            return ["type=file", *common, f"size={node.size}"]
        case Symlink():
            return ["type=link", *common, f"link={_encoded(node.target)}"]
        case Device():
            kind = "char" if node.kind == stat.S_IFCHR else "block"
            # not "linux,": readers take that as the kernel's old format of 8 and 8 bits
            return [f"type={kind}", *common, f"device=native,{node.major},{node.minor}"]
        case Fifo():
            return ["type=fifo", *common]
        case _:
            return ["type=socket", *common]


def _encoded(name: bytes) -> str:
    return _UNSAFE.sub(lambda found: b"\\%03o" % found[0][0], name).decode()


def _sha256(path: bytes, file: File) -> str:
    state = hashlib.sha256()
    left = file.size
    with open_content(file) as stream:
        while left:
            data = stream.read(min(left, _COPY_BYTES))
            if not data:
                raise OutputError(path, f"content is {left} bytes short of its size: {file.size}")
            state.update(data)
            left -= len(data)
    return state.hexdigest()
