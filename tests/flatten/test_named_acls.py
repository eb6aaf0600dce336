"""ACLs with names: the numbers come from the etc/passwd and etc/group of the merged tree."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest

from flatten import FlattenError, LeftOut, Spool, flatten
from flatten.host_layers import tar_layer
from pyext4 import Ext4Writer, open_ext4
from pyext4.tree import Metadata
from tests.flatten.ledger import Ledger
from tests.flatten.tars import (
    MemoryLayer,
    directory,
    file,
    hardlink,
    layer,
    member,
    pax,
    symlink,
    whiteout,
)
from tests.oracle_tools import need, need_root

PASSWD = b"root:x:0:0:root:/root:/bin/sh\njoe:x:1000:100::/home/joe:/bin/sh\n"
GROUP = b"root:x:0:\nadm:x:4:joe,root\n"
ETC = (directory(b"etc"), file(b"etc/passwd", PASSWD), file(b"etc/group", GROUP))
TEXT = b"user::rw-,user:joe:r--,group::r--,group:adm:rw-,mask::rw-,other::---"
NAMED = (pax((b"SCHILY.acl.access", TEXT)), file(b"a", b"1", mode=0o640))
ACCESS = b"system.posix_acl_access"


def acl(joe: int | None = 1000, adm: int | None = 4) -> bytes:
    none = 0xFFFFFFFF
    entries = [(1, 6, none), (2, 4, joe), (4, 4, none), (8, 6, adm), (16, 6, none), (32, 0, none)]
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, permissions, who)
        for tag, permissions, who in entries
        if who is not None
    )


def meta_of_a(*layers: MemoryLayer, strict: bool = False) -> Metadata:
    return flatten(layers, strict=strict).root.children[b"a"].meta


def test_numbers_are_the_trees() -> None:
    meta = meta_of_a(layer(*ETC, *NAMED), strict=True)
    assert meta.xattrs == ((ACCESS, acl()),)
    assert meta.mode == 0o660  # the group's bits show the mask, as with setxattr(2)


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param((layer(*NAMED), layer(*ETC)), id="accounts above"),
        pytest.param((layer(*ETC), layer(*NAMED)), id="accounts below"),
        pytest.param((layer(*NAMED, *ETC),), id="accounts behind"),
        pytest.param(
            (layer(*ETC, file(b"etc/passwd", b"joe:x:7:7::/:/x\n")), layer(*NAMED), layer(*ETC)),
            id="the last layer's accounts",
        ),
        pytest.param(
            (
                layer(
                    directory(b"etc"),
                    symlink(b"etc/passwd", b"../usr/lib/passwd"),
                    symlink(b"etc/group", b"/run/group"),
                    symlink(b"run", b"usr/lib"),
                    file(b"usr/lib/passwd", PASSWD),
                    hardlink(b"usr/lib/group", b"g"),
                    file(b"g", GROUP),
                    *NAMED,
                ),
            ),
            id="behind links",
        ),
        pytest.param(
            (
                layer(
                    symlink(b"etc", b"private/etc"),
                    file(b"private/etc/passwd", PASSWD),
                    file(b"private/etc/group", GROUP),
                    *NAMED,
                ),
            ),
            id="etc is a link",
        ),
        pytest.param(
            (
                layer(
                    file(
                        b"etc/passwd",
                        b"# x\n\njoe\njoe:x:\njoe:x:-5:5\njoe:x:" + b"9" * 30 + b"\n"
                        b"+::::::\njoe:x:001000:5\njoe:x:1001:5\n",
                    ),
                    file(b"etc/group", b"adm:x:four:\nadm:x:4294967295:\nadm:x:4"),
                    *NAMED,
                ),
            ),
            id="lines that say nothing",
        ),
    ],
)
def test_wherever_the_accounts_stand(layers: tuple[MemoryLayer, ...]) -> None:
    assert meta_of_a(*layers, strict=True).xattrs == ((ACCESS, acl()),)


@pytest.mark.parametrize(
    "etc",
    [
        pytest.param((), id="none"),
        pytest.param((directory(b"etc/passwd"), file(b"etc/group", b"")), id="none of that kind"),
        pytest.param(
            (symlink(b"etc/passwd", b"passwd"), symlink(b"etc/group", b"/x/y")), id="loop"
        ),
        pytest.param((symlink(b"etc", b"etc"),), id="loop above"),
        pytest.param((file(b"etc/passwd", b"\xff\0:::\n" * 9),), id="nonsense"),
    ],
)
def test_who_is_unknown_gets_nothing(etc: tuple[bytes, ...]) -> None:
    """GNU tar warns and takes over none of the ACL; then the group would have the mask's bits."""
    left_out = LeftOut()
    meta = flatten([layer(*etc, *NAMED)], left_out=left_out).root.children[b"a"].meta
    assert meta.xattrs == ((ACCESS, acl(None, None)),)
    assert meta.mode == 0o660
    assert dict(left_out.counts) == {
        ("ACL grant", "for the unknown group adm"): 1,
        ("ACL grant", "for the unknown user joe"): 1,
    }
    with pytest.raises(FlattenError, match=r"^/a: Linux can't hold its ACL grant for the unknown"):
        flatten([layer(*etc, *NAMED)], strict=True)


def test_of_a_user_removed_again_nothing_is_left() -> None:
    above = layer(whiteout(b"etc/passwd"))
    assert meta_of_a(layer(*ETC, *NAMED), above).xattrs == ((ACCESS, acl(None, 4)),)


def test_without_names_and_mask_the_mode_says_all() -> None:
    text = pax((b"SCHILY.acl.access", b"user::rwx,user:joe:rwx,group::r--,other::---"))
    meta = meta_of_a(layer(text, file(b"a", mode=0o674)))
    assert (meta.mode, meta.xattrs) == (0o740, ())


def test_two_names_of_one_number_are_refused() -> None:
    text = TEXT.replace(b"user:joe:r--", b"user:joe:r--,user:boss:rw-")
    accounts = PASSWD + b"boss:x:1000:0::/:/\n"
    named = (pax((b"SCHILY.acl.access", text)), file(b"d/a"))
    with pytest.raises(FlattenError, match=r"^/d/a: acl has a duplicate entry: boss$"):
        flatten([layer(file(b"etc/passwd", accounts), *named)])


def test_the_number_behind_a_name_counts() -> None:
    text = TEXT.replace(b"user:joe:r--", b"user:joe:r--:77").replace(b"adm:rw-", b"adm:rw-:")
    made = layer(*ETC, pax((b"SCHILY.acl.access", text)), file(b"a"))
    assert meta_of_a(made).xattrs == ((ACCESS, acl(77, 4)),)


def test_all_that_share_an_acl_get_it() -> None:
    records = pax((b"SCHILY.acl.access", TEXT), (b"SCHILY.xattr.user.a", b"1"))
    default = pax((b"SCHILY.acl.default", TEXT))
    files = [part for n in range(9) for part in (records, file(b"f%d" % n, b"x"))]
    made = layer(*files, hardlink(b"g", b"f0"), default, directory(b"d"), *ETC)
    tree = flatten([made])
    metas = {
        id(tree.root.children[b"f%d" % n].meta): tree.root.children[b"f%d" % n].meta
        for n in range(9)
    }
    assert [meta.xattrs for meta in metas.values()] == [((ACCESS, acl()), (b"user.a", b"1"))]
    assert tree.root.children[b"g"].meta.mode == 0o660
    of_directory = tree.root.children[b"d"].meta
    assert of_directory.xattrs == ((b"system.posix_acl_default", acl()),)
    assert of_directory.mode == 0o755


@pytest.mark.parametrize("size", [10, 60, 3000, 3_000_000])
def test_accounts_are_read_from_any_store(size: int, tmp_path: Path) -> None:
    """Small files may stand in their inodes, large ones may still be on their way to the disk."""
    passwd = b"#" * size + b"\n" + PASSWD
    made = layer(*ETC, *NAMED, file(b"etc/passwd", passwd), member(b"z", data=b"z" * 100))
    assert meta_of_a(made).xattrs == ((ACCESS, acl()),)
    for store in (Spool(), Ledger()):
        tree = flatten([made], into=store)
        assert tree.root.children[b"a"].meta.xattrs == ((ACCESS, acl()),)
    with Ext4Writer(tmp_path / "image") as writer:
        tree = flatten([made], into=writer.store)
        writer.commit(tree)
    with open_ext4(tmp_path / "image") as image:
        assert dict(image.xattrs("/a"))[ACCESS] == acl()


def test_as_gnu_tar_writes_them(tmp_path: Path) -> None:
    """`tar --acls` without `--numeric-owner`: names of the host it ran on, here and in the tree."""
    need("setfacl", "tar")
    need_root()
    source = tmp_path / "source"
    (source / "var/log/journal").mkdir(parents=True)
    (source / "etc").mkdir()
    (source / "etc/group").write_text("root:x:0:\nadm:x:4444:\n")
    journal = source / "var/log/journal"
    subprocess.run(["setfacl", "-m", "g:adm:r-x,d:g:adm:r-x", journal], check=True)
    here = struct.pack("<HHI", 8, 5, 4)
    wanted = {
        name.encode(): os.getxattr(journal, name).replace(here, struct.pack("<HHI", 8, 5, 4444))
        for name in os.listxattr(journal)
    }
    packed = tmp_path / "made.tar"
    subprocess.run(
        ["tar", "--format=posix", "--acls", "-C", source, "-cf", packed, "."], check=True
    )
    tree = flatten([tar_layer(packed)], strict=True)
    found = dict(tree.walk())[b"/var/log/journal"].meta
    assert dict(found.xattrs) == wanted
    assert found.mode == journal.stat().st_mode & 0o7777


def test_a_list_of_accounts_is_read_to_a_bound() -> None:
    """Sixteen megabytes; the line that stands there would have the number 100 of 1000."""
    cut = (16 << 20) - len(b"joe:x:100")
    sparse = pax(
        (b"GNU.sparse.size", b"%d" % (1 << 40)),
        (b"GNU.sparse.map", b"%d,%d" % (cut - 1, len(PASSWD) + 1)),
    )
    lines = b"\njoe:x:1000:".ljust(len(PASSWD) + 1, b"x")
    made = layer(*NAMED, sparse, file(b"etc/passwd", lines), file(b"etc/group", GROUP))
    assert meta_of_a(made).xattrs == ((ACCESS, acl(None, 4)),)
