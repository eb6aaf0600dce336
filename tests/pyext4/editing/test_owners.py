"""`map_owners`: ids in inodes, ACLs and capabilities; the kernel's own mapping judges."""

from __future__ import annotations

import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from flatten.outputs import write_tar
from pyext4 import (
    ContentError,
    Directory,
    File,
    Metadata,
    Options,
    OptionsError,
    OwnerRange,
    Symlink,
    Tree,
    map_owners,
)
from tests.oracle.judges import complaints
from tests.oracle.mounted import mounted
from tests.oracle.snapshot import differences, snapshot
from tests.oracle_tools import need, need_root
from tests.pyext4.small_trees import file_of, tree_of, write

ACCESS, DEFAULT = b"system.posix_acl_access", b"system.posix_acl_default"
CAPABILITY = b"security.capability"
NOBODY = 0xFFFFFFFF
SHIFT = (OwnerRange(first=0, to=100_000),)


def acl(*entries: tuple[int, int, int]) -> bytes:
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def with_users(*users: int) -> bytes:
    return acl(
        (1, 6, NOBODY),
        *((2, 4, user) for user in users),
        (4, 4, NOBODY),
        (8, 6, 50),
        (16, 6, NOBODY),
        (32, 4, NOBODY),
    )


# CAP_NET_RAW, effective: revision 2, and 3 with a root (include/uapi/linux/capability.h)
REVISION_2 = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)


def revision_3(root: int) -> bytes:
    return struct.pack("<6I", 0x03000001, 1 << 13, 0, 0, 0, root)


def meta(uid: int = 0, gid: int = 0, **xattrs: bytes) -> Metadata:
    named = {key.replace("__", ".").encode(): value for key, value in xattrs.items()}
    return Metadata(mode=0o755, uid=uid, gid=gid, xattrs=tuple(sorted(named.items())))


def mapped(before: Metadata, *ranges: OwnerRange) -> Metadata:
    tree = tree_of(a=file_of(b"x", before))
    map_owners(tree, ranges)
    return tree.root.children[b"a"].meta


def test_owners_and_groups() -> None:
    ranges = (OwnerRange(first=1000, to=5, count=2), OwnerRange(first=0, to=70_000, count=1000))
    assert mapped(meta(0, 999), *ranges) == meta(70_000, 70_999)
    assert mapped(meta(1000, 1001), *ranges) == meta(5, 6)


def test_entries_of_acls_stay_sorted() -> None:
    """acl(5) has them by ascending ids."""
    ranges = (OwnerRange(first=0, to=1000, count=100), OwnerRange(first=100, to=0, count=100))
    before = meta(0, 0, system__posix_acl_access=with_users(7, 107))
    expected = acl(
        (1, 6, NOBODY),
        (2, 4, 7),
        (2, 4, 1007),
        (4, 4, NOBODY),
        (8, 6, 1050),
        (16, 6, NOBODY),
        (32, 4, NOBODY),
    )
    assert mapped(before, *ranges) == meta(1000, 1000, system__posix_acl_access=expected)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (REVISION_2, revision_3(100_000)),
        (revision_3(0), revision_3(100_000)),
        (revision_3(1000), revision_3(101_000)),
        (REVISION_2[:-1], REVISION_2[:-1]),  # the kernel reads none of these
        (b"", b""),
        (revision_3(1)[:-4], revision_3(1)[:-4]),
    ],
)
def test_capabilities(before: bytes, after: bytes) -> None:
    changed = mapped(meta(security__capability=before), *SHIFT)
    assert dict(changed.xattrs) == {CAPABILITY: after}


def test_a_root_that_stays_keeps_its_capabilities() -> None:
    same = (OwnerRange(first=0, to=0, count=10), OwnerRange(first=10, to=1000, count=10))
    assert mapped(meta(12, 0, security__capability=REVISION_2), *same) == meta(
        1002, 0, security__capability=REVISION_2
    )


def test_count() -> None:
    linked, same = file_of(b"x", meta(5, 5)), file_of(b"x", meta(0, 0))
    tree = tree_of(a=linked, b=linked, c=same)
    ranges = (OwnerRange(first=0, to=0, count=1), OwnerRange(first=5, to=9, count=1))
    assert map_owners(tree, ranges) == 1  # no second time by the other name
    assert (linked.meta, same.meta) == (meta(9, 9), meta(0, 0))


def test_chained_ranges_map_once() -> None:
    shared = meta(0, 1)
    tree = tree_of(**{f"n{number}": file_of(b"", shared) for number in range(3)})
    map_owners(tree, (OwnerRange(first=0, to=1, count=1), OwnerRange(first=1, to=0, count=1)))
    assert {node.meta for node in tree.root.children.values()} == {meta(1, 0)}
    assert len({id(node.meta) for node in tree.root.children.values()}) == 1


@pytest.mark.parametrize(
    ("before", "what"),
    [
        (meta(65536, 0), "uid; 65536:65536:1"),
        (meta(0, 70000), "gid; 70000:70000:1"),
        (meta(system__posix_acl_access=with_users(65536)), "ACL's user; 65536:65536:1"),
        (meta(system__posix_acl_default=with_users(70001)), "ACL's user; 70001:70001:1"),
        (meta(security__capability=revision_3(65536)), "capability's root; 65536:65536:1"),
    ],
)
def test_an_id_in_no_range(before: Metadata, what: str) -> None:
    first = file_of(b"", meta(1, 1))
    tree = tree_of(a=first, b=file_of(b"x", before))
    with pytest.raises(ContentError, match=f"^/b: no range of the owner map has its {what}"):
        map_owners(tree, SHIFT)
    assert first.meta == meta(1, 1)  # nothing is changed where one fails


@pytest.mark.parametrize(
    ("ranges", "reason"),
    [
        (("0:1:0",), "one id at least"),
        (("-1:1:5",), "no negative number"),
        (("0:4294967294:2",), "the last id is 4294967294"),
        (("4294967295:0:1",), "the last id is 4294967294"),
        (("0:0:10", "9:50:1"), "overlap in what they map:"),
        (("0:0:10", "20:9:1"), "overlap in what they map to:"),
    ],
)
def test_ranges_that_contradict(ranges: tuple[str, ...], reason: str) -> None:
    made = [
        OwnerRange(first=first, to=to, count=count)
        for first, to, count in (map(int, text.split(":")) for text in ranges)
    ]
    with pytest.raises(OptionsError, match=f"^owner map: .*{reason}"):
        map_owners(Tree(), made)


def test_the_last_id() -> None:
    assert mapped(meta(0, 0), OwnerRange(first=0, to=4294967294, count=1)).uid == 4294967294


@contextmanager
def user_namespace() -> Iterator[int]:
    """Make one in which 0 to 65535 are 100000 and above; yield the pid of who is in it."""
    holder = subprocess.Popen(["unshare", "--user", "cat"], stdin=subprocess.PIPE)
    try:
        proc = Path("/proc")
        while (proc / f"{holder.pid}/ns/user").readlink() == (proc / "self/ns/user").readlink():
            time.sleep(0.01)
        for kind in ("uid_map", "gid_map"):
            (proc / f"{holder.pid}/{kind}").write_text("0 100000 65536\n")
        yield holder.pid
    finally:
        holder.communicate()


@pytest.mark.oracle
def test_as_tar_unpacks_it_in_the_namespace(tmp_path: Path) -> None:
    """The kernel maps what GNU tar sets: owners, ACLs, capabilities of both revisions."""
    need("unshare", "nsenter", "tar")
    need_root()
    linked = File(meta(1000, 1000), 3, b"abc")
    acl_meta = meta(7, 8, system__posix_acl_access=with_users(9, 65535))
    tree = tree_of(
        usr=Directory(
            meta(0, 0, system__posix_acl_default=with_users(3, 1000)),
            {
                b"ping": file_of(b"ping", meta(0, 0, security__capability=REVISION_2)),
                b"own": file_of(b"own", meta(0, 5, security__capability=revision_3(0))),
                b"acl": file_of(b"acl", replace(acl_meta, mode=0o664)),  # as the mask says
            },
        ),
        home=linked,
        more=linked,
        link=Symlink(Metadata(mode=0o777, uid=33, gid=34), b"home"),
    )
    by_tar = tmp_path / "unpacked"
    by_tar.mkdir()
    packed = tmp_path / "tree.tar"
    with packed.open("wb") as stream:
        write_tar(tree, stream)
    by_tar.chmod(0o755)
    subprocess.run(["chown", "100000:100000", str(by_tar)], check=True)
    command = ["tar", "-xpf-", "--numeric-owner", "--acls", "--xattrs", "--xattrs-include=*"]
    with user_namespace() as pid, packed.open("rb") as stream:
        entered = ["nsenter", "--user", f"--target={pid}", "--setuid=0", "--setgid=0"]
        subprocess.run([*entered, *command], cwd=by_tar, stdin=stream, check=True)
    assert map_owners(tree, SHIFT) == 7
    written = write(tree, tmp_path, Options(free_bytes=1 << 20))
    assert complaints(written.path) == []
    with mounted(written.path, tmp_path / "mnt") as root:
        found = snapshot(root)
        assert differences(snapshot(by_tar), found) == []
    assert found["usr/ping"].uid == 100_000
    assert dict(found["usr/ping"].xattrs)["security.capability"] == revision_3(100_000)
