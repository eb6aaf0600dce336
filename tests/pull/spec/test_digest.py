"""Digests: grammar and computation."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pull.errors import DigestSyntaxError
from pull.spec.digest import Digest

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("text", [EMPTY, "sha512:" + "0" * 128])
def test_parse(text: str) -> None:
    assert str(Digest.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        EMPTY[:-1],
        EMPTY + "0",
        EMPTY.upper(),
        EMPTY[:-1] + "g",
        "md5:" + "0" * 32,
        "sha384:" + "0" * 96,
        "../x:" + "0" * 64,
        f"{EMPTY}\n",
        f"sha256:../../{'0' * 58}",
    ],
)
def test_wrong(text: str) -> None:
    with pytest.raises(DigestSyntaxError):
        Digest.parse(text)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_compute(algorithm: str, tmp_path: Path) -> None:
    data = b"x" * 1_000_000
    expected = Digest(algorithm, hashlib.new(algorithm, data).hexdigest())
    (tmp_path / "file").write_bytes(data)
    assert Digest.of(data, algorithm) == expected
    assert expected.of_file(tmp_path / "file") == expected
    assert expected.verifies(data)
    assert not expected.verifies(data[:-1])
