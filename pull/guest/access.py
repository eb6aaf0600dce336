"""Who may log in to the guest, and what it mounts: keys, root's password, /etc/fstab.

What an image has is kept: keys and lines are appended, and only one field of /etc/shadow changes.
"""

from __future__ import annotations

import re
from pathlib import Path

from flatten.errors import shown
from pull.guest.accounts import PASSWD, find_account
from pull.guest.init.errors import GivenFileError, TreeError
from pull.guest.layer import Additions, extended
from pull.guest.lookup import place_for, read_file

__all__ = ["add_fstab", "add_root_password", "add_ssh_keys"]

SHADOW = b"/etc/shadow"
FSTAB = b"/etc/fstab"

_KEY_FILE_MAX_BYTES = 1 << 20

# sshd(8), AUTHORIZED_KEYS FILE FORMAT: options, then one of these types, then base64
_KEY = re.compile(
    rb"(?:^|[ \t])(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp[0-9]+|sk-[a-z0-9-]+@openssh\.com"
    rb"|[a-z0-9-]+-cert-v01@openssh\.com)[ \t]+[A-Za-z0-9+/]{16,}={0,2}(?:[ \t]|$)"
)


def add_ssh_keys(additions: Additions, files: tuple[Path, ...], user: bytes) -> None:
    """Let the keys in `files` log in as `user`, whose home is in /etc/passwd.

    Raises:
        GivenFileError: a file holds no public keys.
        AccountError: the user is not in the image.
        TreeError: something that is not a directory is in the way.
        OSError: a file can't be read.
    """
    tree = additions.tree
    keys = b"".join(_keys(path) for path in files)
    account = find_account(tree, user.partition(b":")[0])
    additions.make_directory(account.home, additions.meta(0o700, account.uid, account.gid))
    ssh, _ = place_for(tree, account.home + b"/.ssh")
    additions.set_directory(ssh, additions.meta(0o700, account.uid, account.gid))
    path, _ = place_for(tree, ssh + b"/authorized_keys")
    # sshd_config(5), StrictModes: sshd takes no keys that others could have written
    meta = additions.meta(0o600, account.uid, account.gid)
    additions.put(path, extended(read_file(tree, path), keys), meta)


def _keys(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_KEY_FILE_MAX_BYTES + 1)
    if b"PRIVATE KEY-----" in data:
        raise GivenFileError(str(path), "is a private key; name the public one, which ends in .pub")
    lines = [line.strip() for line in data.split(b"\n")]
    keys = [line for line in lines if line and not line.startswith(b"#")]
    if not keys or len(data) > _KEY_FILE_MAX_BYTES or not all(map(_KEY.search, keys)):
        raise GivenFileError(str(path), "is not a list of public keys as ssh-keygen makes them")
    return b"".join(key + b"\n" for key in keys)


def add_root_password(additions: Additions, password_hash: bytes) -> None:
    """Give root a password: in /etc/shadow, to which /etc/passwd points.

    Raises:
        AccountError: there is no root in /etc/passwd.
        TreeError: the line of root has no fields.
        OSError: what holds the tree's contents can't be read.
    """
    tree = additions.tree
    find_account(tree, b"root")
    passwd = read_file(tree, PASSWD) or b""
    pointing = _with_password(passwd, b"x")
    if pointing is None:
        raise TreeError(shown(PASSWD), "has a line for root that can't be changed")
    if pointing != passwd:
        additions.rewrite(PASSWD, pointing, additions.meta(0o644))
    shadow = read_file(tree, SHADOW) or b""
    # shadow(5): empty fields switch ageing off
    line = b"root:%b:::::::\n" % password_hash
    changed = _with_password(shadow, password_hash) or extended(shadow, line)
    additions.rewrite(SHADOW, changed, additions.meta(0o600))


def _with_password(data: bytes, password: bytes) -> bytes | None:
    """Replace the second field of root's line; None if there is no such line."""
    lines = data.split(b"\n")
    for number, line in enumerate(lines):
        fields = line.split(b":")
        if fields[0] == b"root" and len(fields) > 1:
            lines[number] = b":".join([fields[0], password, *fields[2:]])
            return b"\n".join(lines)
    return None


def add_fstab(additions: Additions, lines: tuple[bytes, ...]) -> None:
    """Append to /etc/fstab, and make the mount points.

    Raises:
        TreeError: a mount point is there but not a directory.
        OSError: what holds the tree's contents can't be read.
    """
    table = extended(read_file(additions.tree, FSTAB), b"".join(line + b"\n" for line in lines))
    additions.rewrite(FSTAB, table, additions.meta(0o644))
    for line in lines:
        place = re.sub(rb"\\([0-7]{3})", _unescaped, line.split()[1])
        if place.startswith(b"/"):  # swap has "none"
            additions.make_directory(place)


def _unescaped(match: re.Match[bytes]) -> bytes:
    # fstab(5): a blank in a mount point is \040
    return bytes([int(match[1], 8) & 0xFF])
