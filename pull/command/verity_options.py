"""dm-verity's part of the command line: two options, and what they say of the salt.

The salt is the image's digest: two images never share a table of digests made beforehand, and
whoever knows the image can make the same hashes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyext4 import VerityOptions

__all__ = ["add_verity_options", "check_verity_options", "verity_options"]

_READONLY: Final = "readonly"
_HASH_CHARACTERS: Final = 64  # of sha256, as veritysetup prints it
_DEVICE: Final = "/dev/vda"


def add_verity_options(group: argparse._ArgumentGroup) -> None:
    """Add the options to a parser's group."""
    group.add_argument(
        "--verity",
        action="store_true",
        help="append a tree of hashes for dm-verity, and print its root hash; needs"
        " --profile readonly",
    )
    group.add_argument(
        "--verity-root",
        type=_root_hash,
        metavar="HASH",
        help="the same, and write no image with another root hash",
    )
    group.add_argument(
        "--verity-device",
        default=_DEVICE,
        metavar="DEVICE",
        help=f"what the guest calls the disk, for the kernel's command line (default: {_DEVICE})",
    )


def check_verity_options(parsed: argparse.Namespace, error: Callable[[str], object]) -> None:
    """Report options that contradict each other to `error`."""
    if not _wanted(parsed):
        if parsed.verity_device != _DEVICE:
            error("--verity-device needs --verity")
        return
    option = "--verity" if parsed.verity else "--verity-root"
    if parsed.profile != _READONLY:
        error(f"{option} needs --profile readonly: a filesystem with hashes can't be written to")
    if parsed.output is None:
        error(f"{option} needs OUT.ext4: the hashes stand behind a filesystem")


def verity_options(parsed: argparse.Namespace, digest: str) -> VerityOptions | None:
    """Return what the command line says of hashes; `digest` is the image's, `sha256:...`."""
    if not _wanted(parsed):
        return None
    from pyext4 import VerityOptions  # noqa: PLC0415  # slow

    # what was added is not in the image's digest, but in the filesystem's uuid
    salt = None if parsed.additions else bytes.fromhex(digest.partition(":")[2])
    return VerityOptions(salt=salt, root_hash=parsed.verity_root)


def _wanted(parsed: argparse.Namespace) -> bool:
    return parsed.verity or parsed.verity_root is not None


def _root_hash(text: str) -> bytes:
    if len(text) != _HASH_CHARACTERS or not set(text.lower()) <= set("0123456789abcdef"):
        msg = f"not the {_HASH_CHARACTERS} hexadecimal digits of a root hash: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return bytes.fromhex(text)
