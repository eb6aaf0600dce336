"""Compressions that no layer may have are named in the error; a host tar may use two of them."""

from __future__ import annotations

import bz2
import hashlib
import lzma
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flatten import DiffIdError, LayerError, flatten
from flatten.host_layers import tar_layer
from tests.flatten.blobs import blob_layer
from tests.flatten.outputs.listings import listing
from tests.flatten.tars import file, layer, tar, whiteout

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CONTENT = tar([whiteout(b"a"), file(b"b", b"2")])

# The last five as file(1) knows them: nothing here writes them.
FOREIGN: dict[str, bytes] = {
    "bzip2": bz2.compress(CONTENT),
    "bzip2 ": bz2.compress(CONTENT, 1),
    "bzip2  ": bz2.compress(b""),
    "xz": lzma.compress(CONTENT),
    "lzma": lzma.compress(CONTENT, lzma.FORMAT_ALONE),
    "lz4": b"\x04\x22\x4d\x18" + bytes(600),
    "lzip": b"LZIP\x01" + bytes(600),
    "compress": b"\x1f\x9d\x90" + bytes(600),
    "zip": b"PK\x03\x04" + bytes(600),
    "7-zip": b"7z\xbc\xaf\x27\x1c" + bytes(600),
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("with_diff_id", [True, False])
def test_a_layer(name: str, with_diff_id: bool) -> None:  # noqa: FBT001  (a column)
    made = blob_layer(FOREIGN[name], CONTENT if with_diff_id else None)
    with pytest.raises(LayerError) as caught:
        flatten([layer(file(b"a", b"1")), made])
    assert not isinstance(caught.value, DiffIdError)
    says = f"layer {made.digest}: is compressed with {name.strip()}: image-spec has no such layers"
    assert str(caught.value) == says


@pytest.mark.parametrize("first", [b"BZh", b"BZh9", b"LZIP", b"PK", b"7z", b"]"])
def test_a_tar_whose_first_name_begins_like_one(first: bytes) -> None:
    assert listing(flatten([blob_layer(tar([file(first, b"1")]))])) == {first.decode(): "file 1"}


STREAMS: dict[str, Callable[[bytes], bytes]] = {
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "xz with padding": lambda data: lzma.compress(data) + bytes(8),
    "xz of several streams": lambda data: lzma.compress(data[:700]) + lzma.compress(data[700:]),
    "bzip2 of several streams": lambda data: bz2.compress(data[:700]) + bz2.compress(data[700:]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_tar_of_the_host(name: str, tmp_path: Path) -> None:
    path = tmp_path / "extra"
    path.write_bytes(STREAMS[name](CONTENT))
    assert listing(flatten([layer(file(b"a", b"1")), tar_layer(path)])) == {"b": "file 2"}


@pytest.mark.parametrize("name", ["bzip2", "xz"])
@pytest.mark.parametrize("spoil", [lambda b: b[:-20], lambda b: b[:40] + b"\0" * 20 + b[60:]])
def test_a_damaged_tar_of_the_host(
    name: str, spoil: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "extra"
    noise = hashlib.shake_128(b"noise").digest(9000)
    path.write_bytes(spoil(STREAMS[name](tar([file(b"n", noise)]))))
    with pytest.raises(LayerError) as caught:
        flatten([tar_layer(path)])
    assert str(caught.value).startswith(f"layer {path}: compressed data is damaged: ")


def test_a_tar_of_the_host_in_what_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "extra"
    path.write_bytes(FOREIGN["lz4"])
    with pytest.raises(LayerError, match="is compressed with lz4: only gzip, zstd, bzip2 and xz"):
        flatten([tar_layer(path)])


@pytest.mark.parametrize("program", [["bzip2"], ["xz", "-T2", "--block-size=4096"]])
def test_what_the_programs_write(program: list[str], tmp_path: Path) -> None:
    content = tar([file(b"b%d" % number, b"2" * 999) for number in range(50)])
    packed = subprocess.run([*program, "-c"], input=content, capture_output=True, check=True)
    path = tmp_path / "extra"
    path.write_bytes(packed.stdout)
    assert len(listing(flatten([tar_layer(path)]))) == 50


@pytest.mark.parametrize("log", [27, 28, 29])
def test_windows_of_zstd_as_large_as_engines_take_them(log: int) -> None:
    """https://github.com/klauspost/compress, zstd.MaxWindowSize: 1 << 29."""
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: log,
        zstd.CompressionParameter.content_size_flag: 0,
    }
    compressor = zstd.ZstdCompressor(options=options)
    blob = b"".join(
        compressor.compress(CONTENT[at : at + 512]) for at in range(0, len(CONTENT), 512)
    )
    blob += compressor.flush()
    assert listing(flatten([blob_layer(blob, CONTENT)])) == {"b": "file 2"}
