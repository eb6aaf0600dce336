"""The facts about a filesystem, roughly those that `dumpe2fs -h` shows."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID

from pyext4.commands.text import show_bytes, show_time
from pyext4.numbers import NS_PER_SECOND
from pyext4.ondisk import superblock
from pyext4.ondisk.features import FEATURES
from pyext4.reader import Ext4Reader

__all__ = ["as_json", "as_text", "facts"]

_HASHES: Final = {0: "legacy", 1: "half_md4", 2: "tea"}
_ERRORS: Final = {
    superblock.EXT4_ERRORS_CONTINUE: "continue",
    superblock.EXT4_ERRORS_RO: "remount read-only",
    superblock.EXT4_ERRORS_PANIC: "panic",
}


def facts(reader: Ext4Reader) -> dict[str, Any]:
    """Return what is known about a filesystem; sizes in bytes, counts in the unit of their name."""
    layout = reader.layout
    fields = layout.fields
    wide = "64bit" in layout.features
    known = [name for name in FEATURES if name in layout.features]
    return {
        "label": show_bytes(layout.label),
        "uuid": str(layout.uuid),
        "features": known + sorted(layout.features - set(known)),
        "state": _state(fields["s_state"]),
        "errors_behavior": _ERRORS.get(fields["s_errors"], "unknown"),
        "mount_options": _mount_options(fields["s_default_mount_opts"]),
        "block_size": layout.block_size,
        "blocks_count": layout.blocks_count,
        "free_blocks_count": _whole(fields, "s_free_blocks_count", wide=wide),
        "reserved_blocks_count": _whole(fields, "s_r_blocks_count", wide=wide),
        "first_data_block": layout.first_data_block,
        "blocks_per_group": layout.blocks_per_group,
        "groups_count": layout.groups_count,
        "group_descriptor_size": layout.desc_size,
        "reserved_gdt_blocks": fields["s_reserved_gdt_blocks"],
        "flex_group_size": 1 << fields["s_log_groups_per_flex"],
        "inodes_count": layout.inodes_count,
        "free_inodes_count": fields["s_free_inodes_count"],
        "inodes_per_group": layout.inodes_per_group,
        "inode_size": layout.inode_size,
        "first_inode": layout.first_ino,
        "directory_hash": _HASHES[fields["s_def_hash_version"]],
        "directory_hash_unsigned": layout.hash_unsigned,
        "directory_hash_seed": str(UUID(bytes=fields["s_hash_seed"])),
        "journal_blocks": reader.journal["s_maxlen"] if reader.journal else 0,
        "created": _time(fields, "s_mkfs_time"),
        "last_mounted": _time(fields, "s_mtime"),
        "last_written": _time(fields, "s_wtime"),
        "last_checked": _time(fields, "s_lastcheck"),
        "mounts_count": fields["s_mnt_count"],
    }


def as_json(reader: Ext4Reader) -> str:
    """Return the facts as one JSON object."""
    return json.dumps(facts(reader), indent=2)


def as_text(reader: Ext4Reader) -> str:
    """Return the facts as lines, without the empty ones."""
    lines = []
    for name, value in facts(reader).items():
        shown = " ".join(value) if isinstance(value, list) else _show(value)
        if shown:
            lines.append(f"{name.replace('_', ' ') + ':':<25}{shown}")
    return "\n".join(lines)


def _show(value: str | int | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _state(state: int) -> str:
    shown = "clean" if state & superblock.EXT4_VALID_FS else "not clean"
    return f"{shown} with errors" if state & superblock.EXT4_ERROR_FS else shown


def _mount_options(options: int) -> list[str]:
    names = {superblock.EXT4_DEFM_XATTR_USER: "user_xattr", superblock.EXT4_DEFM_ACL: "acl"}
    return [name for bit, name in names.items() if options & bit]


def _whole(fields: dict[str, Any], name: str, *, wide: bool) -> int:
    return int(fields[f"{name}_lo"] | (fields[f"{name}_hi"] << 32 if wide else 0))


def _time(fields: dict[str, Any], name: str) -> str | None:
    seconds = fields[name] | fields[f"{name}_hi"] << 32
    return show_time(seconds * NS_PER_SECOND)[:19] + " UTC" if seconds else None
