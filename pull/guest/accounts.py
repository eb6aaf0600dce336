"""Look up users in the image's own /etc/passwd and /etc/group, as container engines do.

The rules are those of https://github.com/moby/sys/blob/main/user/user.go (GetExecUser, which runc
and docker use) and of containerd's oci.WithUser and WithAdditionalGIDs:

- `user`, `uid`, `user:group`, `uid:gid`, `uid:group`, `user:gid`; a number is never a name.
- The first entry that matches counts. A name must be there; a number need not: its group is 0.
- "If group/GID is specified, supplementary groups from the container are ignored" (image-spec,
  config.md). docker does that; containerd adds them all the same.
- The primary group comes first among the supplementary ones, as in both: otherwise a setgid program
  would lose it (CVE-2022-36109).

A matching entry whose number can't be read is an error; moby reads it as 0, which is root. A
missing group number is 0 here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from flatten.errors import shown
from pull.guest.init.errors import AccountError
from pull.guest.lookup import read_file
from pyext4.tree import Tree

__all__ = ["Account", "User", "find_account", "find_user"]

PASSWD = b"/etc/passwd"
GROUP = b"/etc/group"

GIVEN_ID_MAX = (1 << 31) - 1  # moby/sys/user: "for 32-bit systems compatibility"
ID_MAX = (1 << 32) - 2  # what the files may say: -1 means "no change" to setresuid(2)
_NUMBER = re.compile(rb"[+-]?[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A line of /etc/passwd."""

    name: bytes
    uid: int
    gid: int
    home: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The user that a process runs as."""

    uid: int
    gid: int
    groups: tuple[int, ...]  # the primary one first
    home: bytes  # "/" if not stated


def find_user(tree: Tree, spec: bytes) -> User:
    """Resolve `spec`; empty is root.

    Raises:
        AccountError: a name is not there, or a number can't be a user's.
    """
    name, colon, group = spec.partition(b":")
    if b":" in group:
        _refuse("user", spec, "is not USER or USER:GROUP")
    uid = _number("user", name) if name else 0
    account = _account(tree, name, uid)
    if account is None and uid is None:
        _refuse("user", name, "is not in the image's /etc/passwd")
    home = account.home if account is not None else b"/"
    user_id = account.uid if account is not None else uid or 0
    if colon and group:
        gid = _group(tree, group)
        return User(uid=user_id, gid=gid, groups=(gid,), home=home)
    gid = account.gid if account is not None else 0
    more = _groups_of(tree, account.name) if account is not None and account.name else []
    return User(uid=user_id, gid=gid, groups=tuple(dict.fromkeys([gid, *more])), home=home)


def find_account(tree: Tree, name: bytes) -> Account:
    """Find the line of /etc/passwd for a name or a number.

    Raises:
        AccountError: there is none.
    """
    account = _account(tree, name, _number("user", name))
    if account is None:
        _refuse("user", name, "is not in the image's /etc/passwd")
    return account


def _account(tree: Tree, name: bytes, uid: int | None) -> Account | None:
    for fields in _lines(tree, PASSWD):
        _, _, uid_text, gid_text, _, home, *_ = [*fields, *[b""] * 6]
        found = _id(uid_text)
        if found != uid if uid is not None else fields[0] != name:
            continue
        gid = _id(gid_text) if gid_text else 0  # many hand-made images have short lines
        if found is None or gid is None:
            _refuse("user", fields[0], "has invalid numbers in the image's /etc/passwd")
        return Account(name=fields[0], uid=found, gid=gid, home=home or b"/")
    return None


def _group(tree: Tree, group: bytes) -> int:
    gid = _number("group", group)
    if gid is not None:
        return gid
    for fields in _group_lines(tree):
        if fields[0] == group:
            return _gid(fields)
    return _refuse("group", group, "is not in the image's /etc/group")


def _groups_of(tree: Tree, member: bytes) -> list[int]:
    return [
        _gid(fields)
        for fields in _group_lines(tree)
        if len(fields) > 3 and member in fields[3].split(b",")
    ]


def _gid(fields: list[bytes]) -> int:
    gid = _id(fields[2]) if len(fields) > 2 else None
    if gid is None:
        _refuse("group", fields[0], "has no number in the image's /etc/group")
    return gid


def _group_lines(tree: Tree) -> list[list[bytes]]:
    return [fields for fields in _lines(tree, GROUP) if not fields[0].startswith(b"#")]


def _lines(tree: Tree, path: bytes) -> list[list[bytes]]:
    """Return the fields of all lines; a missing file has none."""
    data = read_file(tree, path) or b""
    return [line.strip().split(b":") for line in data.split(b"\n") if line.strip()]


def _number(kind: str, text: bytes) -> int | None:
    """Read a number that was given; None if it is a name."""
    if not _NUMBER.fullmatch(text):
        return None
    number = int(text) if len(text) <= 20 else -1
    if not 0 <= number <= GIVEN_ID_MAX:
        _refuse(kind, text, f"is out of range, 0 to {GIVEN_ID_MAX}")
    return number


def _id(text: bytes) -> int | None:
    if not _NUMBER.fullmatch(text) or len(text) > 20:
        return None
    number = int(text)
    return number if 0 <= number <= ID_MAX else None


def _refuse(kind: str, name: bytes, reason: str) -> NoReturn:
    raise AccountError(f"{kind} {shown(name)}", reason)
