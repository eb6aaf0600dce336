"""The kernel's command line for a root filesystem under dm-verity, without an initramfs.

Sources: Documentation/admin-guide/device-mapper/dm-init.rst and verity.rst of the kernel. It needs
a kernel with CONFIG_DM_INIT and CONFIG_DM_VERITY built in. In an initramfs, `dmsetup create
--concise` takes the same line.
"""

from __future__ import annotations

import re
from typing import Final

from pyext4.errors import OptionsError
from pyext4.verity.result import ALGORITHM, HASH_BLOCK_BYTES, Verity

__all__ = ["check_device", "kernel_arguments"]

_SECTOR_BYTES: Final = 512
_HASH_TYPE: Final = 1
_NO_SALT: Final = "-"
_NAME: Final = "root"
_MINOR: Final = 0  # so that the device is /dev/dm-0, whatever other devices are made

# characters that separate words, fields and devices in the line, or end it
_PLAIN: Final = re.compile(r"[^\s,;\"'\\]+")


def check_device(device: str) -> None:
    """Refuse a name that can't be in the line, before anything is made.

    Raises:
        OptionsError: `device` has a character that means something else in the line.
    """
    if not _PLAIN.fullmatch(device):
        reason = f"must have no spaces, quotes, commas or semicolons: {device!r}"
        raise OptionsError("verity device", reason)


def kernel_arguments(verity: Verity, device: str) -> str:
    """Return the arguments that make and mount the root filesystem of `device`.

    `device` is the guest's name for the disk with the image: /dev/vda, PARTUUID=... or 254:0.

    Raises:
        OptionsError: `device` has a character that means something else in the line.
    """
    check_device(device)
    sectors = verity.data_blocks * verity.data_block_bytes // _SECTOR_BYTES
    table = (
        *(0, sectors, "verity", _HASH_TYPE, device, device),
        *(verity.data_block_bytes, HASH_BLOCK_BYTES, verity.data_blocks),
        *(verity.tree_offset // HASH_BLOCK_BYTES, ALGORITHM),
        *(verity.root_hash.hex(), verity.salt.hex() or _NO_SALT),
    )
    line = ",".join((_NAME, "", str(_MINOR), "ro", " ".join(map(str, table))))
    return f'dm-mod.create="{line}" root=/dev/dm-{_MINOR} ro'
