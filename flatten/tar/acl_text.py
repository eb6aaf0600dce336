"""Convert POSIX ACLs between the text in tar records and the form of Linux's xattrs.

Text: `tag:qualifier:permissions`, separated by commas or newlines, as acl_to_text(3) writes it;
libarchive adds the number of a named user or group as a fourth part. Binary, version 2:
linux/posix_acl_xattr.h, a 32-bit version, then (tag, permissions, id) in ascending order.

Text may name users and groups (GNU tar writes no numbers): such an ACL is packed once the accounts
of the whole tree are known.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from flatten.errors import EntryError, shown

if TYPE_CHECKING:
    from flatten.accounts import Accounts

__all__ = [
    "ACCESS",
    "DEFAULT",
    "VERSION",
    "TextAcl",
    "acl_mode",
    "acl_to_text",
    "check_acl",
    "chmod_acl",
    "pack_acl",
    "parse_acl",
]

ACCESS = b"system.posix_acl_access"
DEFAULT = b"system.posix_acl_default"
VERSION = struct.pack("<I", 2)  # POSIX_ACL_XATTR_VERSION
ENTRY = struct.Struct("<HHI")
UNDEFINED_ID = 0xFFFFFFFF  # ACL_UNDEFINED_ID, of the entries without qualifier
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
TAGS = {
    b"user": (USER_OBJ, USER),
    b"u": (USER_OBJ, USER),
    b"group": (GROUP_OBJ, GROUP),
    b"g": (GROUP_OBJ, GROUP),
    b"mask": (MASK, None),
    b"m": (MASK, None),
    b"other": (OTHER, None),
    b"o": (OTHER, None),
}

TAG_NAMES = {
    USER_OBJ: ("user", False),
    USER: ("user", True),
    GROUP_OBJ: ("group", False),
    GROUP: ("group", True),
    MASK: ("mask", False),
    OTHER: ("other", False),
}
PERMISSIONS = (("r", 4), ("w", 2), ("x", 1))
_PERMISSION_BITS = {ord("r"): 4, ord("w"): 2, ord("x"): 1, ord("-"): 0}

# Which tags may follow which: the order that posix_acl_valid, fs/posix_acl.c, checks. It doesn't
# compare entries with each other, so the same id may come twice.
_BEFORE = {
    USER_OBJ: (None,),
    USER: (USER_OBJ, USER),
    GROUP_OBJ: (USER_OBJ, USER),
    GROUP: (GROUP_OBJ, GROUP),
    MASK: (GROUP_OBJ, GROUP),
    OTHER: (GROUP_OBJ, GROUP, MASK),
}


class TextAcl(NamedTuple):
    """An ACL as a record spells it; users and groups are numbers, or still names."""

    entries: tuple[tuple[int, int | bytes, int], ...]  # (tag, who, permissions)

    @property
    def has_names(self) -> bool:
        """Whether accounts are needed to pack it."""
        return any(isinstance(who, bytes) for _, who, _ in self.entries)


def parse_acl(text: bytes) -> TextAcl:
    """Read the text of an access or default ACL, which may have no entries.

    Raises:
        EntryError: it isn't an ACL.
    """
    entries: list[tuple[int, int | bytes, int]] = []
    for line in text.replace(b",", b"\n").split(b"\n"):
        entry = line.partition(b"#")[0].strip()
        if entry:
            entries.append(_entry(entry))
    return TextAcl(entries=tuple(entries))


def pack_acl(acl: TextAcl, accounts: Accounts | None = None) -> tuple[bytes, list[str]]:
    """Return an xattr's value, and the users and groups whose entries have no number.

    The image has no such user or group, so these entries would grant nothing to anyone.

    Raises:
        EntryError: Linux would not take it.
        OSError: the accounts can't be read.
    """
    entries: dict[tuple[int, int], int] = {}
    unknown: list[str] = []
    for tag, who, permissions in acl.entries:
        number = who if isinstance(who, int) else _number_of(tag, who, accounts)
        if number is None:
            unknown.append(f"{'user' if tag == USER else 'group'} {_named(tag, who)}")
            continue
        if (tag, number) in entries:
            msg = f"acl has a duplicate entry: {_named(tag, who)}"
            raise EntryError(msg)
        entries[tag, number] = permissions
    if any(tag in (USER, GROUP) for tag, _ in entries) and (MASK, UNDEFINED_ID) not in entries:
        # acl_calc_mask(3): the union of all that a mask limits
        mask = 0
        for (tag, _), permissions in entries.items():
            if tag in (USER, GROUP, GROUP_OBJ):
                mask |= permissions
        entries[MASK, UNDEFINED_ID] = mask
    packed = [
        ENTRY.pack(tag, permissions, number)
        for (tag, number), permissions in sorted(entries.items())
    ]
    value = VERSION + b"".join(packed)
    check_acl(value)
    return value, unknown


def check_acl(value: bytes) -> None:
    """Check that setxattr(2) would take a value, which has at least one entry.

    Raises:
        EntryError: it would not. posix_acl_from_xattr and posix_acl_valid, fs/posix_acl.c.
    """
    if value[:4] != VERSION:
        msg = "acl is not of version 2"
        raise EntryError(msg)
    if len(value) % ENTRY.size != len(VERSION):
        msg = f"acl is not 4 bytes plus 8 for each entry: {len(value)}"
        raise EntryError(msg)
    before: int | None = None
    named = False
    for tag, permissions, number in ENTRY.iter_unpack(value[4:]):
        _check_entry(tag, permissions, number)
        if before not in _BEFORE[tag]:
            break
        named = named or tag in (USER, GROUP)
        if tag == OTHER and named and before != MASK:
            msg = "acl names users or groups but has no mask"
            raise EntryError(msg)
        before = tag
    else:
        if before == OTHER:
            return
    msg = "acl needs entries for user, group and other, each once and in this order"
    raise EntryError(msg)


def _check_entry(tag: int, permissions: int, number: int) -> None:
    if tag not in _BEFORE:
        msg = f"acl has an unknown tag: {tag:#x}"
        raise EntryError(msg)
    if permissions > 7:
        msg = f"acl has unknown permissions: {permissions:#o}"
        raise EntryError(msg)
    if tag in (USER, GROUP) and number == UNDEFINED_ID:
        msg = f"acl has an id out of range: {number}"
        raise EntryError(msg)


def acl_mode(value: bytes) -> tuple[int, bool]:
    """Return an access ACL's permission bits, and whether the ACL says nothing more.

    Setting an ACL sets the mode too: the group's bits show the mask. An ACL that says no more
    than a mode is not stored. posix_acl_equiv_mode, fs/posix_acl.c.
    """
    bits = {tag: permissions for tag, permissions, _ in ENTRY.iter_unpack(value[4:])}
    group = bits.get(MASK, bits.get(GROUP_OBJ, 0))
    mode = bits.get(USER_OBJ, 0) << 6 | group << 3 | bits.get(OTHER, 0)
    return mode, not bits.keys() & {USER, GROUP, MASK}


def chmod_acl(value: bytes, mode: int) -> bytes:
    """Return an access ACL as chmod(2) to `mode` leaves it. posix_acl_chmod, fs/posix_acl.c."""
    entries = list(ENTRY.iter_unpack(value[4:]))
    group = MASK if any(tag == MASK for tag, _, _ in entries) else GROUP_OBJ
    bits = {USER_OBJ: mode >> 6 & 7, group: mode >> 3 & 7, OTHER: mode & 7}
    return VERSION + b"".join(
        ENTRY.pack(tag, bits.get(tag, permissions), who) for tag, permissions, who in entries
    )


def acl_to_text(value: bytes) -> bytes | None:
    """Convert an xattr's value to text with numeric ids; None if it isn't an ACL."""
    body = value[4:]
    if value[:4] != VERSION or len(body) % ENTRY.size:
        return None
    entries = []
    for tag, permissions, identity in ENTRY.iter_unpack(body):
        if tag not in TAG_NAMES or permissions > 7:
            return None
        name, qualified = TAG_NAMES[tag]
        letters = "".join(letter if permissions & bit else "-" for letter, bit in PERMISSIONS)
        entries.append(f"{name}:{identity if qualified else ''}:{letters}")
    return ",".join(entries).encode()


def _entry(entry: bytes) -> tuple[int, int | bytes, int]:
    parts = [part.strip() for part in entry.split(b":")]
    if parts[0] == b"default":  # star marks entries of a default ACL; the key already tells
        parts = parts[1:]
    if not parts or parts[0] not in TAGS:
        msg = f"acl entry has an unknown tag: {shown(entry)}"
        raise EntryError(msg)
    plain, qualified = TAGS[parts[0]]
    if len(parts) == 2 and plain in (MASK, OTHER):
        parts.insert(1, b"")  # star and Solaris leave out these tags' empty qualifier
    if len(parts) not in (3, 4):
        msg = f"acl entry is not tag:qualifier:permissions: {shown(entry)}"
        raise EntryError(msg)
    permissions = _permissions(parts[2], entry)
    # a fourth part counts if it is a number, as the numbers of owners do
    who = parts[3] if len(parts) == 4 and parts[3].isdigit() else parts[1]
    if not who and len(parts) == 3:
        return plain, UNDEFINED_ID, permissions
    if qualified is None or not who:
        msg = f"acl entry's qualifier does not fit its tag: {shown(entry)}"
        raise EntryError(msg)
    if not who.isdigit():
        return qualified, who, permissions
    digits = who.lstrip(b"0") or b"0"
    if len(digits) > 10 or int(digits) >= UNDEFINED_ID:
        msg = f"acl entry has an id out of range: {shown(entry)}"
        raise EntryError(msg)
    return qualified, int(digits), permissions


def _permissions(text: bytes, entry: bytes) -> int:
    value = 0
    for letter in text:
        bit = _PERMISSION_BITS.get(letter)
        if bit is None:
            msg = f"acl entry has unknown permissions: {shown(entry)}"
            raise EntryError(msg)
        value |= bit
    return value


def _number_of(tag: int, name: bytes, accounts: Accounts | None) -> int | None:
    if accounts is None:
        return None
    return accounts.user(name) if tag == USER else accounts.group(name)


def _named(tag: int, who: int | bytes) -> str:
    if isinstance(who, bytes):
        return shown(who)
    return TAG_NAMES[tag][0] if who == UNDEFINED_ID else str(who)
