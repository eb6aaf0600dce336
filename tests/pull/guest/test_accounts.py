"""Users and groups, as runc, docker and containerd find them in an image's own files.

Every case names the user that moby/sys's user.GetExecUser returns, and says if we differ.
"""

from __future__ import annotations

import pytest

from pull.guest.accounts import User, find_account, find_user
from pull.guest.init.errors import AccountError
from pyext4.tree import Tree
from tests.flatten import tars
from tests.pull.guest.trees import GROUP, PASSWD, make, tree_of

TREE = tree_of({"etc/passwd": PASSWD, "etc/group": GROUP})
NOBODY = Tree()


@pytest.mark.parametrize(
    ("spec", "user"),
    [
        (b"", User(uid=0, gid=0, groups=(0, 10), home=b"/root")),
        (b"root", User(uid=0, gid=0, groups=(0, 10), home=b"/root")),
        (b"0", User(uid=0, gid=0, groups=(0, 10), home=b"/root")),
        (b"app", User(uid=1000, gid=1001, groups=(1001, 10, 44), home=b"/home/app")),
        (b"1000", User(uid=1000, gid=1001, groups=(1001, 10, 44), home=b"/home/app")),
        (b"01000", User(uid=1000, gid=1001, groups=(1001, 10, 44), home=b"/home/app")),
        # image-spec: "If group/GID is specified, supplementary groups [...] are ignored"
        (b"app:video", User(uid=1000, gid=44, groups=(44,), home=b"/home/app")),
        (b"app:7", User(uid=1000, gid=7, groups=(7,), home=b"/home/app")),
        (b"1000:video", User(uid=1000, gid=44, groups=(44,), home=b"/home/app")),
        (b"1000:1001", User(uid=1000, gid=1001, groups=(1001,), home=b"/home/app")),
        (b"7:8", User(uid=7, gid=8, groups=(8,), home=b"/")),
        (b"65532", User(uid=65532, gid=0, groups=(0,), home=b"/")),
        (b"2147483647", User(uid=2147483647, gid=0, groups=(0,), home=b"/")),
        (b":44", User(uid=0, gid=44, groups=(44,), home=b"/root")),
        (b"app:", User(uid=1000, gid=1001, groups=(1001, 10, 44), home=b"/home/app")),
    ],
)
def test_users(spec: bytes, user: User) -> None:
    assert find_user(TREE, spec) == user


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (b"nobody", "user nobody: is not in the image's /etc/passwd"),
        (b"app:staff", "group staff: is not in the image's /etc/group"),
        (b"7:staff", "group staff: is not in the image's /etc/group"),
        (b"a:b:c", "user a:b:c: is not USER or USER:GROUP"),
        (b"-1", "user -1: is out of range, 0 to 2147483647"),
        (b"2147483648", "user 2147483648: is out of range, 0 to 2147483647"),
        (b"9" * 40, f"user {'9' * 40}: is out of range, 0 to 2147483647"),
        (b"7:-1", "group -1: is out of range, 0 to 2147483647"),
        (b"a\nb", r"user a\nb: is not in the image's /etc/passwd"),
    ],
)
def test_who_is_not_there(spec: bytes, message: str) -> None:
    with pytest.raises(AccountError) as caught:
        find_user(TREE, spec)
    assert str(caught.value) == message


def test_an_image_without_accounts_has_numbers_only() -> None:
    assert find_user(NOBODY, b"") == User(uid=0, gid=0, groups=(0,), home=b"/")
    assert find_user(NOBODY, b"5:6") == User(uid=5, gid=6, groups=(6,), home=b"/")
    with pytest.raises(AccountError):
        find_user(NOBODY, b"root")


def test_the_first_entry_counts() -> None:
    tree = tree_of({"etc/passwd": b"a:x:5:6::/one:\nb:x:5:7::/two:\na:x:8:9::/three:\n"})
    assert find_user(tree, b"5").home == b"/one"
    assert find_user(tree, b"a").uid == 5
    assert find_user(tree, b"b").gid == 7


@pytest.mark.parametrize(
    ("line", "user"),
    [
        (b"app:x:5:6", User(uid=5, gid=6, groups=(6,), home=b"/")),
        (b"app:x:5", User(uid=5, gid=0, groups=(0,), home=b"/")),
        (b"app:x:5:", User(uid=5, gid=0, groups=(0,), home=b"/")),
        (b"  app:x:5:6::/h:/bin/sh \r", User(uid=5, gid=6, groups=(6,), home=b"/h")),
        (b"app:x:4294967294:6:::", User(uid=4294967294, gid=6, groups=(6,), home=b"/")),
        (b"#c\n\napp:x:5:6::/h:", User(uid=5, gid=6, groups=(6,), home=b"/h")),
    ],
)
def test_lines_that_people_write(line: bytes, user: User) -> None:
    assert find_user(tree_of({"etc/passwd": line}), b"app") == user


@pytest.mark.parametrize(
    "line", [b"app", b"app:x", b"app:x::6", b"app:x:five:6", b"app:x:5:six", b"app:x:4294967295:6"]
)
def test_numbers_that_are_none_make_nobody_root(line: bytes) -> None:
    with pytest.raises(AccountError) as caught:
        find_user(tree_of({"etc/passwd": line}), b"app")
    assert "user app: has invalid numbers in the image's /etc/passwd" in str(caught.value)


def test_a_group_without_a_number_is_an_error() -> None:
    tree = tree_of({"etc/passwd": PASSWD, "etc/group": b"video:x:many:app\n"})
    with pytest.raises(AccountError) as caught:
        find_user(tree, b"app")
    assert str(caught.value) == "group video: has no number in the image's /etc/group"


def test_comments_among_groups_are_none() -> None:
    tree = tree_of({"etc/passwd": PASSWD, "etc/group": b"#old:x:5:app\nnew:x:6:app\n"})
    assert find_user(tree, b"app").groups == (1001, 6)


def test_files_are_found_through_links_inside_the_image() -> None:
    tree, _ = make(
        tars.symlink(b"etc", b"/../usr/etc"),
        tars.symlink(b"usr/etc/passwd", b"../share/../accounts"),
        tars.directory(b"usr/share"),
        tars.file(b"usr/accounts", PASSWD),
    )
    assert find_user(tree, b"app").uid == 1000


@pytest.mark.parametrize(
    "members",
    [
        (tars.symlink(b"etc/passwd", b"passwd"),),
        (tars.symlink(b"etc/passwd", b"/nowhere"),),
        (tars.directory(b"etc/passwd"),),
        (tars.fifo(b"etc/passwd"),),
        (tars.file(b"etc", b"no directory"),),
    ],
)
def test_what_is_no_file_has_no_accounts(members: tuple[bytes, ...]) -> None:
    tree, _ = make(*members)
    assert find_user(tree, b"7").groups == (0,)
    with pytest.raises(AccountError):
        find_account(tree, b"root")
