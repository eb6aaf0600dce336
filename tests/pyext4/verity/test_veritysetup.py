"""veritysetup makes the same bytes, accepts ours, and rejects them with one bit flipped."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pyext4 import Options, VerityOptions, write_ext4
from pyext4.ondisk.verity import VeritySuperblock
from pyext4.packer import Packer
from pyext4.verity import Verity, append_verity
from tests.oracle.judges import complaints
from tests.oracle_tools import need
from tests.pyext4.small_trees import file_of, tree_of
from tests.pyext4.verity.hash_areas import SALT, UUID_GIVEN, data_of, sparse_file

pytestmark = pytest.mark.oracle

MIB = 1 << 20
TREE = tree_of(big=file_of(data_of(3 * MIB)), small=file_of(b"hello"))


def accepts(image: Path, verity: Verity) -> bool:
    need("veritysetup")
    command = ["veritysetup", "verify", str(image), str(image), verity.root_hash.hex()]
    offset = f"--hash-offset={verity.hash_offset}"
    done = subprocess.run([*command, offset], check=False, capture_output=True)
    return done.returncode == 0


def formatted(image: Path, verity: Verity) -> str:
    """Let veritysetup make the area behind the same data; return what it prints."""
    need("veritysetup")
    with image.open("r+b") as file:
        file.truncate(verity.hash_offset)
    command = [
        *("veritysetup", "format", str(image), str(image)),
        f"--hash-offset={verity.hash_offset}",
        f"--salt={verity.salt.hex() or '-'}",
        f"--uuid={verity.uuid}",
        f"--data-blocks={verity.data_blocks}",
        f"--data-block-size={verity.data_block_bytes}",
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


SHAPES: dict[str, tuple[int, int, bytes]] = {
    "block_1": (4096, 4096, SALT),
    "blocks_128": (128 * 4096, 4096, SALT),
    "blocks_129": (129 * 4096, 4096, SALT),
    "blocks_16385": (16385 * 4096, 4096, SALT),
    "small_blocks": (5 * MIB, 1024, SALT),
    "no_multiple": (5 * MIB + 1024, 1024, SALT),
    "no_salt": (5 * MIB, 4096, b""),
    "salt_256": (5 * MIB, 2048, data_of(256)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_veritysetup_makes_the_same_bytes(shape: str, tmp_path: Path) -> None:
    size, block_size, salt = SHAPES[shape]
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    sparse_file(ours, size, {size // 3: data_of(size // 2)})
    verity = append_verity(ours, size, salt=salt, uuid=UUID_GIVEN, block_size=block_size)
    assert accepts(ours, verity)
    shutil.copy(ours, theirs)
    assert f"{verity.root_hash.hex()}\n" in formatted(theirs, verity)
    assert theirs.read_bytes() == ours.read_bytes()


def test_superblock_of_veritysetup_is_rebuilt_to_the_same_bytes(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(data_of(MIB))
    verity = append_verity(image, MIB, salt=SALT, uuid=UUID_GIVEN)
    formatted(image, verity)
    found = image.read_bytes()[verity.hash_offset :][: VeritySuperblock.sizeof()]
    packer = Packer(VeritySuperblock)
    assert VeritySuperblock.build(VeritySuperblock.parse(found)) == found
    assert packer.pack(**packer.unpack(found)) == found


@pytest.fixture
def image(tmp_path: Path) -> tuple[Path, Verity]:
    options = Options(profile="readonly", verity=VerityOptions())
    written = write_ext4(TREE, tmp_path / "image.ext4", options)
    assert written.verity is not None
    return written.path, written.verity


@pytest.mark.parametrize("block_size", [1024, 2048, 4096])
def test_filesystem_is_accepted_and_clean(block_size: int, tmp_path: Path) -> None:
    options = Options(profile="readonly", block_size_bytes=block_size)
    written = write_ext4(TREE, tmp_path / "image", replace(options, verity=VerityOptions()))
    assert written.verity is not None
    assert accepts(written.path, written.verity)
    assert complaints(written.path) == []


PLACES = ("first data", "middle data", "last data", "superblock", "root block", "leaf", "last byte")


@pytest.mark.parametrize("place", PLACES)
def test_one_flipped_bit_is_rejected(place: str, image: tuple[Path, Verity]) -> None:
    path, verity = image
    assert accepts(path, verity)
    offset = {
        "first data": 0,
        "middle data": verity.hash_offset // 2,
        "last data": verity.hash_offset - 1,
        "superblock": verity.hash_offset + 0x58,  # the salt, which the root hash depends on
        "root block": verity.tree_offset,
        "leaf": verity.tree_offset + 4096,
        "last byte": verity.size_bytes - 1,  # of the padding, which veritysetup checks too
    }[place]
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))
    assert not accepts(path, verity)


def test_another_root_hash_is_rejected(image: tuple[Path, Verity]) -> None:
    path, verity = image
    assert not accepts(path, replace(verity, root_hash=bytes(32)))


def test_superblock_says_it_all(image: tuple[Path, Verity]) -> None:
    need("veritysetup")
    path, verity = image
    command = ["veritysetup", "dump", str(path), f"--hash-offset={verity.hash_offset}"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    facts = {name.strip(): value.strip() for name, _, value in map(split, shown.splitlines())}
    assert facts["UUID"] == str(verity.uuid)
    assert facts["Data blocks"] == str(verity.data_blocks)
    assert facts["Hash type"] == "1"
    assert facts["Hash algorithm"] == "sha256"
    assert facts["Salt"] == verity.salt.hex()


def split(line: str) -> tuple[str, str, str]:
    return line.partition(":")
