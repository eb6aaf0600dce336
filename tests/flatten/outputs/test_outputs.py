"""Listing, tar and mtree of a tree, judged by programs that read these formats."""

from __future__ import annotations

import io
import struct
import subprocess
import tarfile
from pathlib import Path
from typing import BinaryIO

import pytest

from flatten import OutputError, flatten
from flatten.outputs import list_lines, write_mtree, write_tar
from pyext4.tree import Directory, File, Metadata, Socket, Tree
from tests.flatten.outputs.listings import listing, listing_of_directory
from tests.flatten.tars import (
    MemoryLayer,
    block,
    char,
    directory,
    fifo,
    file,
    hardlink,
    layer,
    member,
    pax,
    symlink,
)
from tests.oracle_tools import need, need_root

ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in (
        (0x01, 7, 0xFFFFFFFF),
        (0x02, 6, 1000),
        (0x04, 5, 0xFFFFFFFF),
        (0x10, 7, 0xFFFFFFFF),
        (0x20, 5, 0xFFFFFFFF),
    )
)
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


def rich() -> Tree:
    """A tree with everything that a directory of the host can hold."""
    return flatten(
        [
            layer(
                pax((b"mtime", b"1000000000.000000001")),
                directory(b"./", 0o751, uid=3),
                directory(b"d", 0o1777, mtime=77),
                pax((b"mtime", b"1234567890.123456789"), (b"uid", b"3000000")),
                file(b"d/f", b"hello", mode=0o4755, gid=5),
                hardlink(b"a-link", b"d/f"),
                hardlink(b"z-link", b"d/f"),
                symlink(b"s w", b"d/f #1"),
                char(b"c", 1, 3),
                block(b"b", 8, 259),
                fifo(b"p"),
                hardlink(b"p2", b"p"),
                pax((b"SCHILY.xattr.system.posix_acl_access", ACL)),
                file(b"acl", b"x", mode=0o775),
                pax((b"SCHILY.xattr.system.posix_acl_default", ACL)),
                directory(b"defaults"),
                pax((b"SCHILY.xattr.security.capability", CAPABILITY), (b"mtime", b"-1.5")),
                file(b"ping", b"x" * 100_000, mode=0o755),
                pax((b"SCHILY.xattr.user.a%3Db", b"v=\n\0"), (b"SCHILY.xattr.user.empty", b"")),
                file(b"x", b""),
                pax((b"path", b"l" * 200 + b"/" + b"m" * 255)),
                file(b"@", b"long"),
                pax((b"linkpath", b"t" * 300)),
                symlink(b"long-link", b"@"),
                file(b"caf\xc3\xa9 *[x]?\\", b"utf-8"),
                file(b"\xff\xfe", b"bytes"),
            )
        ]
    )


def packed(tree: Tree) -> bytes:
    stream = io.BytesIO()
    write_tar(tree, stream)
    return stream.getvalue()


def test_tar_comes_back_as_the_same_tree() -> None:
    tree = rich()
    assert listing(flatten([MemoryLayer(blob=packed(tree))])) == listing(tree)


def test_tar_is_sorted_and_whole_records_long() -> None:
    content = packed(rich())
    with tarfile.open(fileobj=io.BytesIO(content), encoding="latin-1") as archive:
        names = [each.name.encode("latin-1").split(b"/") for each in archive]
    assert names == sorted(names)
    assert len(content) % 10240 == 0


def test_numbers_that_ustar_cannot_hold() -> None:
    meta = Metadata(
        mode=0o644, uid=2097152, gid=4294967294, mtime_ns=8589934592 * 10**9, atime_ns=-1,
        ctime_ns=5, crtime_ns=7 * 10**9,
    )  # fmt: skip
    tree = Tree(Directory(Metadata(mode=0o755), {b"a": File(meta)}))
    again = flatten([MemoryLayer(blob=packed(tree))])
    assert again.root.children[b"a"].meta == meta


@pytest.mark.parametrize("size", [8 * 2**30 - 1, 8 * 2**30])
def test_header_of_a_file_of_8_gib(size: int) -> None:
    def refuse() -> BinaryIO:
        raise ConnectionAbortedError

    tree = Tree(Directory(Metadata(mode=0o755), {b"a": File(Metadata(mode=0o644), size, refuse)}))
    stream = io.BytesIO()
    with pytest.raises(ConnectionAbortedError):
        write_tar(tree, stream)
    stated = b"size=%d\n" % size in stream.getvalue()
    assert stated == (size == 8 * 2**30)


def test_sockets_and_short_contents_are_refused() -> None:
    meta = Metadata(mode=0o644)
    with pytest.raises(OutputError, match="/s: tar can't hold a socket"):
        packed(Tree(Directory(meta, {b"s": Socket(meta)})))
    short = Tree(Directory(meta, {b"f": File(meta, 5, b"1234")}))
    with pytest.raises(OutputError, match="/f: content is 1 bytes short of its size: 5"):
        packed(short)
    with pytest.raises(OutputError, match="/f: content is 1 bytes short of its size: 5"):
        write_mtree(short, io.BytesIO())


def test_listing_has_a_line_for_each_name() -> None:
    lines = list(list_lines(rich()))
    assert lines[0] == "drwxr-x--x 3/0              0 2001-09-09T01:46:40.000000001Z /"
    wanted = {
        "-rwsr-xr-x 3000000/5        5 2009-02-13T23:31:30.123456789Z /a-link",
        "-rwsr-xr-x 3000000/5        5 2009-02-13T23:31:30.123456789Z /d/f = /a-link",
        "brw-r--r-- 0/0          8,259 1970-01-01T00:00:00.000000000Z /b",
        "lrwxrwxrwx 0/0              6 1970-01-01T00:00:00.000000000Z /s w -> d/f #1",
        "-rwxr-xr-x 0/0         100000 1969-12-31T23:59:58.500000000Z /ping",
        r"-rw-r--r-- 0/0              5 1970-01-01T00:00:00.000000000Z /\xff\xfe",
    }
    assert wanted <= set(lines)
    far = Tree(Directory(Metadata(mode=0o755, mtime_ns=10**21)))
    assert list(list_lines(far)) == ["drwxr-xr-x 0/0              0 @1000000000000.000000000 /"]


def test_listing_cannot_be_forged_by_names() -> None:
    tree = flatten([layer(file(b"a\n-rw-r--r-- 0 b\x1b[2J", b""))])
    assert len(list(list_lines(tree))) == 2
    assert all(line.isprintable() for line in list_lines(tree))


@pytest.mark.oracle
def test_gnu_tar_unpacks_the_same(tmp_path: Path) -> None:
    need("tar")
    need_root()
    tree = rich()
    top = tmp_path / "top"
    top.mkdir()
    command = ["tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "-xpf", "-"]
    ran = subprocess.run([*command, "-C", top], input=packed(tree), capture_output=True, check=True)
    assert b"implausibly old" in ran.stderr or not ran.stderr
    wanted = listing(tree)
    assert listing_of_directory(top, times_of=frozenset(wanted)) == wanted


@pytest.mark.oracle
def test_bsdtar_unpacks_the_same(tmp_path: Path) -> None:
    need("bsdtar")
    need_root()
    tree = rich()
    # bsdtar insists on its locale's bytes, reads -1.5 as half a second before 1970, and takes
    # GNU tar's escaped xattr names as they stand
    for odd in (b"\xff\xfe", b"caf\xc3\xa9 *[x]?\\", b"ping", b"x"):
        del tree.root.children[odd]
    tree.root.meta = Metadata(mode=0o755)  # it leaves the attributes of the directory it is in
    top = tmp_path / "top"
    top.mkdir()
    command = ["bsdtar", "--xattrs", "--acls", "--numeric-owner", "-xpf", "-", "-C", str(top)]
    subprocess.run(command, input=packed(tree), check=True)
    wanted = listing(tree)
    assert listing_of_directory(top, times_of=frozenset(wanted)) == wanted


@pytest.mark.oracle
def test_mtree_checks_what_tar_unpacked(tmp_path: Path) -> None:
    need("mtree", "tar")
    need_root()
    tree = rich()
    top = tmp_path / "top"
    top.mkdir()
    command = ["tar", "--numeric-owner", "-xpf", "-", "-C", str(top)]
    subprocess.run(command, input=packed(tree), capture_output=True, check=True)
    manifest = tmp_path / "manifest"
    with manifest.open("wb") as stream:
        write_mtree(tree, stream)
    assert checked(manifest, top) == (0, "")
    (top / "d" / "f").write_bytes(b"hellO")
    (top / "x").chmod(0o600)
    (top / "s w").unlink()
    (top / "s w").symlink_to("d/f #2")
    (top / "p").unlink()
    status, said = checked(manifest, top)
    assert status != 0
    for name in ("d/f", "x", "s w", "p"):
        assert name in said


def checked(manifest: Path, top: Path) -> tuple[int, str]:
    ran = subprocess.run(
        ["mtree", "-f", manifest, "-p", top], capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.oracle
def test_bsdtar_reads_the_manifest(tmp_path: Path) -> None:
    need("bsdtar")
    manifest = tmp_path / "manifest.mtree"
    with manifest.open("wb") as stream:
        write_mtree(rich(), stream)
    command = ["bsdtar", "-tvf", str(manifest)]
    said = subprocess.run(command, capture_output=True, check=True, env={"LC_ALL": "C"}).stdout
    lines = [line.split() for line in said.splitlines()]
    assert len(lines) == 1 + len(listing(rich())) - 1
    assert [b"-rwsr-xr-x", b"3", b"3000000", b"5", b"5"] in [line[:5] for line in lines]
    assert any(line[4] == b"8,259" for line in lines)


def test_special_members_need_no_payload() -> None:
    tree = flatten([layer(member(b"p", b"6", mode=0o600))])
    assert listing(flatten([MemoryLayer(blob=packed(tree))])) == {"p": "fifo | mode=600"}
