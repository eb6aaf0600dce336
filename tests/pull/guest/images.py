"""Small images, made in the test: a container image's files, an init and its boot file."""

from __future__ import annotations

from pathlib import Path

from pull.guest.init.binary import init_binary
from pull.guest.init.boot_file import BootFile, encode
from pyext4 import Directory, File, Metadata, Options, Symlink, Tree, write_ext4
from pyext4.tree import Node

__all__ = ["file", "folder", "link", "write_image"]

MOUNT_POINTS = (b"dev", b"proc", b"sys", b"run", b"tmp")
MIB = 1 << 20


def folder(children: dict[bytes, Node] | None = None, mode: int = 0o755) -> Directory:
    return Directory(meta=Metadata(mode=mode), children=children or {})


def file(content: bytes, mode: int = 0o644) -> File:
    return File(meta=Metadata(mode=mode), size=len(content), content=content)


def link(target: bytes) -> Symlink:
    return Symlink(meta=Metadata(mode=0o777), target=target)


def write_image(
    path: Path,
    content: dict[bytes, Node],
    boot: BootFile | bytes,
    *,
    init: bytes | None = None,
    machine: str = "x86_64",
) -> Path:
    """Write the content with mount points, init and boot file around it."""
    text = boot if isinstance(boot, bytes) else encode(boot)
    sbin: dict[bytes, Node] = {b"init": file(init or init_binary(machine), 0o755)}
    root: dict[bytes, Node] = {name: folder() for name in MOUNT_POINTS}
    root |= {b"sbin": folder(sbin), b".pyext4": folder({b"boot": file(text, 0o600)})}
    write_ext4(Tree(root=folder(root | content)), path, Options(free_bytes=16 * MIB))
    return path
