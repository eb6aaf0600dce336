"""Settle what some metadata needs once all layers are applied.

Two things wait for the end: what was left out, which counts only for nodes in the final tree; and
ACLs with names, whose numbers are in the tree's own etc/passwd and etc/group. Files share
metadata, so there is one remark for all files that have it.
"""

from __future__ import annotations

from dataclasses import replace

from flatten.accounts import Accounts
from flatten.errors import EntryError, NodeError
from flatten.left_out import Counted, LeftOut, counted
from flatten.tar.acl_text import ACCESS, acl_mode, pack_acl
from flatten.tar.remark import Remark, Remarks
from pyext4.tree import Metadata, Node, Tree

__all__ = ["settle"]


def settle(tree: Tree, remarks: Remarks, *, strict: bool) -> LeftOut:
    """Give names in ACLs their numbers, and return what is left out.

    Raises:
        NodeError: `strict`, and something is left out; or an ACL gives one id two entries.
        OSError: etc/passwd or etc/group can't be read.
    """
    left_out = LeftOut()
    accounts = Accounts(tree)
    settled: dict[int, tuple[Metadata, Counted]] = {}
    seen: set[Node] = set()  # nodes with several names count once
    for path, node in tree.walk():
        key = id(node.meta)
        remark = remarks.get(key)
        if remark is None or node in seen:
            continue
        seen.add(node)
        if key not in settled:
            try:
                settled[key] = _with_numbers(remark, accounts)
            except EntryError as error:
                raise NodeError(path, str(error)) from error
        node.meta, things = settled[key]
        if strict and things:
            (what, which), _ = things[0]
            raise NodeError(path, f"Linux can't hold its {what} {which}")
        left_out.add(things)
    return left_out


def _with_numbers(remark: Remark, accounts: Accounts) -> tuple[Metadata, Counted]:
    meta = remark.meta
    things = remark.left_out
    xattrs = dict(meta.xattrs)
    for name, acl in remark.acls:
        value, unknown = pack_acl(acl, accounts)
        things += counted(("ACL grant", f"for the unknown {who}") for who in unknown)
        permissions, mode_says_all = acl_mode(value)
        if name == ACCESS:
            meta = replace(meta, mode=meta.mode & ~0o777 | permissions)
        if name != ACCESS or not mode_says_all:
            xattrs[name] = value
    if remark.acls:
        meta = replace(meta, xattrs=tuple(sorted(xattrs.items())))
    return meta, things
