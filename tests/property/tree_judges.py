"""The judges of an image: e2fsck, debugfs, and the reader's result compared with the tree."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

from pyext4 import Device, Directory, Fifo, File, Metadata, Socket, Symlink, Tree
from pyext4.content import open_content
from pyext4.reader import Inode, open_ext4
from pyext4.tree import Node

__all__ = ["e2fsck_is_silent", "reader_gives_the_tree_back"]

# all that e2fsck prints of a filesystem where it has nothing to say
_SILENT = re.compile(
    rb"Pass 1: Checking inodes, blocks, and sizes\n"
    rb"Pass 2: Checking directory structure\n"
    rb"Pass 3: Checking directory connectivity\n"
    rb"Pass 4: Checking reference counts\n"
    rb"Pass 5: Checking group summary information\n"
    rb"[^\n]*: \d+/\d+ files \(\d+\.\d% non-contiguous\), \d+/\d+ blocks\n"
)
_VERSION = re.compile(rb"e2fsck [^\n]*\n")
_STAT = re.compile(
    r"Inode: (?P<ino>\d+) +Type: .*?Mode: +(?P<mode>\d+).*?"
    r"User: +(?P<uid>-?\d+) +Group: +(?P<gid>-?\d+).*?Size: (?P<size>\d+).*?"
    r"Links: (?P<links>\d+) +Blockcount: (?P<sectors>\d+)",
    re.DOTALL,
)


def e2fsck_is_silent(image: Path) -> None:
    """Check that e2fsck finds nothing, and doesn't even remark on anything."""
    done = subprocess.run(["e2fsck", "-fn", image], capture_output=True, check=False)
    text = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
    assert done.returncode == 0, text
    # the last line begins with the label, so any byte but a newline may stand there
    assert _SILENT.fullmatch(done.stdout), text
    assert _VERSION.fullmatch(done.stderr), text


def reader_gives_the_tree_back(image: Path, tree: Tree) -> None:
    """Check that the reader finds nothing wrong, and exactly the tree; debugfs helps."""
    with open_ext4(image) as reader:
        assert reader.verify() == []
        given = described(reader.to_tree())
        inodes = dict(reader.walk())
        expected = described(tree)
        if b"/lost+found" not in expected:
            assert given.pop(b"/lost+found")[0] is Directory
        assert given.keys() == expected.keys()
        for path, node in expected.items():
            assert given[path] == node, path
        _debugfs_agrees(image, sorted(inodes.items())[:: max(1, len(inodes) // 8)])


def described(tree: Tree) -> dict[bytes, tuple[object, ...]]:
    """Make every node comparable; hard links by the first path of the node."""
    first: dict[Node, bytes] = {}
    out: dict[bytes, tuple[object, ...]] = {}
    for path, node in tree.walk():
        one = first.setdefault(node, path)
        own: tuple[object, ...] = ()
        if isinstance(node, File):
            with open_content(node) as stream:
                own = (node.size, stream.read())
        elif isinstance(node, Symlink):
            own = (node.target,)
        elif isinstance(node, Device):
            own = (node.kind, node.major, node.minor)
        else:
            assert isinstance(node, Directory | Fifo | Socket)
        out[path] = (type(node), one, _resolved(node.meta), own)
    return out


def _resolved(meta: Metadata) -> tuple[object, ...]:
    times = (meta.atime_ns, meta.ctime_ns, meta.crtime_ns)
    return (
        meta.mode,
        meta.uid,
        meta.gid,
        meta.mtime_ns,
        *(meta.mtime_ns if time is None else time for time in times),
        meta.xattrs,
    )


def _debugfs_agrees(image: Path, chosen: list[tuple[bytes, Inode]]) -> None:
    script = "\n".join(f"stat <{node.ino}>" for _, node in chosen)
    commands = image.with_suffix(".commands")
    commands.write_text(script + "\n")
    done = subprocess.run(["debugfs", "-f", commands, image], capture_output=True, check=True)
    found = [match.groupdict() for match in _STAT.finditer(done.stdout.decode(errors="replace"))]
    assert found == [
        {
            "ino": str(node.ino),
            "mode": f"0{stat.S_IMODE(node.mode):03o}",
            "uid": str(_signed(node.uid)),
            "gid": str(_signed(node.gid)),
            "size": str(node.size),
            "links": str(node.links),
            "sectors": str(node.sectors),
        }
        for _, node in chosen
    ]


def _signed(number: int) -> int:
    """Return an owner as debugfs shows it."""
    return number - (1 << 32) if number >> 31 else number
