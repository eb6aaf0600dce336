"""`python -m pyext4`, run as a user runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyext4.commands.views.text import show_bytes, show_time
from tests.oracle_tools import need, need_root
from tests.ordinary_user import NOBODY, OrdinaryUser
from tests.pyext4.reader.ext4_images import Seen, fill, make_image, mounted, run, seen_by_kernel

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """Return an image that everybody can read."""
    need_root()
    need("mke2fs", "setfacl", "mount")
    directory = Path(tempfile.mkdtemp(dir="/var/tmp"))
    directory.chmod(0o755)
    made = make_image(
        directory / "made.ext4", "-t", "ext4", "-b", "4096", "-L", "a label", "-O", "ea_inode"
    )
    with mounted(made, write=True) as root:
        fill(root)
        os.setxattr(root / "one", "trusted.secret", b"s" * 9000)
    yield made
    shutil.rmtree(directory)


def pyext4(*arguments: str | Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pyext4", *arguments], cwd=ROOT, capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.oracle
def test_info_says_what_dumpe2fs_says(image: Path) -> None:
    need("dumpe2fs")
    status, out, err = pyext4("info", image, "--json")
    assert (status, err) == (0, "")
    facts = json.loads(out)
    lines = (line.partition(":") for line in run("dumpe2fs", "-h", image).splitlines())
    theirs = {name: value.strip() for name, _, value in lines}
    assert facts["label"] == theirs["Filesystem volume name"] == "a label"
    assert facts["uuid"] == theirs["Filesystem UUID"]
    assert facts["features"] == theirs["Filesystem features"].split()
    assert facts["state"] == theirs["Filesystem state"]
    assert facts["mount_options"] == theirs["Default mount options"].split()
    assert facts["directory_hash"] == theirs["Default directory hash"]
    assert facts["directory_hash_seed"] == theirs["Directory Hash Seed"]
    for ours, name in {
        "inodes_count": "Inode count",
        "blocks_count": "Block count",
        "reserved_blocks_count": "Reserved block count",
        "free_blocks_count": "Free blocks",
        "free_inodes_count": "Free inodes",
        "first_data_block": "First block",
        "block_size": "Block size",
        "group_descriptor_size": "Group descriptor size",
        "reserved_gdt_blocks": "Reserved GDT blocks",
        "blocks_per_group": "Blocks per group",
        "inodes_per_group": "Inodes per group",
        "flex_group_size": "Flex block group size",
        "mounts_count": "Mount count",
        "first_inode": "First inode",
        "inode_size": "Inode size",
        "journal_blocks": "Total journal blocks",
    }.items():
        assert facts[ours] == int(theirs[name]), ours


@pytest.mark.oracle
def test_info_as_text(image: Path) -> None:
    status, out, err = pyext4("info", image)
    assert (status, err) == (0, "")
    assert "label:                   a label\n" in out
    assert "block size:              4096\n" in out


@pytest.mark.oracle
def test_ls_lists_the_same_names_as_the_kernel(image: Path) -> None:
    status, out, err = pyext4("ls", image, "/many")
    assert (status, err) == (0, "")
    with mounted(image) as root:
        assert out.splitlines() == [show_bytes(n) for n in sorted(os.listdir(bytes(root / "many")))]


@pytest.mark.oracle
def test_ls_long(image: Path) -> None:
    _, out, _ = pyext4("ls", "-l", image)
    lines = {line.split()[-1]: line.split() for line in out.splitlines()}
    assert lines["short"][:5] == ["-rw-r--r--", "1", "70000", "4294967294", "59"]
    assert lines["blk"][4:6] == ["4095,", "1048575"]
    assert lines["deep/er"][-3:] == ["dir-link", "->", "deep/er"]
    assert lines["empty"][5:7] == ["1969-12-30", "23:59:59"]
    assert lines["size-4096"][5:7] == ["2191-10-27", "12:26:40"]


@pytest.mark.oracle
def test_ls_recursive(image: Path) -> None:
    _, out, _ = pyext4("ls", "-R", image, "/dir-link/..")
    assert out == "/dir-link/..:\ner\n\n/dir-link/../er:\nest\n\n/dir-link/../er/est:\nfile\n"


@pytest.mark.oracle
def test_ls_of_a_file(image: Path) -> None:
    assert pyext4("ls", image, "/one") == (0, "/one\n", "")


@pytest.mark.oracle
def test_stat(image: Path) -> None:
    status, out, err = pyext4("stat", image, "/one")
    assert (status, err) == (0, "")
    assert "links 2\n" in out
    assert "attribute:   security.selinux = system_u:object_r:etc_t:s0\\x00\n" in out
    assert f"attribute:   trusted.secret = {'s' * 9000}\n" in out
    assert "blocks:      0-0 at " in out
    assert "target:      deep/er\n" in pyext4("stat", image, "/dir-link")[1]
    assert "device:      major 5, minor 1\n" in pyext4("stat", image, "/chr")[1]


@pytest.mark.oracle
def test_cat_follows_links_inside_the_image(image: Path) -> None:
    assert pyext4("cat", image, "/dir-link/../er/./est/file") == (0, "down here", "")


@pytest.mark.oracle
def test_cat_into_a_closed_pipe_is_quiet(image: Path) -> None:
    command = [sys.executable, "-m", "pyext4", "cat", str(image), "/sparse"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cat", "{}", "/no/such"], "{}: /no/such: no such file or directory"),
        (["cat", "{}", "/one/more"], "{}: /one/more: not a directory on the way"),
        (["cat", "{}", "/deep"], "{}: /deep: not a regular file"),
        (["cat", "{}", "/link-1"], "{}: /link-1: no such file or directory"),
        (["ls", "{}", "/no"], "{}: /no: no such file or directory"),
        (["extract", "{}", "/etc"], "{}: /etc: is not empty"),
        (["verify", "/no/such/image"], "/no/such/image: no such file or directory"),
        (["info", "/dev/null"], "/dev/null: superblock 0: not an ext4 filesystem"),
        (["info", "/etc"], "/etc: is a directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_one_line(image: Path, arguments: list[str], message: str) -> None:
    status, out, err = pyext4(*(argument.format(image) for argument in arguments))
    assert (status, out) == (1, "")
    assert err.startswith("error: " + message.format(image))
    assert err.count("\n") == 1


def test_wrong_usage_is_status_2() -> None:
    assert pyext4()[0] == 2
    assert pyext4("ls")[0] == 2
    assert pyext4("mount", "x")[0] == 2


@pytest.mark.oracle
def test_verify(image: Path, tmp_path: Path) -> None:
    status, out, err = pyext4("verify", image)
    assert (status, err) == (0, "")
    assert out.startswith(f"{image}: sound, ")
    damaged = Path(shutil.copy(image, tmp_path))
    run("debugfs", "-w", "-R", "clri /one", damaged)
    status, out, err = pyext4("verify", damaged)
    assert (status, out) == (1, "")
    assert all(line.startswith(f"error: {damaged}: ") for line in err.splitlines())
    assert "which is not in use" in err


def host_view(seen: dict[bytes, Seen]) -> dict[bytes, tuple[object, ...]]:
    """Leave out what can't be restored: change times, inode numbers, sizes of directories."""
    return {
        path: (
            found.mode,
            found.links if not stat.S_ISDIR(found.mode) else 0,
            found.uid,
            found.gid,
            found.size if not stat.S_ISDIR(found.mode) else 0,
            found.times_ns[:2],
            found.device,
            found.target,
            found.xattrs,
            found.content,
        )
        for path, found in seen.items()
    }


@pytest.mark.oracle
def test_extract_as_root_restores_everything(image: Path, tmp_path: Path) -> None:
    # into a filesystem that takes whatever the image holds
    scratch = make_image(tmp_path / "scratch.ext4", "-t", "ext4", "-b", "4096", "-O", "ea_inode")
    with mounted(image) as root:
        expected = host_view(seen_by_kernel(root))
    with mounted(scratch, write=True) as root:
        assert pyext4("extract", image, root / "out") == (0, "", "")
        # looking at files changes access times, and so would the kernel here
        run("mount", "-o", "remount,ro", root)
        found = host_view(seen_by_kernel(root / "out"))
        assert found == expected
        assert os.stat(root / "out" / "sparse").st_blocks < 100


@pytest.mark.oracle
def test_extract_as_a_user_tells_what_is_left_out(image: Path, user: OrdinaryUser) -> None:
    target = image.parent / "as-user"
    target.mkdir()
    os.chown(target, NOBODY, NOBODY)
    done = user.run("pyext4", "extract", image, target)
    assert (done.returncode, done.stdout) == (0, "")
    # a kernel without security modules lets users set security.*, so that may be missing here
    assert re.fullmatch(
        r"note: only root can restore everything, left out: 2 devices, \d+ owners, "
        r"(1 security attributes, )?1 trusted attributes\n",
        done.stderr,
    )
    assert (target / "deep" / "er" / "est" / "file").read_text() == "down here"
    assert (target / "empty").stat().st_mtime_ns == -86_400_000_000_001
    assert stat.S_IMODE((target / "medium").stat().st_mode) == 0o6755
    assert not (target / "blk").exists()
    assert os.getxattr(target / "one", "user.kind") == b"first"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"plain", "plain"),
        ("é☃".encode(), "é☃"),
        (b"\xff\n\x1b[0m", "\\xff\\x0a\\x1b[0m"),
        (b"back\\slash", "back\\\\slash"),
        ("\u202e".encode(), "\\xe2\\x80\\xae"),
    ],
)
def test_names_are_shown_safely(name: bytes, shown: str) -> None:
    assert show_bytes(name) == shown


@pytest.mark.parametrize(
    ("time_ns", "shown"),
    [
        (0, "1970-01-01 00:00:00.000000000"),
        (-1, "1969-12-31 23:59:59.999999999"),
        (15_032_385_535_999_999_999, "2446-05-10 22:38:55.999999999"),
        (-2_147_483_648_000_000_000, "1901-12-13 20:45:52.000000000"),
    ],
)
def test_times_are_shown_to_the_nanosecond(time_ns: int, shown: str) -> None:
    assert show_time(time_ns) == shown
