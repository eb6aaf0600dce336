"""Fast, strict packers derived from the declarations in `pyext4.ondisk`.

construct takes about 40 us to build an inode, a precompiled `struct.Struct` 0.4 us. A `Packer`
reads names, order and widths from a declaration once and packs with `struct`, so the declaration
is still the only place that states them. It differs from construct in one more way: construct
ignores unknown keywords and pads short bytes, so a misspelt field would reach the disk as zero.
Here every field must be given, or be listed as zero when the packer is made.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, TypeAlias

from construct import Array, Bytes, FormatField

from pyext4.buffer import Buffer

__all__ = ["FieldValue", "Packer"]

FieldValue: TypeAlias = int | bytes | Sequence[int]
"""An integer, bytes of exactly the declared length, or one integer for each element."""


class Packer:
    """Packs one structure.

    `zero` lists the fields that are left zero: they can't be given, and all others must be. A loop
    over many uses `struct`, which takes the values of the others in order.
    """

    __slots__ = ("_arrays", "_blobs", "_given", "_offered", "names", "offsets", "size", "struct")

    def __init__(self, declaration: Any, *, zero: Sequence[str] = ()) -> None:  # noqa: ANN401
        """Read the declaration: a `construct.Struct` of integers, bytes and integer arrays.

        Raises:
            TypeError: for another kind of field, mixed byte orders, or a name in `zero` that the
                structure doesn't have.
        """
        fields = [_Field(renamed.name, renamed.subcon) for renamed in declaration.subcons]
        orders = {field.order for field in fields} - {""}
        if len(orders) > 1:
            msg = f"mixed byte orders: {sorted(orders)}"
            raise TypeError(msg)
        order = orders.pop() if orders else "<"
        self.names: tuple[str, ...] = tuple(field.name for field in fields)
        for name in zero:
            if name not in self.names:
                msg = f"no such field to leave zero: {name}"
                raise TypeError(msg)
        self.offsets: dict[str, int] = {}
        end = 0
        for field in fields:
            self.offsets[field.name] = end
            end += struct.calcsize(order + field.code)
        self.size: int = end
        self._offered = frozenset(self.names) - frozenset(zero)
        self._given = tuple(name for name in self.names if name in self._offered)
        self._blobs = {field.name: field.length for field in fields if field.is_bytes}
        self._arrays = {field.name: field.length for field in fields if field.is_array}
        # fields left zero are padding to struct, which writes zeros for them
        self.struct = struct.Struct(
            order
            + "".join(
                field.code if field.name in self._offered else f"{field.size}x" for field in fields
            )
        )

    def pack(self, **fields: FieldValue) -> bytes:
        """Pack the structure.

        Raises:
            TypeError: a field is missing, unknown or listed as zero, or bytes or an array haven't
                the declared length.
            struct.error: an integer is out of its field's range.
        """
        return self.struct.pack(*self._values(fields))

    def pack_into(self, buffer: bytearray | memoryview, offset: int, **fields: FieldValue) -> None:
        """Pack the structure into `buffer` from byte `offset`; raises as `pack` does."""
        self.struct.pack_into(buffer, offset, *self._values(fields))

    def unpack(self, buffer: Buffer, offset: int = 0) -> dict[str, Any]:
        """Unpack the fields that this packer packs; arrays come as tuples."""
        values = self.struct.unpack_from(buffer, offset)
        if not self._arrays:
            return dict(zip(self._given, values, strict=True))
        fields: dict[str, Any] = {}
        position = 0
        for name in self._given:
            length = self._arrays.get(name)
            if length is None:
                fields[name] = values[position]
                position += 1
            else:
                fields[name] = values[position : position + length]
                position += length
        return fields

    def _values(self, fields: dict[str, FieldValue]) -> list[FieldValue]:
        if fields.keys() != self._offered:
            self._refuse_names(fields)
        for name, length in self._blobs.items():
            if name in fields and len(fields[name]) != length:  # type: ignore[arg-type]
                msg = f"{name} needs {length} bytes"
                raise TypeError(msg)
        if not self._arrays:
            return [fields[name] for name in self._given]
        values: list[FieldValue] = []
        for name in self._given:
            value = fields[name]
            if name not in self._arrays:
                values.append(value)
                continue
            if isinstance(value, int) or len(value) != self._arrays[name]:
                msg = f"{name} needs {self._arrays[name]} integers"
                raise TypeError(msg)
            values.extend(value)
        return values

    def _refuse_names(self, fields: dict[str, FieldValue]) -> None:
        missing = sorted(self._offered - fields.keys())
        if missing:
            msg = f"missing: {', '.join(missing)}"
            raise TypeError(msg)
        unknown = sorted(fields.keys() - self._offered)
        msg = f"unknown, or left zero by this packer: {', '.join(unknown)}"
        raise TypeError(msg)


class _Field:
    """One field of a declaration, in terms of `struct`."""

    __slots__ = ("code", "is_array", "is_bytes", "length", "name", "order", "size", "struct")

    def __init__(self, name: str, kind: Any) -> None:  # noqa: ANN401
        self.name = name
        self.is_bytes = isinstance(kind, Bytes)
        self.is_array = isinstance(kind, Array)
        self.size: int = kind.sizeof()
        self.length = 1
        self.order = ""
        element = kind.subcon if self.is_array else kind
        if self.is_bytes:
            self.length = kind.length
            self.code = f"{self.length}s"
        elif isinstance(element, FormatField):
            # construct writes a format as byte order and letter
            self.order, letter = element.fmtstr
            self.length = kind.count if self.is_array else 1
            self.code = f"{self.length}{letter}" if self.is_array else letter
        else:
            msg = f"{name}: can't derive a packer from {type(element).__name__}"
            raise TypeError(msg)
