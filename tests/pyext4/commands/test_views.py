"""`python -m pyext4 tree`, `diff` and `map`, and what is said of images whose machine stopped."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pyext4 import Device, Directory, Fifo, Metadata, Socket, Symlink, Tree, write_ext4
from pyext4.commands.views.blocks import LOOKS, cells
from pyext4.regions import KINDS, Region
from tests.oracle_tools import need, need_root
from tests.pyext4.reader.ext4_images import make_image, only_in_journal
from tests.pyext4.small_trees import EXECUTABLE, PLAIN, file_of, tree_of

ROOT = Path(__file__).parents[3]
ESC = b"\x1b[31m\n"


def pyext4(*arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pyext4", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def sample() -> Tree:
    file = file_of(b"12345", EXECUTABLE)
    deep = Directory(EXECUTABLE, {b"c": Directory(EXECUTABLE, {b"end": file_of(b"")})})
    tree = tree_of(
        a=Directory(EXECUTABLE, {b"b": deep, ESC: Symlink(PLAIN, b"../..")}),
        dev=Device(PLAIN, stat.S_IFBLK, 8, 1),
        fifo=Fifo(PLAIN),
        run=file,
        same=file,
        up=Symlink(PLAIN, b"."),
        wire=Socket(PLAIN),
    )
    tree.root.children[b"\xff"] = file_of(b"")
    return tree


@pytest.fixture
def image(tmp_path: Path) -> Path:
    write_ext4(sample(), tmp_path / "image.ext4")
    return tmp_path / "image.ext4"


def test_tree(image: Path) -> None:
    status, out, err = pyext4("tree", image)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "/",
        "├── a/",
        "│   ├── \\x1b[31m\\x0a -> ../..",
        "│   └── b/",
        "│       └── c/",
        "│           └── end",
        "├── dev (block 8, 1)",
        "├── fifo|",
        "├── lost+found/",
        "├── run*",
        "├── same*",
        "├── up -> .",
        "├── wire=",
        "└── \\xff",
        "",
        "4 directories, 9 files",
    ]


def test_tree_of_a_path_not_so_deep_in_ascii(image: Path) -> None:
    status, out, err = pyext4("tree", "-L", "1", "-s", image, "a", PYTHONIOENCODING="ascii")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        f"[{'':>12}]  a/",
        f"|-- [{'':>12}]  \\x1b[31m\\x0a -> ../..",
        f"`-- [{'':>12}]  b/",
        "",
        "1 directory, 1 file",
    ]


def test_tree_of_directories(image: Path) -> None:
    status, out, _ = pyext4("tree", "-d", image)
    assert status == 0
    assert out.splitlines()[-6:] == [
        "├── a/",
        "│   └── b/",
        "│       └── c/",
        "└── lost+found/",
        "",
        "4 directories",
    ]


@pytest.mark.parametrize("levels", ["0", "x"])
def test_tree_needs_a_depth(levels: str, image: Path) -> None:
    status, out, err = pyext4("tree", f"-L{levels}", image)
    assert (status, out) == (2, "")
    assert err.splitlines()[0] == f"error: argument -L: must be a number from 1 on: {levels}"


def test_tree_has_the_names_that_tree_shows(tmp_path: Path) -> None:
    need("mke2fs", "tree")
    source = tmp_path / "source"
    (source / "a" / "b").mkdir(parents=True)
    (source / "lost+found").mkdir()
    (source / "a" / "b" / "file").touch()
    (source / "a" / "link").symlink_to("b/file")
    image = make_image(tmp_path / "k.ext4", "-t", "ext4", size="8M", source=source)
    theirs = subprocess.run(
        ["tree", "-a", "-F", "--charset", "utf-8", source],
        capture_output=True,
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    ).stdout.decode()
    status, out, _ = pyext4("tree", image)
    assert status == 0
    expected = [line.replace("\xa0", " ") for line in theirs.splitlines()[1:-2]]
    assert out.splitlines()[1:-2] == expected


def changed(folder: Path) -> Path:
    tree = sample()
    tree.root.children[b"run"] = file_of(b"1234x", Metadata(mode=0o600))
    del tree.root.children[b"fifo"]
    tree.root.children[b"new\n"] = Directory(EXECUTABLE)
    tree.root.children[b"up"] = Symlink(PLAIN, b"a")
    write_ext4(tree, folder / "changed.ext4")
    return folder / "changed.ext4"


def test_diff(image: Path, tmp_path: Path) -> None:
    other = changed(tmp_path)
    status, out, err = pyext4("diff", image, other)
    assert (status, err) == (1, "")
    assert out.splitlines() == [
        "D /fifo",
        "A /new\\x0a",
        "M /run  mode 0755 -> 0600, content",
        "M /same  links with /run -> /same",
        "M /up  target . -> a",
    ]
    assert pyext4("diff", image, image) == (0, "", "")
    status, out, _ = pyext4("diff", "--json", other, image)
    assert status == 1
    found = json.loads(out)["differences"]
    assert found[0] == {"path": "/fifo", "kind": "added"}
    assert found[2]["changes"][0] == {"field": "mode", "before": 0o600, "after": 0o755}
    assert json.loads(pyext4("diff", "--json", image, image)[1]) == {"differences": []}


def test_diff_with_a_directory(image: Path, tmp_path: Path) -> None:
    need_root()
    assert pyext4("extract", image, tmp_path / "out")[0] == 0
    (tmp_path / "out" / "lost+found").rmdir()
    assert pyext4("diff", "--no-times", image, tmp_path / "out") == (0, "", "")
    (tmp_path / "out" / "run").write_bytes(b"54321")
    status, out, _ = pyext4("diff", "--no-times", tmp_path / "out", image)
    assert (status, out) == (1, "M /run  content\nM /same  content\n")
    assert pyext4("diff", "--no-times", "--no-content", tmp_path / "out", image)[0] == 0


def test_diff_in_trouble(image: Path, tmp_path: Path) -> None:
    status, out, err = pyext4("diff", image, tmp_path / "none")
    assert (status, out, err) == (2, "", f"error: {tmp_path}/none: no such file or directory\n")
    (tmp_path / "other").write_bytes(bytes(5000))
    status, out, err = pyext4("diff", tmp_path / "other", image)
    assert (status, out) == (2, "")
    assert err == (
        f"error: {tmp_path}/other: superblock 0: not an ext4 filesystem, magic is 0x0000\n"
    )
    status, out, err = pyext4("diff", image, tmp_path / "other")
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {tmp_path}/other: superblock 0: ")


def test_map(image: Path) -> None:
    for columns in (40, 132):
        status, out, err = pyext4("map", image, COLUMNS=str(columns))
        assert (status, err) == (0, "")
        picture, _, below = out.partition("\n\n")
        rows = picture.splitlines()
        assert len(rows) <= 16
        assert {len(row) for row in rows[:-1]} <= {columns}
        assert set("".join(rows)) <= {look.letter for look in LOOKS.values()}
        assert all(len(line) <= max(columns, 42) for line in below.splitlines())
    shares = re.findall(r" (\d+\.\d+)%", out)
    assert sum(map(float, shares)) == pytest.approx(100, abs=0.1)


def test_map_in_colours(image: Path) -> None:
    status, out, _ = pyext4("map", image, FORCE_COLOR="1", TERM="xterm-256color")
    assert status == 0
    assert "\x1b[48;5;" in out
    assert "\x1b" not in pyext4("map", image, FORCE_COLOR="1", NO_COLOR="1")[1]


def test_map_as_json_and_picture(image: Path, tmp_path: Path) -> None:
    status, out, _ = pyext4("map", "--json", image)
    assert status == 0
    facts = json.loads(out)
    assert sum(facts["kinds"].values()) == facts["blocks_count"]
    assert facts["regions"][0] == {"first": 0, "length": 1, "kind": "superblocks"}
    picture = tmp_path / "map.svg"
    assert pyext4("map", image, "--svg", picture) == (0, "", "")
    first = picture.read_bytes()
    titles = [each.text or "" for each in ET.fromstring(first).findall(".//{*}title")]
    assert any(title.startswith("free: blocks ") for title in titles)
    assert pyext4("map", image, "--svg", picture)[0] == 0
    assert picture.read_bytes() == first


def test_map_does_not_write_over_its_image(image: Path, tmp_path: Path) -> None:
    before = image.read_bytes()
    status, out, err = pyext4("map", image, "--svg", image)
    assert (status, out, err) == (1, "", f"error: {image}: is the image itself\n")
    assert image.read_bytes() == before
    status, _, err = pyext4("map", image, "--svg", tmp_path / "no" / "map.svg")
    assert (status, err) == (1, f"error: {tmp_path}/no/map.svg: no such file or directory\n")


@pytest.mark.parametrize("most", [1, 7, 64, 1000, 5000])
def test_cells_share_the_blocks(most: int) -> None:
    kinds = ["superblocks", "data", "free"]
    regions = [Region(0, 1, kinds[0]), Region(1, 500, kinds[1]), Region(501, 499, kinds[2])]
    drawn = cells(regions, most)
    assert len(drawn) == min(most, 1000)
    if most >= 1000:
        assert drawn == [kinds[0]] + [kinds[1]] * 500 + [kinds[2]] * 499
    if most == 64:
        assert drawn[0] == "data"
        assert drawn[-1] == "free"


def test_every_kind_has_its_look() -> None:
    assert list(LOOKS) == list(KINDS)
    assert len({look.letter for look in LOOKS.values()}) == len(LOOKS)


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    need("mke2fs", "debugfs")
    image = make_image(tmp_path / "stopped", "-t", "ext4", "-b", "4096", size="16M")
    only_in_journal(image, "mkdir new")
    return image


def test_replay_is_told_of(stopped: Path) -> None:
    replayed = r"replayed in memory: 1 transaction, blocks: \d+"
    status, out, err = pyext4("verify", stopped)
    assert (status, err) == (0, "")
    assert re.fullmatch(rf".*: sound, .* blocks; the journal was {replayed}\n", out)
    status, out, err = pyext4("info", stopped)
    assert (status, err) == (0, "")
    assert re.search(rf"^journal recovery: +{replayed}$", out, re.MULTILINE)
    facts = json.loads(pyext4("info", "--json", stopped)[1])["journal_recovery"]
    assert (facts["replayed"], facts["transactions"], facts["warning"]) == (True, 1, "")
    assert pyext4("ls", stopped) == (0, "lost+found\nnew\n", "")


def test_journal_that_is_not_replayed_is_warned_of(stopped: Path) -> None:
    status, out, err = pyext4("ls", "--no-journal", stopped)
    assert (status, out) == (0, "lost+found\n")
    assert err == (
        f"warning: {stopped}: the journal was not replayed: as asked, "
        "so files may be old or damaged\n"
    )
    facts = json.loads(pyext4("info", "--no-journal", "--json", stopped)[1])["journal_recovery"]
    assert not facts["replayed"]
