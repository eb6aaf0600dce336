"""What other programs and libraries find in an image: every file, its size and its bytes.

Each reader returns the paths of regular files with their content, and those of symbolic links with
their targets if it can read them; directories show in the paths below them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import ext4
from dissect.extfs import ExtFS

from pyext4 import File, Symlink, Tree
from pyext4.content import open_content
from tests.oracle.judges import features
from tests.oracle_tools import need

__all__ = ["READERS", "Found", "found_in", "listed_by_7z"]

Found = dict[str, bytes]

JOURNAL_OF_7Z = "/[SYS]/Journal"  # its name for an inode that has none


def found_in(tree: Tree, *, links: bool) -> Found:
    """Return what a reader must find; without `links`, regular files only."""
    found: Found = {}
    for path, node in tree.walk():
        if isinstance(node, File):
            with open_content(node) as stream:
                found[os.fsdecode(path)] = stream.read()
        elif isinstance(node, Symlink) and links:
            found[os.fsdecode(path)] = node.target
    return found


def run(*command: str | Path) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout


def files_below(root: Path) -> Iterator[tuple[str, Path]]:
    for folder, _, names in os.walk(root):
        for name in names:
            place = Path(folder) / name
            yield "/" + str(place.relative_to(root)), place


def extracted(root: Path) -> Found:
    return {
        path: os.fsencode(place.readlink()) if place.is_symlink() else place.read_bytes()
        for path, place in files_below(root)
    }


def by_debugfs(image: Path, scratch: Path) -> Found:
    need("debugfs")
    run("debugfs", "-R", f"rdump / {scratch}", image)
    return extracted(scratch)


def by_7z(image: Path, scratch: Path) -> Found:
    need("7zz")
    run("7zz", "x", "-snld", f"-o{scratch}", image)
    return {path: data for path, data in extracted(scratch).items() if path != JOURNAL_OF_7Z}


def listed_by_7z(image: Path) -> dict[str, int]:
    """Return the size of each file in 7z's listing."""
    need("7zz")
    sizes: dict[str, int] = {}
    for entry in run("7zz", "l", "-slt", image).decode().partition("----------\n")[2].split("\n\n"):
        facts = dict(line.split(" = ", 1) for line in entry.splitlines() if " = " in line)
        if facts.get("Mode", "").startswith("-"):
            sizes["/" + facts["Path"]] = int(facts["Size"])
    sizes.pop(JOURNAL_OF_7Z, None)
    return sizes


def by_grub(image: Path, _scratch: Path) -> Found:
    """GRUB follows links, so only files count."""
    need("grub-fstest")

    def walk(folder: str) -> Iterator[tuple[str, bytes]]:
        # names stand between blanks, a directory's has a slash; the sample has no others
        for name in run("grub-fstest", image, "ls", f"{folder}/").decode().split():
            path = f"{folder}/{name}"
            if name.endswith("/"):
                yield from walk(path.rstrip("/"))
            elif not name.startswith("link-"):
                yield path, run("grub-fstest", image, "cat", path)

    return dict(walk(""))


def by_dissect(image: Path, _scratch: Path) -> Found:
    def walk(folder: str) -> Iterator[tuple[str, bytes]]:
        for name, node in filesystem.get(folder or "/").listdir().items():
            path = f"{folder}/{name}"
            if name in (".", ".."):
                continue
            if node.filetype == 0o040000:
                yield from walk(path)
            elif node.filetype == 0o120000:
                yield path, node.link.encode()
            elif node.filetype == 0o100000:
                yield path, node.open().read()

    with image.open("rb") as file:
        filesystem = ExtFS(file)
        return dict(walk(""))


def by_ext4(image: Path, _scratch: Path) -> Found:
    """The `ext4` package of PyPI, which checks the checksums too."""

    def walk(directory: ext4.Directory, folder: str) -> Iterator[tuple[str, bytes]]:
        for entry, _ in directory.opendir():
            name = entry.name_bytes.decode()
            path = f"{folder}/{name}"
            if name in (".", ".."):
                continue
            node = volume.inodes[entry.inode]
            if summed:  # it compares the checksum even where there are none
                node.validate()
            if isinstance(node, ext4.Directory):
                yield from walk(node, path)
            elif isinstance(node, ext4.SymbolicLink):
                yield path, node.readlink()
            elif isinstance(node, ext4.File):
                yield path, node.open().read()

    with image.open("rb") as file:
        summed = "metadata_csum" in features(image)
        volume = ext4.Volume(file)
        return dict(walk(volume.root, ""))


# and whether it reads symbolic links
READERS: dict[str, tuple[Callable[[Path, Path], Found], bool]] = {
    "debugfs": (by_debugfs, True),
    "7z": (by_7z, True),
    "grub": (by_grub, False),
    "dissect": (by_dissect, True),
    "ext4": (by_ext4, True),
}
