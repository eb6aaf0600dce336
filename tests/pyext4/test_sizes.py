from __future__ import annotations

import pytest

from pyext4.sizes import format_size, parse_size

SIZES = {
    "0": 0,
    "4096": 4096,
    "512B": 512,
    "64M": 64 << 20,
    "64MB": 64 << 20,
    "64MiB": 64 << 20,
    "64 mib": 64 << 20,
    "1.5G": 3 << 29,
    "2GiB": 2 << 30,
    "16T": 16 << 40,
    "1k": 1024,
    "0.5K": 512,
}
WRITTEN = {
    0: "0 B",
    1023: "1023 B",
    1024: "1.00 KiB",
    1536: "1.50 KiB",
    10 * 1024: "10.0 KiB",
    100 * 1024: "100 KiB",
    1023 * 1024: "1.00 MiB",
    3 << 29: "1.50 GiB",
    16 << 40: "16.0 TiB",
}


@pytest.mark.parametrize("text", SIZES)
def test_parse(text: str) -> None:
    assert parse_size(text) == SIZES[text]


@pytest.mark.parametrize(
    "text", ["", "M", "-1", "1X", "1.5", "0.3K", "1e3", "1 M B", "1_000", "\u0663M", "5\u212a"]
)
def test_wrong(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        parse_size(text)


@pytest.mark.parametrize("size", WRITTEN)
def test_format(size: int) -> None:
    assert format_size(size) == WRITTEN[size]
