"""--size-report: which layer and which directory takes how much, and what was for nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import pull as library
from flatten import flatten
from flatten.discard import Discard
from pull.report.ledger import Ledger
from pull.report.sizes import DirectorySize, LayerSize, measure_sizes
from pyext4 import Ext4Writer, Options, open_ext4
from tests.flatten.tars import directory, file, hardlink, layer, member, whiteout
from tests.oracle.mounted import mounted
from tests.pull.changes.commands import LAYERS, left, pull, work_in

KIB = 1024
ONE, TWO = (each.digest for each in LAYERS)
LAYER_ONE = LayerSize(
    digest=ONE, bytes=108 * KIB, files=2, replaced_bytes=12 * KIB, excluded_bytes=0
)
LAYER_TWO = LayerSize(digest=TWO, bytes=8 * KIB, files=1, replaced_bytes=0, excluded_bytes=0)
DIRECTORIES = [
    DirectorySize(path="/", bytes=116 * KIB, files=6),
    DirectorySize(path="/usr", bytes=112 * KIB, files=3),
    DirectorySize(path="/usr/share", bytes=104 * KIB, files=1),
    DirectorySize(path="/etc", bytes=4 * KIB, files=2),
]
TEXT = f"""\
    KEPT  FILES  REPLACED  EXCLUDED  LAYER
 108 KiB      2  12.0 KiB       0 B  {ONE[:19]}
8.00 KiB      1       0 B       0 B  {TWO[:19]}

    SIZE  FILES  DIRECTORY
 116 KiB      6  /
 112 KiB      3  /usr
 104 KiB      1  /usr/share
4.00 KiB      2  /etc
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return work_in(tmp_path)


@pytest.mark.parametrize(
    "options", [(), ("out.ext4",), ("out.ext4", "--canonical"), ("--tar", "t")]
)
def test_text(work: Path, options: tuple[str, ...]) -> None:
    assert pull(work, "-q", "--size-report", *options).stdout.decode() == TEXT


def test_a_file(work: Path) -> None:
    ran = pull(work, "--size-report=report", "out.ext4", "--list")
    assert (work / "report").read_text() == TEXT
    assert TEXT not in ran.stdout.decode()
    assert left(work) == {"report", "out.ext4"}


def test_nothing_is_left_of_a_failure(work: Path) -> None:
    pull(work, "--size-report=report", "out.ext4", "--size", "64K", status=1)
    assert left(work) == set()


def test_json(work: Path) -> None:
    ran = pull(work, "-q", "--size-report", "out.ext4", "--json", "--exclude", "/usr/share")
    sizes = json.loads(ran.stdout)["sizes"]
    assert sizes["bytes"] == 12 * KIB
    assert sizes["layers"][0] == {
        "digest": ONE,
        "bytes": 4 * KIB,
        "files": 1,
        "replaced_bytes": 12 * KIB,
        "excluded_bytes": 104 * KIB,
    }
    assert {"path": "/usr", "bytes": 8 * KIB, "files": 2} in sizes["directories"]


def test_programs(work: Path) -> None:
    made = library.convert(
        f"oci:{work}/layout:made", None, cache_dir=work / "cache", size_report=True
    )
    assert made.sizes is not None
    assert made.sizes.layers == (LAYER_ONE, LAYER_TWO)
    assert list(made.sizes.directories) == DIRECTORIES


def test_what_is_added_is_a_layer_too(work: Path) -> None:
    (work / "host").write_bytes(b"h" * 5000)
    options = ("--add", "host:/etc/passwd", "--add-text", "/t=x", "--boot", "--cmd", "/x")
    ran = pull(work, "-q", "--json", "--size-report", "out.ext4", *options)
    layers = json.loads(ran.stdout)["sizes"]["layers"]
    assert [each["digest"] for each in layers] == [ONE, TWO, "host", "text /t", "--boot"]
    assert [each["bytes"] for each in layers[:4]] == [104 * KIB, 8 * KIB, 8 * KIB, 4 * KIB]
    assert [each["replaced_bytes"] for each in layers[:4]] == [16 * KIB, 0, 0, 0]
    assert layers[4]["bytes"] > 0


@pytest.mark.parametrize(
    "options",
    [
        ("--size-report", "--list"),
        ("--size-report", "--tar", "-"),
        ("out.ext4", "--size-report=out.ext4"),
        ("--size-report", "--inspect"),
    ],
)
def test_wrong_usage(work: Path, options: tuple[str, ...]) -> None:
    pull(work, *options, status=2)
    assert left(work) == set()


def test_bytes_of_sparse_files_and_of_what_a_layer_brings_twice(tmp_path: Path) -> None:
    sparse = member(
        b"sparse",
        b"S",
        b"d" * 512,
        extra={
            386: b"%011o\0" % (1 << 20) + b"%011o\0" % 512,  # offset and size of the data
            483: b"%011o\0" % (8 << 20),  # realsize
        },
        magic=b"ustar  \0",
    )
    layers = [
        layer(sparse, file(b"twice", b"1" * 5000), file(b"twice", b"2" * 100)),
        layer(file(b"a", b"x"), hardlink(b"b", b"a"), whiteout(b"twice")),
    ]
    with Ext4Writer(tmp_path / "i", Options(free_bytes=1 << 20)) as writer:
        ledger = Ledger(writer.store, 4096)
        tree = flatten(layers, into=ledger, on_layer=ledger.begin)
        sizes = measure_sizes(tree, ["one", "two"], ledger)
        writer.commit(tree)
    assert sizes.layers == (
        LayerSize(digest="one", bytes=4096, files=1, replaced_bytes=12288, excluded_bytes=0),
        LayerSize(digest="two", bytes=4096, files=1, replaced_bytes=0, excluded_bytes=0),
    )
    assert sizes.directories == (DirectorySize(path="/", bytes=8192, files=3),)
    with open_ext4(tmp_path / "i") as reader:
        reader.verify()


def test_strange_names() -> None:
    layers = [layer(directory(b"new\nline"), file(b"new\nline/\xff", b"x"))]
    ledger = Ledger(Discard(), 4096)
    tree = flatten(layers, into=ledger, on_layer=ledger.begin)
    text = measure_sizes(tree, ["\x1b[31m"], ledger).as_text()
    assert text.isascii()
    assert "\x1b" not in text
    assert r"/new\nline" in text


@pytest.mark.oracle
def test_du_says_the_same(work: Path) -> None:
    """du(1) counts blocks as we do; of directories it counts their own too."""
    pull(work, "-q", "--size-report", "out.ext4")
    made = library.convert(
        f"oci:{work}/layout:made", None, cache_dir=work / "cache", size_report=True
    )
    assert made.sizes is not None
    with mounted(work / "out.ext4", work / "mnt") as root:
        for each in made.sizes.directories:
            place = root / each.path.lstrip("/")
            find = ["find", str(place), "-type", "f", "-print0"]
            names = subprocess.run(find, check=True, capture_output=True).stdout
            du = ["du", "-B1", "-c", "--files0-from=-"]
            out = subprocess.run(du, check=True, capture_output=True, input=names).stdout
            assert int(out.splitlines()[-1].split()[0]) == each.bytes, each.path
