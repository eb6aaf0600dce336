"""--exclude, --map-owner, --clamp-mtime and --add-text of the command and of `pull.convert`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

import pull as library
from flatten import flatten
from flatten.host_layers import tar_layer
from pyext4 import Ext4Reader, OptionsError, OwnerRange, open_ext4
from tests.flatten.outputs.listings import listing
from tests.oracle.judges import complaints
from tests.pull.changes.commands import BIG, EPOCH, left, pull, work_in

SMALL = ("--free", "1M")
SHIFT = ("--map-owner", "0:100000:65536")
DOC = ("--exclude", "/usr/share/doc")
TEXT = ("--add-text", "/etc/hostname=box")
CHANGES: dict[str, tuple[str, ...]] = {
    "exclude": DOC,
    "map": SHIFT,
    "clamp": ("--clamp-mtime",),
    "text": TEXT,
    "all": (*DOC, *SHIFT, "--clamp-mtime", *TEXT),
}
SAID = {
    "exclude": ["changed:  2 files excluded"],
    "map": ["changed:  10 owners mapped"],
    "clamp": ["changed:  3 times clamped"],
    "text": ["changed:  1 text added"],
    "all": ["changed:  2 files excluded, 9 owners mapped, 3 times clamped, 1 text added"],
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return work_in(tmp_path)


def opened(work: Path) -> Ext4Reader:
    return open_ext4(work / "out.ext4")


@pytest.mark.oracle
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("order", [(), ("--canonical",)], ids=["stream", "canonical"])
def test_counted_sound_and_the_same_again(work: Path, change: str, order: tuple[str, ...]) -> None:
    options = (*CHANGES[change], *SMALL, *order)
    ran = pull(work, "out.ext4", *options, epoch=EPOCH)
    said = ran.stderr.decode().splitlines()
    assert [line for line in said if line.startswith("changed")] == SAID[change]
    assert complaints(work / "out.ext4") == []
    first = (work / "out.ext4").read_bytes()
    facts = json.loads(pull(work, "out.ext4", *options, "--json", "-q", epoch=EPOCH).stdout)
    assert (work / "out.ext4").read_bytes() == first
    counts = {"exclude": "excluded", "map": "mapped", "clamp": "clamped", "text": "texts"}
    asked = counts.values() if change == "all" else [counts[change]]
    assert set(facts["changed"]) == set(asked)


def test_nothing_to_say_of_an_unchanged_image(work: Path) -> None:
    ran = pull(work, "out.ext4", "--json", epoch=EPOCH)
    assert json.loads(ran.stdout)["changed"] == {}
    assert "sizes" not in json.loads(ran.stdout)
    assert b"changed" not in ran.stderr


def uuid_of(work: Path, *options: str, epoch: int | None = EPOCH) -> str:
    facts = json.loads(pull(work, "out.ext4", "-q", "--json", *options, epoch=epoch).stdout)
    return str(facts["uuid"])


def test_no_changed_image_claims_to_be_another(work: Path) -> None:
    """The same length, and none of them the image's own."""
    every = [
        (),
        DOC,
        ("--exclude", "/usr/share/doc/"),
        SHIFT,
        ("--map-owner", "0:100000:65537"),
        ("--clamp-mtime",),
        TEXT,
        ("--add-text", "/etc/hostname=fox"),
        (*DOC, *TEXT),
    ]
    found = [uuid_of(work, *options) for options in every]
    found.append(uuid_of(work, "--clamp-mtime", epoch=EPOCH - 1))
    assert len(set(found)) == len(found)
    assert uuid_of(work, *TEXT) == found[6]


def test_what_is_excluded_can_not_be_read(work: Path) -> None:
    pull(work, "out.ext4", *SMALL)
    assert BIG in (work / "out.ext4").read_bytes()
    pull(work, "out.ext4", *SMALL, "--exclude", "big")
    assert BIG[:64] not in (work / "out.ext4").read_bytes()
    with opened(work) as reader:
        assert dict(reader.walk()).keys() & {b"/usr/share/doc", b"/usr/share/doc/big"} == {
            b"/usr/share/doc"
        }


def test_the_smallest_image_has_no_gaps_where_something_was_left_out(work: Path) -> None:
    facts = json.loads(pull(work, "out.ext4", *DOC, "--size", "min", "--json", "-q").stdout)
    assert facts["free_bytes"] == 0
    pull(work, "other.ext4", *DOC, "--size", "min", "--canonical")
    assert (work / "out.ext4").read_bytes() == (work / "other.ext4").read_bytes()


def test_what_is_added_is_there_whatever_the_patterns_say(work: Path) -> None:
    (work / "passwd").write_text("mine")
    pull(
        work,
        "out.ext4",
        *("--exclude", "/etc", "--exclude", "!/etc/passwd", "--exclude", "*"),
        *("--add", "passwd:/etc/passwd", "--add-text", "/etc/issue=hi"),
    )
    with opened(work) as reader:
        names = {path for path, _ in reader.walk()}
        assert reader.read("/etc/passwd") == b"mine"
    assert names == {b"/", b"/etc", b"/etc/passwd", b"/etc/issue", b"/lost+found"}


def test_what_a_guest_needs_is_there_too(work: Path) -> None:
    pull(work, "out.ext4", "--exclude", "*", "--boot", "--cmd", "/bin/x", *SHIFT)
    with opened(work) as reader:
        inode = reader.stat("/sbin/init")
        assert (inode.uid, inode.gid) == (100_000, 100_000)


def test_additions_go_on_in_the_order_of_the_command_line(work: Path) -> None:
    (work / "host").write_text("host")
    both = ("--add", "host:/f:600:5", "--add-text", "/f=text")
    pull(work, "out.ext4", *both)
    with opened(work) as reader:
        assert reader.read("/f") == b"text"
        assert reader.stat("/f").uid == 0
    pull(work, "out.ext4", *both[2:], *both[:2])
    with opened(work) as reader:
        assert reader.read("/f") == b"host"


def test_every_owner_is_mapped(work: Path) -> None:
    (work / "host").write_text("host")
    pull(work, "out.ext4", "--add", "host:/h:600:5:6", *TEXT, *SHIFT)
    with opened(work) as reader:
        owners = {path: (inode.uid, inode.gid) for path, inode in reader.walk()}
    assert owners[b"/h"] == (100_005, 100_006)
    assert owners[b"/usr/bin"] == owners[b"/usr/other"] == (100_033, 100_034)
    assert {owners[path] for path in (b"/", b"/etc", b"/lost+found", b"/etc/hostname")} == {
        (100_000, 100_000)
    }


def test_the_time_of_a_text(work: Path) -> None:
    """$SOURCE_DATE_EPOCH, or the image's, which the layout does not tell: 0."""
    for epoch, seconds in ((EPOCH, EPOCH), (None, 0)):
        pull(work, "out.ext4", *TEXT, epoch=epoch)
        with opened(work) as reader:
            inode = reader.stat("/etc/hostname")
        assert (inode.mtime_ns, inode.mode & 0o7777, inode.uid, inode.gid) == (
            seconds * 1_000_000_000,
            0o644,
            0,
            0,
        )


@pytest.mark.parametrize("output", [(), ("out.ext4",), ("out.ext4", "--canonical")])
def test_exports_show_the_changed_tree(work: Path, output: tuple[str, ...]) -> None:
    ran = pull(
        work,
        *output,
        *("--tar", "t", "--mtree", "m", "--list", "--exclude", "/usr/"),
        *SHIFT,
        "--clamp-mtime",
        *TEXT,
        epoch=EPOCH,
    )
    names = ["etc", "etc/empty", "etc/hostname", "etc/passwd", "late"]
    lines = ran.stdout.decode().splitlines()
    assert [line.split(" /", 1)[1].split(" ->")[0] for line in lines] == ["", *names]
    assert all(" 100000/100000 " in line for line in lines)
    unpacked = listing(flatten([tar_layer(work / "t")]))
    assert list(unpacked) == [".", *names]
    assert f"mtime={EPOCH}" in unpacked["late"].split()
    manifest = (work / "m").read_text().splitlines()[1:]
    assert len(manifest) == len(names) + 1
    assert all("uid=100000 gid=100000" in line for line in manifest)
    assert left(work) == {"t", "m", *output[:1]}


@pytest.mark.parametrize("output", [("--list",), ("out.ext4",), ("--tar", "t")])
def test_an_owner_in_no_range(work: Path, output: tuple[str, ...]) -> None:
    ran = pull(work, *output, "--map-owner", "0:100000:1000", status=1)
    where = "out.ext4" if "out.ext4" in output else "oci:layout:made"
    assert ran.stderr.decode().splitlines()[-1] == (
        f"error: {where}: /usr/share/doc/big: no range of the owner map has its uid; "
        "1000:1000:1 would keep it: 1000"
    )
    assert ran.stdout == b""
    assert left(work) == set()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--clamp-mtime",), "--clamp-mtime needs $SOURCE_DATE_EPOCH"),
        (("--map-owner", "0"), "FROM:TO[:COUNT]"),
        (("--map-owner", "0:1:2:3"), "FROM:TO[:COUNT]"),
        (("--map-owner", "a:1"), "FROM:TO[:COUNT]"),
        (("--map-owner=-1:1",), "FROM:TO[:COUNT]"),
        (("--map-owner", "0:1:0"), "one id at least"),
        (("--map-owner", "0:4294967290:6"), "the last id is 4294967294"),
        (("--map-owner", "0:5:9", "--map-owner", "8:90:1"), "overlap in what they map:"),
        (("--map-owner", "0:5:9", "--map-owner", "20:9:1"), "overlap in what they map to:"),
        (("--exclude", ""), "matches nothing"),
        (("--exclude", "#x"), "matches nothing"),
        (("--exclude", "!"), "not a pattern"),
        (("--add-text", "/x"), "PATH=STRING"),
        (("--add-text", "x=y"), "not absolute"),
        (("--add-text", "/x/=y"), "a text needs a file's"),
        (("--inspect", "--exclude", "x"), "--inspect converts nothing"),
    ],
)
def test_wrong_usage(work: Path, options: tuple[str, ...], reason: str) -> None:
    output = () if "--inspect" in options else ("out.ext4",)
    ran = pull(work, *output, *options, status=2)
    assert reason in ran.stderr.decode()
    assert left(work) == set()


def test_a_text_in_the_place_of_a_directory(work: Path) -> None:
    ran = pull(work, "out.ext4", "--add-text", "/etc=x", status=1)
    assert ran.stderr.decode().splitlines()[-1] == (
        "error: oci:layout:made: layer text /etc: etc: is a directory in the image, "
        "and what is to be put there has no name"
    )
    assert left(work) == set()


def test_programs_ask_for_the_same(work: Path) -> None:
    pull(work, "out.ext4", *CHANGES["all"], epoch=EPOCH)
    made = library.convert(
        f"oci:{work}/layout:made",
        work / "by-program.ext4",
        cache_dir=work / "cache",
        exclude=["/usr/share/doc"],
        map_owner=[OwnerRange(first=0, to=100_000, count=65536)],
        clamp_mtime=True,
        add_text={"/etc/hostname": "box"},
        source_date_epoch=EPOCH,
    )
    assert made.changed == {"excluded": 2, "mapped": 9, "clamped": 3, "texts": 1}
    assert made.sizes is None
    assert (work / "by-program.ext4").read_bytes() == (work / "out.ext4").read_bytes()


def test_programs_are_told_before_anything_is_pulled(work: Path) -> None:
    overlapping = [OwnerRange(first=0, to=5), OwnerRange(first=9, to=5)]
    convert = partial(library.convert, "oci:/nowhere", work / "out.ext4")
    with pytest.raises(OptionsError, match=r"^clamp_mtime: needs source_date_epoch"):
        convert(clamp_mtime=True)
    with pytest.raises(OptionsError, match=r"^exclude: matches nothing"):
        convert(exclude=["#"])
    with pytest.raises(TypeError, match="a list of patterns"):
        convert(exclude="*.pyc")
    with pytest.raises(OptionsError, match=r"^owner map: ranges overlap"):
        convert(map_owner=overlapping)
    with pytest.raises(library.PackageError, match="not absolute"):
        convert(add_text={"x": "y"})
    assert left(work) == set()
