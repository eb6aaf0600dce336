"""One directory packed by every available writer: each dialect must give the same tree."""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from flatten import flatten
from flatten.host_layers import tar_layer
from flatten.layer import Layer
from pyext4.tree import File
from tests.flatten.oci_read import layers_of
from tests.flatten.outputs.listings import listing, listing_of_directory
from tests.oracle_tools import need, need_root

pytestmark = pytest.mark.oracle

LONG = "n" * 120 + "/" + "m" * 200
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that all dialects with PAX or GNU headers can say; times in whole seconds."""
    need_root()
    top = tmp_path_factory.mktemp("source") / "rootfs"
    (top / "dir").mkdir(parents=True)
    (top / LONG).parent.mkdir()
    (top / LONG).write_bytes(b"long")
    (top / "dir" / "file").write_bytes(b"x" * 3000)
    (top / "dir" / "link").hardlink_to(top / "dir" / "file")
    (top / "empty").touch()
    (top / "caf\u00e9 \u4f60").write_bytes(b"utf-8")
    (top / "symlink").symlink_to("dir/file")
    (top / "long-symlink").symlink_to("t" * 250)
    os.mkfifo(top / "fifo", 0o600)
    os.mknod(top / "null", 0o020666, os.makedev(1, 3))
    os.mknod(top / "disk", 0o060660, os.makedev(8, 17))
    for number, path in enumerate(sorted(top.rglob("*"))):
        os.chown(path, number, 2_000_000 + number, follow_symlinks=False)
    (top / "dir" / "file").chmod(0o4751)
    (top / "dir").chmod(0o1777)
    (top / "null").chmod(0o666)
    for number, path in enumerate(sorted(top.rglob("*"), reverse=True)):
        os.utime(path, (number, 1_000_000_000 + number), follow_symlinks=False)
    os.utime(top, (0, 1_000_000_000))
    return top


def wanted(source: Path) -> dict[str, str]:
    lines = listing_of_directory(source, times_of=frozenset([".", *names_below(source)]))
    return {name.encode("latin-1").decode("latin-1"): line for name, line in lines.items()}


def names_below(source: Path) -> list[str]:
    return [os.fsencode(path.relative_to(source)).decode("latin-1") for path in source.rglob("*")]


def packed(source: Path, target: Path, command: list[str]) -> Layer:
    need(command[0])
    with target.open("wb") as stream:
        subprocess.run([*command, "-C", str(source), "."], stdout=stream, check=True)
    return tar_layer(target)


NO_TIMES = "--pax-option=delete=atime,delete=ctime"
TAR = ["tar", "--numeric-owner", "-c", "-f", "-"]
BSDTAR = ["bsdtar", "--numeric-owner", "-c", "-f", "-"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([*TAR, "--format=gnu"], id="GNU tar, gnu"),
        pytest.param([*TAR, "--format=oldgnu"], id="GNU tar, oldgnu"),
        pytest.param([*TAR, "--format=posix"], id="GNU tar, posix"),
        pytest.param([*TAR, "--format=posix", "--xattrs", "--acls"], id="GNU tar, posix, xattrs"),
        pytest.param([*TAR, "--format=posix", NO_TIMES], id="GNU tar, posix without times"),
        pytest.param([*TAR, "--format=posix", "--sort=name", "-z"], id="GNU tar, gzip"),
        pytest.param([*TAR, "--format=gnu", "--zstd"], id="GNU tar, zstd"),
        pytest.param([*TAR, "--format=gnu", "--label=volume"], id="GNU tar with a label"),
        pytest.param([*TAR, "--format=gnu", "-b", "1"], id="GNU tar, records of one block"),
        pytest.param([*BSDTAR, "--format=pax"], id="bsdtar, pax"),
        pytest.param([*BSDTAR, "--format=paxr"], id="bsdtar, restricted pax"),
        pytest.param([*BSDTAR, "--format=gnutar"], id="bsdtar, gnutar"),
        pytest.param([*BSDTAR, "--format=pax", "--zstd"], id="bsdtar, zstd"),
        pytest.param([*BSDTAR, "--format=pax", "-z"], id="bsdtar, gzip"),
    ],
)
def test_tar_programs(source: Path, tmp_path: Path, command: list[str]) -> None:
    made = packed(source, tmp_path / "made.tar", command)
    assert listing(flatten([made])) == wanted(source)


@pytest.mark.parametrize("dialect", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_python_tarfile(source: Path, tmp_path: Path, dialect: int) -> None:
    with tarfile.open(tmp_path / "made.tar", "w", format=dialect) as archive:
        archive.add(source, ".")
    assert listing(flatten([tar_layer(tmp_path / "made.tar")])) == wanted(source)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([*TAR, "--format=ustar"], id="GNU tar, ustar"),
        pytest.param([*TAR, "--format=v7"], id="GNU tar, v7"),
        pytest.param([*BSDTAR, "--format=ustar"], id="bsdtar, ustar"),
        pytest.param([*BSDTAR, "--format=v7tar"], id="bsdtar, v7tar"),
    ],
)
def test_dialects_that_say_less(tmp_path: Path, command: list[str]) -> None:
    need_root()
    source = tmp_path / "source"
    (source / "dir").mkdir(parents=True)
    (source / "dir" / "file").write_bytes(b"x" * 600)
    (source / "dir" / "link").hardlink_to(source / "dir" / "file")
    (source / "symlink").symlink_to("dir/file")
    for path in (source, *source.rglob("*")):
        os.chown(path, 7, 8, follow_symlinks=False)
        os.utime(path, (5, 5), follow_symlinks=False)
    made = packed(source, tmp_path / "made.tar", command)
    assert listing(flatten([made])) == wanted(source)


@pytest.mark.parametrize("command", [[*TAR, "--format=posix"], [*BSDTAR, "--format=pax"]])
def test_nanoseconds(tmp_path: Path, command: list[str]) -> None:
    need_root()
    source = tmp_path / "source"
    source.mkdir()
    times = (1, 999_999_999, 1_700_000_000_123_456_789, 15_000_000_000 * 10**9 + 1)
    for number, time_ns in enumerate(times):
        path = source / f"f{number}"
        path.touch()
        os.utime(path, ns=(time_ns + 7, time_ns))
    os.utime(source, (0, 0))
    tree = flatten([packed(source, tmp_path / "made.tar", command)])
    assert listing(tree) == wanted(source)
    assert {node.meta.atime_ns for node in tree.nodes()} >= {8, 1_000_000_006}


def set_acl(path: Path, text: str) -> None:
    subprocess.run(["setfacl", "-m", text, path], check=True)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(
            [*TAR, "--format=posix", "--xattrs", "--xattrs-include=*", "--acls"], id="GNU tar"
        ),
        pytest.param([*BSDTAR, "--format=pax", "--xattrs", "--acls"], id="bsdtar"),
    ],
)
def test_xattrs_and_acls(tmp_path: Path, command: list[str]) -> None:
    need("setfacl")
    need_root()
    source = tmp_path / "source"
    (source / "dir").mkdir(parents=True)
    (source / "file").write_bytes(b"1")
    (source / "link").symlink_to("nowhere")
    os.setxattr(source / "file", "user.plain", b"value")
    os.setxattr(source / "file", "user.bytes", b"\0\n=\xff" * 50)
    os.setxattr(source / "file", "user.name =%", b"odd")
    os.setxattr(source / "file", "trusted.t", b"1")
    os.setxattr(source / "file", "security.capability", CAPABILITY)
    os.setxattr(source / "link", "trusted.t", b"2", follow_symlinks=False)
    set_acl(source / "file", "u:54321:r--,g:54322:rwx")
    set_acl(source / "dir", "d:u:54321:r-x,u:54323:rwx")
    for path in (source, *source.rglob("*")):
        os.utime(path, (5, 5), follow_symlinks=False)
    if "bsdtar" in command[0]:
        os.removexattr(source / "file", "user.name =%")  # its SCHILY record does not escape the =
    assert listing(flatten([packed(source, tmp_path / "made.tar", command)])) == wanted(source)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([*TAR, "--format=gnu", "-S"], id="GNU tar, old sparse"),
        pytest.param(
            [*TAR, "--format=posix", "-S", "--sparse-version=0.0"], id="GNU tar, sparse 0.0"
        ),
        pytest.param(
            [*TAR, "--format=posix", "-S", "--sparse-version=0.1"], id="GNU tar, sparse 0.1"
        ),
        pytest.param(
            [*TAR, "--format=posix", "-S", "--sparse-version=1.0"], id="GNU tar, sparse 1.0"
        ),
        pytest.param([*BSDTAR, "--format=pax"], id="bsdtar, sparse"),
    ],
)
def test_sparse_files(tmp_path: Path, command: list[str]) -> None:
    need_root()
    source = tmp_path / "source"
    source.mkdir()
    with (source / "many").open("wb") as stream:
        for number in range(60):
            stream.seek(number * 65536)
            stream.write(b"%4096d" % number)
        stream.truncate(60 * 65536 + 12345)
    with (source / "hole").open("wb") as stream:
        stream.truncate(1_000_000)
    with (source / "tail").open("wb") as stream:
        stream.seek(3_000_000)
        stream.write(b"end")
    for path in (source, *source.rglob("*")):
        os.utime(path, (5, 5))
    made = packed(source, tmp_path / "made.tar", command)
    assert (tmp_path / "made.tar").stat().st_size < 1_000_000
    tree = flatten([made])
    assert listing(tree) == wanted(source)


def test_multi_volume_is_refused_by_name(tmp_path: Path) -> None:
    need("tar")
    (tmp_path / "big").write_bytes(os.urandom(40_000))
    command = [
        "tar",
        "-c",
        "-M",
        "-L",
        "20",
        "-f",
        "one.tar",
        "-f",
        "two.tar",
        "-f",
        "3.tar",
        "big",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, stdin=subprocess.DEVNULL)
    with pytest.raises(Exception, match="continues a file from another volume"):
        flatten([tar_layer(tmp_path / "two.tar")])


def test_a_member_of_more_than_8_gib(tmp_path: Path) -> None:
    """9 GiB of hole: ustar's size field is too small for its name, GNU and PAX have their ways."""
    need("tar")
    (tmp_path / "source").mkdir()
    with (tmp_path / "source" / "big").open("wb") as stream:
        stream.truncate(9 << 30)
        stream.seek((9 << 30) - 4)
        stream.write(b"tail")
    for sparse in ("--format=gnu", "--format=posix"):
        made = packed(tmp_path / "source", tmp_path / "made.tar", [*TAR, sparse, "-S"])
        node = flatten([made]).root.children[b"big"]
        assert isinstance(node, File)
        assert node.size == 9 << 30


Maker = Callable[[Path, Path], Path]


def by_umoci(source: Path, work: Path) -> Path:
    need("umoci")
    layout = work / "layout"
    bundle = work / "bundle"
    subprocess.run(["umoci", "init", "--layout", layout], check=True)
    subprocess.run(["umoci", "new", "--image", f"{layout}:made"], check=True)
    subprocess.run(["umoci", "unpack", "--image", f"{layout}:made", bundle], check=True)
    subprocess.run(["cp", "-a", f"{source}/.", bundle / "rootfs"], check=True)
    subprocess.run(
        ["umoci", "repack", "--image", f"{layout}:made", bundle], check=True, capture_output=True
    )
    return layout


def by_skopeo(source: Path, work: Path) -> Path:
    need("skopeo")
    layout = by_umoci(source, work)
    copied = work / "copied"
    subprocess.run(
        [
            "skopeo",
            "copy",
            "-q",
            "--dest-compress-format=zstd",
            "--dest-compress",
            f"oci:{layout}:made",
            f"oci:{copied}:made",
        ],
        check=True,
    )
    return copied


@pytest.mark.parametrize("maker", [by_umoci, by_skopeo])
def test_image_programs(source: Path, tmp_path: Path, maker: Maker) -> None:
    layers = layers_of(maker(source, tmp_path))
    assert listing(flatten(layers)) == wanted(source)
