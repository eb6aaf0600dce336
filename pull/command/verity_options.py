"""The dm-verity options of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from pull.command.request import DEFAULT_DEVICE, VerityRequest

__all__ = ["add_verity_options", "verity_request"]

_READONLY: Final = "readonly"
_HASH_CHARACTERS: Final = 64  # of sha256, as veritysetup prints it


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
        help="the same, but fail if the root hash is another",
    )
    group.add_argument(
        "--verity-device",
        type=_device,  # a default here would be checked too, and importing takes long
        metavar="DEVICE",
        help="the guest's name for the disk, for the kernel's command line "
        f"(default: {DEFAULT_DEVICE})",
    )


def verity_request(
    parsed: argparse.Namespace, error: Callable[[str], object]
) -> VerityRequest | None:
    """Return what the command line says; report contradicting options to `error`."""
    if not parsed.verity and parsed.verity_root is None:
        if parsed.verity_device is not None:
            error("--verity-device needs --verity")
        return None
    option = "--verity" if parsed.verity else "--verity-root"
    if parsed.profile != _READONLY:
        error(f"{option} needs --profile readonly: a filesystem with hashes can't be written to")
    if parsed.output is None:
        error(f"{option} needs OUT.ext4: the hashes come after a filesystem")
    return VerityRequest(
        root_hash=parsed.verity_root, device=parsed.verity_device or DEFAULT_DEVICE
    )


def _device(text: str) -> str:
    from pyext4.errors import OptionsError  # noqa: PLC0415  # slow, and rarely needed
    from pyext4.verity.kernel import check_device  # noqa: PLC0415

    try:
        check_device(text)
    except OptionsError as error:
        raise argparse.ArgumentTypeError(error.reason) from error
    return text


def _root_hash(text: str) -> bytes:
    if len(text) != _HASH_CHARACTERS or not set(text.lower()) <= set("0123456789abcdef"):
        msg = f"not the {_HASH_CHARACTERS} hexadecimal digits of a root hash: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return bytes.fromhex(text)
