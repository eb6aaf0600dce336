"""Unrequested Content-Encoding gzip: real, twice, stated by mistake, and cut off."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from pull.errors import BrokenTransferError, PullError, SizeMismatchError
from pull.registry.encodings import Gunzip
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import digest_of, make_image
from tests.pull.registry.pulling import assert_sound, contents, fetch

NOISE = random.Random(10).randbytes(60_000)
TAR = NOISE + bytes(200_000) + NOISE
IMAGES = {how: make_image([TAR], compress=how) for how in ("plain", "gzip", "zstd")}
GZIP = {"Content-Encoding": "gzip"}


def blob_quirk(how: str, **changes: object) -> Quirk:
    (layer,) = IMAGES[how].layers
    quirk = Quirk("GET .*/blobs/" + digest_of(layer), headers=GZIP)
    for name, value in changes.items():
        setattr(quirk, name, value)
    return quirk


@pytest.mark.parametrize("how", IMAGES)
@pytest.mark.parametrize("length", ["stated", "chunked", "not stated"])
@pytest.mark.parametrize("level", [0, 9])
def test_encoded_blob(how: str, length: str, level: int, tmp_path: Path) -> None:
    # skopeo and containerd take what comes out: RFC 9110, section 8.4
    (layer,) = IMAGES[how].layers
    quirk = blob_quirk(how, body=gzip.compress(layer, level))
    quirk.chunk_bytes = 999 if length == "chunked" else None
    quirk.ends = length == "not stated"
    with FakeRegistry(quirk) as registry:
        assert fetch(registry.add("app", "v1", IMAGES[how]), tmp_path) == [layer]
        assert_sound(tmp_path)


@pytest.mark.parametrize("how", IMAGES)
@pytest.mark.parametrize("length", ["stated", "chunked", "not stated"])
def test_encoding_by_mistake(how: str, length: str, tmp_path: Path) -> None:
    # the layer is sent as it is, and the coding is said to be what the layer itself has
    quirk = blob_quirk(how)
    quirk.chunk_bytes = 999 if length == "chunked" else None
    quirk.ends = length == "not stated"
    with FakeRegistry(quirk) as registry:
        reference = registry.add("app", "v1", IMAGES[how])
        assert fetch(reference, tmp_path) == list(IMAGES[how].layers)
        assert_sound(tmp_path)


def test_encoding_by_mistake_of_a_transfer_that_breaks(tmp_path: Path) -> None:
    quirk = blob_quirk("gzip", times=3, close_after=20_000)
    with FakeRegistry(quirk, blob_quirk("gzip")) as registry:
        reference = registry.add("app", "v1", IMAGES["gzip"])
        assert fetch(reference, tmp_path) == list(IMAGES["gzip"].layers)
        offsets = [item.headers.get("range") for item in registry.matching(quirk.where)]
        assert offsets == [None, "bytes=20000-", "bytes=40000-", "bytes=60000-"]


@pytest.mark.parametrize("serves_ranges", [False, True])
def test_encoded_blob_that_breaks(serves_ranges: bool, tmp_path: Path) -> None:  # noqa: FBT001
    # a range is of the bytes that are sent: nothing can be made of it
    (layer,) = IMAGES["plain"].layers
    sent = gzip.compress(layer)
    quirk = blob_quirk("plain", times=2, body=sent, close_after=50_000)
    quirks = [quirk]
    if serves_ranges:
        place = {"Content-Range": f"bytes 49000-{len(sent) - 1}/{len(sent)}"}
        quirks.append(blob_quirk("plain", times=1, status=206, headers=GZIP | place, body=b"x"))
    with FakeRegistry(*quirks, blob_quirk("plain", body=sent)) as registry:
        assert fetch(registry.add("app", "v1", IMAGES["plain"]), tmp_path) == [layer]
        assert_sound(tmp_path)


@pytest.mark.parametrize(
    ("coding", "times"), [("x-gzip", 1), ("GZIP", 1), ("gzip, gzip", 2), ("identity, gzip", 1)]
)
def test_names_of_the_coding(coding: str, times: int, tmp_path: Path) -> None:
    (layer,) = IMAGES["plain"].layers
    body = layer
    for _ in range(times):
        body = gzip.compress(body)
    quirk = blob_quirk("plain", body=body, headers={"Content-Encoding": coding})
    with FakeRegistry(quirk) as registry:
        assert fetch(registry.add("app", "v1", IMAGES["plain"]), tmp_path) == [layer]


@pytest.mark.parametrize("coding", ["identity", "", "aws-chunked", "br", "none"])
def test_other_codings_stay_as_they_come(coding: str, tmp_path: Path) -> None:
    quirk = blob_quirk("gzip", headers={"Content-Encoding": coding})
    with FakeRegistry(quirk) as registry:
        reference = registry.add("app", "v1", IMAGES["gzip"])
        assert fetch(reference, tmp_path) == list(IMAGES["gzip"].layers)


@pytest.mark.parametrize("members", [1, 3])
def test_encoded_documents(members: int, tmp_path: Path) -> None:
    image = IMAGES["gzip"]

    def compress(data: bytes) -> bytes:
        step = len(data) // members + 1
        return b"".join(
            gzip.compress(data[begin : begin + step]) for begin in range(0, len(data), step)
        )

    quirks = [
        Quirk("GET .*/manifests/", headers=GZIP, body=compress(image.manifest)),
        Quirk(f"/blobs/{digest_of(image.config)}", headers=GZIP, body=compress(image.config)),
        Quirk("/token", headers=GZIP),
    ]
    with FakeRegistry(*quirks) as registry:
        reference = registry.add("app", "v1", image)
        registry.challenge = f'Bearer realm="http://{registry.address}/token"'
        registry.accepted = {"Bearer good"}
        registry.pages["/token"] = compress(b'{"token": "good"}')
        assert fetch(reference, tmp_path) == list(image.layers)
        assert contents(tmp_path).items() >= image.blobs.items()


def test_documents_that_are_said_to_be_encoded(tmp_path: Path) -> None:
    with FakeRegistry(Quirk("GET", headers=GZIP)) as registry:
        reference = registry.add("app", "v1", IMAGES["zstd"])
        assert fetch(reference, tmp_path) == list(IMAGES["zstd"].layers)


def test_encoded_manifest_that_is_endless_when_it_comes_out(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(100 << 20), 9)
    with (
        FakeRegistry(Quirk("GET .*/manifests/", headers=GZIP, body=bomb)) as registry,
        pytest.raises(SizeMismatchError, match="limit"),
    ):
        fetch(registry.add("app", "v1", IMAGES["zstd"]), tmp_path)


def test_encoded_blob_that_is_too_long_when_it_comes_out(tmp_path: Path) -> None:
    quirk = blob_quirk("plain", body=gzip.compress(TAR + bytes(100 << 20), 9))
    with FakeRegistry(quirk) as registry, pytest.raises(PullError):
        fetch(registry.add("app", "v1", IMAGES["plain"]), tmp_path)
    assert_sound(tmp_path)


@pytest.mark.parametrize("spoil", ["cut", "corrupt"])
def test_encoded_manifest_that_is_damaged(spoil: str, tmp_path: Path) -> None:
    sent = gzip.compress(IMAGES["zstd"].manifest)
    sent = sent[:-9] if spoil == "cut" else sent[:40] + bytes(20) + sent[60:]
    with (
        FakeRegistry(Quirk("GET .*/manifests/", headers=GZIP, body=sent)) as registry,
        pytest.raises(BrokenTransferError, match="compressed"),
    ):
        fetch(registry.add("app", "v1", IMAGES["zstd"]), tmp_path)


@pytest.mark.parametrize("piece", [1, 2, 3, 100, 65536])
@pytest.mark.parametrize("room", [1, 7, 65536])
def test_pieces_of_any_size(piece: int, room: int) -> None:
    parts = [b"one" * 100, b"", b"two", bytes(10_000)]
    sent = b"".join(map(gzip.compress, parts)) + b"\0\0"
    position = 0

    def read(buffer: memoryview) -> int:
        nonlocal position
        data = sent[position : position + min(piece, len(buffer))]
        buffer[: len(data)] = data
        position += len(data)
        return len(data)

    plain = Gunzip(read, "here")
    buffer = memoryview(bytearray(room))
    got = b""
    while count := plain.readinto(buffer):
        got += buffer[:count]
    assert got == b"".join(parts)
