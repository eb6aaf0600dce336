"""POSIX ACLs between the text that tar records hold and the form that Linux's xattrs have.

Text: `tag:qualifier:permissions` with commas or newlines between, as acl_to_text(3) writes it;
libarchive adds the number of a named user or group as a fourth part. Binary, version 2:
linux/posix_acl_xattr.h, a 32-bit version, then (tag, permissions, id) in ascending order.
"""

from __future__ import annotations

import struct

from flatten.errors import EntryError

__all__ = ["acl_from_text", "acl_mode", "acl_to_text"]

VERSION = 2  # POSIX_ACL_XATTR_VERSION
ENTRY = struct.Struct("<HHI")
UNDEFINED_ID = 0xFFFFFFFF  # ACL_UNDEFINED_ID, of the entries without qualifier
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
TAGS = {
    "user": (USER_OBJ, USER),
    "u": (USER_OBJ, USER),
    "group": (GROUP_OBJ, GROUP),
    "g": (GROUP_OBJ, GROUP),
    "mask": (MASK, None),
    "m": (MASK, None),
    "other": (OTHER, None),
    "o": (OTHER, None),
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


def acl_from_text(text: bytes) -> bytes:
    """Convert the text of an access or default ACL; empty text is an ACL of no entries.

    Raises:
        EntryError: it is no ACL, or names somebody whose number only another host knows.
    """
    entries: dict[tuple[int, int], int] = {}
    for line in text.decode("utf-8", "surrogateescape").replace(",", "\n").split("\n"):
        entry = line.partition("#")[0].strip()
        if entry:
            tag, identity, permissions = _entry(entry)
            if (tag, identity) in entries:
                msg = f"acl has an entry twice: {entry}"
                raise EntryError(msg)
            entries[tag, identity] = permissions
    named = [tag for tag, _ in entries if tag in (USER, GROUP)]
    if named and (MASK, UNDEFINED_ID) not in entries:
        # acl_calc_mask(3): the union of all that a mask limits
        mask = 0
        for (tag, _), permissions in entries.items():
            if tag in (USER, GROUP, GROUP_OBJ):
                mask |= permissions
        entries[MASK, UNDEFINED_ID] = mask
    packed = [
        ENTRY.pack(tag, permissions, identity)
        for (tag, identity), permissions in sorted(entries.items())
    ]
    return struct.pack("<I", VERSION) + b"".join(packed)


def acl_mode(value: bytes) -> tuple[int, bool]:
    """Return the permission bits that an access ACL's value means, and whether they say it all.

    Setting an ACL sets the mode too: the group's bits show the mask. An ACL that says no more
    than a mode is not stored. posix_acl_equiv_mode, fs/posix_acl.c.
    """
    bits = {tag: permissions for tag, permissions, _ in ENTRY.iter_unpack(value[4:])}
    group = bits.get(MASK, bits.get(GROUP_OBJ, 0))
    mode = bits.get(USER_OBJ, 0) << 6 | group << 3 | bits.get(OTHER, 0)
    return mode, not bits.keys() & {USER, GROUP, MASK}


def acl_to_text(value: bytes) -> bytes | None:
    """Convert an xattr's value to text with numeric ids; None where it is no such value."""
    body = value[4:]
    if value[:4] != struct.pack("<I", VERSION) or len(body) % ENTRY.size:
        return None
    entries = []
    for tag, permissions, identity in ENTRY.iter_unpack(body):
        if tag not in TAG_NAMES or permissions > 7:
            return None
        name, qualified = TAG_NAMES[tag]
        letters = "".join(letter if permissions & bit else "-" for letter, bit in PERMISSIONS)
        entries.append(f"{name}:{identity if qualified else ''}:{letters}")
    return ",".join(entries).encode()


def _entry(entry: str) -> tuple[int, int, int]:
    parts = [part.strip() for part in entry.split(":")]
    if parts[0] == "default":  # star marks the entries of a default ACL, which the key tells too
        parts = parts[1:]
    if not parts or parts[0] not in TAGS:
        msg = f"acl entry has an unknown tag: {entry}"
        raise EntryError(msg)
    plain, qualified = TAGS[parts[0]]
    if len(parts) == 2 and plain in (MASK, OTHER):
        parts.insert(1, "")  # star and Solaris leave out the empty qualifier of these
    if len(parts) not in (3, 4):
        msg = f"acl entry is not tag:qualifier:permissions: {entry}"
        raise EntryError(msg)
    qualifier, permissions = parts[1], parts[2]
    value = _permissions(permissions, entry)
    if not qualifier and len(parts) == 3:
        return plain, UNDEFINED_ID, value
    number = parts[3] if len(parts) == 4 else qualifier
    if qualified is None or not (number.isascii() and number.isdigit()):
        msg = f"acl entry names somebody without a number: {entry}"
        raise EntryError(msg)
    if int(number) >= UNDEFINED_ID:
        msg = f"acl entry has an id out of range: {entry}"
        raise EntryError(msg)
    return qualified, int(number), value


def _permissions(text: str, entry: str) -> int:
    value = 0
    for letter in text:
        bit = {**dict(PERMISSIONS), "-": 0}.get(letter)
        if bit is None:
            msg = f"acl entry has unknown permissions: {entry}"
            raise EntryError(msg)
        value |= bit
    return value
