"""Images made by other programs, and what the kernel says about them."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyext4.reader import Ext4Reader, Inode

__all__ = [
    "Seen",
    "debugfs",
    "fill",
    "make_image",
    "mounted",
    "only_in_journal",
    "run",
    "seen_by_kernel",
    "seen_by_reader",
]


@dataclass(frozen=True)
class Seen:
    """All of a path that two readers must agree on."""

    mode: int
    links: int
    uid: int
    gid: int
    size: int
    times_ns: tuple[int, int, int]
    device: tuple[int, int]
    target: bytes
    xattrs: tuple[tuple[bytes, bytes], ...]
    content: bytes
    ino: int
    sectors: int


def run(*command: str | Path, expect: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == expect, (command, done.stdout, done.stderr)
    return done.stdout.decode(errors="replace")


def make_image(path: Path, *options: str, size: str = "64M", source: Path | None = None) -> Path:
    tree = ["-d", str(source)] if source else []
    run("mke2fs", "-q", "-F", *options, *tree, path, size)
    return path


def debugfs(image: Path, *commands: str) -> None:
    lines = "".join(f"{command}\n" for command in commands)
    done = subprocess.run(
        ["debugfs", "-w", "-f", "-", image], input=lines, text=True, capture_output=True, check=True
    )
    assert "rror" not in done.stdout, done.stdout


def only_in_journal(image: Path, *changes: str) -> None:
    """Make debugfs's `changes`, but leave them in the journal of an image of 4 KiB blocks.

    A copy of a mounted image has them there too, and often at their own places as well: whenever
    some program calls sync(2), the kernel may write them there.
    """
    later, blocks = image.with_suffix(".later"), image.with_suffix(".blocks")
    later.write_bytes(image.read_bytes())
    debugfs(later, *changes, "features needs_recovery")
    old, new = image.read_bytes(), later.read_bytes()
    starts = [at for at in range(0, len(new), 4096) if old[at : at + 4096] != new[at : at + 4096]]
    blocks.write_bytes(b"".join(new[at : at + 4096] for at in starts))
    numbers = ",".join(str(at // 4096) for at in starts)
    debugfs(image, "jo -c -v 3", f"jw -b {numbers} {blocks}", "jc")


@contextmanager
def mounted(image: Path, *, write: bool = False, options: str = "") -> Iterator[Path]:
    point = image.with_suffix(".mnt")
    point.mkdir(exist_ok=True)
    mode = "rw" if write else "ro,noload"
    run("mount", "-t", "ext4", "-o", f"loop,{mode}{options}", image, point)
    try:
        yield point
    finally:
        run("umount", point)


def fill(root: Path) -> None:
    """Put one of everything below `root`, as root does."""
    (root / "empty").touch()
    (root / "one").write_bytes(b"1")
    (root / "short").write_bytes(b"s" * 59)
    (root / "medium").write_bytes(bytes(range(150)))
    for size in (1023, 1024, 1025, 4095, 4096, 4097, 300_000):
        (root / f"size-{size}").write_bytes(os.urandom(size))
    with (root / "sparse").open("wb") as sparse:
        sparse.seek(3_000_000)
        sparse.write(b"in the middle")
        sparse.truncate(9_000_000)
    os.link(root / "one", root / "other name")
    for length in (1, 59, 60, 61, 1000):
        (root / f"link-{length}").symlink_to("t" * length)
    os.mknod(root / "chr", stat.S_IFCHR | 0o620, os.makedev(5, 1))
    os.mknod(root / "blk", stat.S_IFBLK | 0o660, os.makedev(4095, 0xFFFFF))
    os.mkfifo(root / "fifo")
    os.mknod(root / "socket", stat.S_IFSOCK | 0o755)
    deep = root / "deep" / "er" / "est"
    deep.mkdir(parents=True)
    (deep / "file").write_text("down here")
    (root / "dir-link").symlink_to("deep/er")
    os.mkdir(os.fsencode(root) + b"/\xff\xfe not utf-8 \xe9")
    many = root / "many"
    many.mkdir()
    for number in range(900):
        name = b"%d-\xc3\xa9\xff-%s" % (number, b"n" * (number % 120))
        with open(os.fsencode(many) + b"/" + name, "wb") as file:
            file.write(name)
    os.chown(root / "short", 70_000, 4_294_967_294)
    (root / "medium").chmod(0o6755)
    os.setxattr(root / "one", "user.kind", b"first")
    os.setxattr(root / "one", "security.selinux", b"system_u:object_r:etc_t:s0\0")
    os.setxattr(root / "short", "user.long", b"v" * 700)
    os.setxattr(root / "deep", "user.kind", b"directory")
    run("setfacl", "-m", "u:1000:rw,g:7:r", root / "size-1024")
    run("setfacl", "-d", "-m", "u:70000:rwx", root / "deep")
    os.utime(root / "empty", ns=(-1_000_000_000, -86_400_000_000_001))
    os.utime(root / "size-4096", ns=(4_102_444_800_123_456_789, 7_000_000_000_000_000_001))


def seen_by_kernel(root: Path) -> dict[bytes, Seen]:
    """Describe everything below a mounted root, hidden places of lost+found included."""
    found = {}
    base = os.fsencode(root)
    todo = [base]
    while todo:
        path = todo.pop()
        about = os.lstat(path)
        if stat.S_ISDIR(about.st_mode):
            todo.extend(path + b"/" + name for name in os.listdir(path))
        xattrs = [
            (os.fsencode(name), os.getxattr(path, name, follow_symlinks=False))
            for name in os.listxattr(path, follow_symlinks=False)
        ]
        content = b""
        if stat.S_ISREG(about.st_mode):
            with open(path, "rb") as file:
                content = file.read()
        device = (os.major(about.st_rdev), os.minor(about.st_rdev))
        found[path[len(base) :] or b"/"] = Seen(
            mode=about.st_mode,
            links=about.st_nlink,
            uid=about.st_uid,
            gid=about.st_gid,
            size=about.st_size,
            times_ns=(about.st_atime_ns, about.st_mtime_ns, about.st_ctime_ns),
            device=device,
            target=os.readlink(path) if stat.S_ISLNK(about.st_mode) else b"",
            xattrs=tuple(sorted(xattrs)),
            content=content,
            ino=about.st_ino,
            sectors=about.st_blocks,
        )
    return found


def seen_by_reader(reader: Ext4Reader) -> dict[bytes, Seen]:
    """Describe everything that the reader walks to, in the same way."""
    return {path: _seen(reader, node) for path, node in reader.walk()}


def _seen(reader: Ext4Reader, node: Inode) -> Seen:
    special = stat.S_ISCHR(node.mode) or stat.S_ISBLK(node.mode)
    return Seen(
        mode=node.mode,
        links=node.links,
        uid=node.uid,
        gid=node.gid,
        size=node.size,
        times_ns=(node.atime_ns, node.mtime_ns, node.ctime_ns),
        device=node.device if special else (0, 0),
        target=reader.readlink(node) if stat.S_ISLNK(node.mode) else b"",
        xattrs=reader.xattrs(node),
        content=reader.read(node) if stat.S_ISREG(node.mode) else b"",
        ino=node.ino,
        # the kernel shows the inline bytes of files as if they took a sector
        sectors=node.sectors + (stat.S_ISREG(node.mode) and node.inline and node.size > 0),
    )
