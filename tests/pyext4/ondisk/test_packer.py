"""Packers compared with construct, and what packers refuse."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest
from construct import Array, Bytes, CString, Int8ub, Int8ul, Int16ub, Int16ul, Struct

from pyext4.ondisk.extent import Extent
from pyext4.packer import FieldValue, Packer
from tests.pyext4.ondisk.ondisk_structures import STRUCTURES


def random_fields(
    declaration: Any,  # noqa: ANN401
    source: random.Random,
) -> dict[str, FieldValue]:
    fields: dict[str, FieldValue] = {}
    for renamed in declaration.subcons:
        kind = renamed.subcon
        if isinstance(kind, Bytes):
            fields[renamed.name] = source.randbytes(kind.length)
        elif isinstance(kind, Array):
            bits = kind.subcon.sizeof() * 8
            fields[renamed.name] = [source.getrandbits(bits) for _ in range(kind.count)]
        else:
            fields[renamed.name] = source.getrandbits(kind.sizeof() * 8)
    return fields


@pytest.mark.parametrize("name", sorted(STRUCTURES))
def test_packer_and_construct_make_the_same_bytes(name: str) -> None:
    declaration = STRUCTURES[name]
    packer = Packer(declaration)
    source = random.Random(name)
    assert packer.size == declaration.sizeof()
    for _ in range(50):
        fields = random_fields(declaration, source)
        packed = packer.pack(**fields)
        assert packed == declaration.build(fields)
        parsed = declaration.parse(packed)
        unpacked = packer.unpack(b"\xff" * 3 + packed, 3)
        assert {field: list(v) if isinstance(v, tuple) else v for field, v in unpacked.items()} == {
            field: parsed[field] if not isinstance(fields[field], list) else list(parsed[field])
            for field in fields
        }


@pytest.mark.parametrize("name", sorted(STRUCTURES))
def test_fields_left_zero_are_zero(name: str) -> None:
    declaration = STRUCTURES[name]
    full = Packer(declaration)
    source = random.Random(name)
    for field in full.names:
        packer = Packer(declaration, zero=(field,))
        fields = random_fields(declaration, source)
        width = next(r.subcon.sizeof() for r in declaration.subcons if r.name == field)
        expected = bytearray(full.pack(**fields))
        expected[full.offsets[field] : full.offsets[field] + width] = bytes(width)
        del fields[field]
        assert packer.pack(**fields) == expected
        assert packer.unpack(expected).keys() == fields.keys()


def test_pack_into_touches_its_bytes_only() -> None:
    buffer = bytearray(b"\xaa" * 20)
    Packer(Extent).pack_into(buffer, 4, ee_block=1, ee_len=2, ee_start_hi=3, ee_start_lo=4)
    assert buffer == b"\xaa" * 4 + struct.pack("<IHHI", 1, 2, 3, 4) + b"\xaa" * 4


def test_missing_field_is_named() -> None:
    with pytest.raises(TypeError, match=r"^missing: ee_len, ee_start_hi$"):
        Packer(Extent).pack(ee_block=1, ee_start_lo=1)


def test_unknown_field_is_named() -> None:
    with pytest.raises(TypeError, match=r"unknown.*: ee_size$"):
        Packer(Extent).pack(ee_block=1, ee_len=1, ee_start_hi=0, ee_start_lo=1, ee_size=1)


def test_field_listed_as_zero_is_refused() -> None:
    with pytest.raises(TypeError, match=r"left zero.*: ee_start_hi$"):
        Packer(Extent, zero=("ee_start_hi",)).pack(
            ee_block=1, ee_len=1, ee_start_hi=0, ee_start_lo=1
        )


def test_unknown_zero_is_refused() -> None:
    with pytest.raises(TypeError, match=r"no such field to leave zero: ee_size"):
        Packer(Extent, zero=("ee_size",))


def test_integer_out_of_range_is_refused() -> None:
    with pytest.raises(struct.error):
        Packer(Extent).pack(ee_block=1, ee_len=1 << 16, ee_start_hi=0, ee_start_lo=1)


@pytest.mark.parametrize("value", [b"", b"abc", b"abcde"])
def test_bytes_of_another_length_are_refused(value: bytes) -> None:
    with pytest.raises(TypeError, match="name needs 4 bytes"):
        Packer(Struct("name" / Bytes(4))).pack(name=value)


@pytest.mark.parametrize("value", [[], [1], [1, 2, 3], 1])
def test_array_of_another_length_is_refused(value: FieldValue) -> None:
    with pytest.raises(TypeError, match="words needs 2 integers"):
        Packer(Struct("words" / Int16ul[2])).pack(words=value)


def test_mixed_byte_orders_are_refused() -> None:
    with pytest.raises(TypeError, match="mixed byte orders"):
        Packer(Struct("a" / Int16ul, "b" / Int16ub))
    with pytest.raises(TypeError, match="mixed byte orders"):
        Packer(Struct("a" / Int8ul, "b" / Int8ub))


def test_kind_without_fixed_code_is_refused() -> None:
    with pytest.raises(TypeError, match="can't derive"):
        Packer(Struct("name" / Array(2, Array(2, Int8ul))))
    with pytest.raises(Exception, match="sizeof"):
        Packer(Struct("name" / CString("utf8")))
