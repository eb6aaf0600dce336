"""The C structs of the native backend match the declarations."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest

from pyext4.packer import Packer
from tests.pyext4.ondisk.ondisk_structures import STRUCTURES

# the kernel's name of a struct -> its declaration, as far as C code handles it
C_STRUCTS = {
    "ext4_inode": "Inode",
    "ext4_dir_entry_2": "DirEntry2",
    "ext4_dir_entry_tail": "DirEntryTail",
}


@pytest.fixture(scope="module")
def ffi() -> Any:  # noqa: ANN401
    try:
        native = importlib.import_module("pyext4.native._native")
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail("pyext4.native._native is not built")
        pytest.skip("pyext4.native._native is not built")
    return native.ffi


@pytest.mark.parametrize("name", sorted(C_STRUCTS))
def test_struct_has_the_declared_names_offsets_and_widths(name: str, ffi: Any) -> None:  # noqa: ANN401
    packer = Packer(STRUCTURES[C_STRUCTS[name]])
    struct = ffi.typeof(f"struct {name}")
    assert ffi.sizeof(struct) == packer.size
    assert {field: about.offset for field, about in struct.fields} == packer.offsets
    ends = [*list(packer.offsets.values())[1:], packer.size]
    widths = [end - begin for begin, end in zip(packer.offsets.values(), ends, strict=True)]
    assert [ffi.sizeof(about.type) for _, about in struct.fields] == widths


def test_no_struct_of_the_kernel_is_left_out(ffi: Any) -> None:  # noqa: ANN401
    structs = ffi.list_types()[1]
    assert {name for name in structs if name.startswith("ext4_")} == set(C_STRUCTS)
