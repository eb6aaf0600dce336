"""The kernel's command line, as dm-init.rst and verity.rst describe it."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from pyext4 import OptionsError
from pyext4.verity import Verity, kernel_arguments

MADE = Verity(
    root_hash=b"\xab" * 32,
    salt=b"\x01\x02",
    uuid=UUID(int=1),
    data_blocks=2048,
    data_block_bytes=1024,
    hash_offset=2 << 20,
    size_bytes=3 << 20,
)


def test_line() -> None:
    # 4096 sectors of 512 bytes; the tree begins in hash block 513, behind the superblock's 512
    assert kernel_arguments(MADE, "/dev/vda") == (
        'dm-mod.create="root,,0,ro,0 4096 verity 1 /dev/vda /dev/vda 1024 4096 2048 513 sha256 '
        f'{"ab" * 32} 0102" root=/dev/dm-0 ro'
    )


def test_no_salt_is_a_dash() -> None:
    made = Verity(**{name: getattr(MADE, name) for name in Verity.__slots__} | {"salt": b""})
    assert re.search(r' sha256 (ab)+ -" ', kernel_arguments(made, "254:0"))


@pytest.mark.parametrize("device", ["PARTUUID=0a-1", "254:0", "/dev/disk/by-id/x_1.2"])
def test_device(device: str) -> None:
    assert f" verity 1 {device} {device} " in kernel_arguments(MADE, device)


@pytest.mark.parametrize("device", ["", "/dev/a b", "a,b", "a;b", 'a"b', "a\\b", "a\n", "'"])
def test_device_refused(device: str) -> None:
    with pytest.raises(OptionsError, match="verity device: must have no spaces"):
        kernel_arguments(MADE, device)
