"""`exclude`: what patterns of gitignore(5) take out of a tree, with git itself as the judge."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyext4 import (
    ContentError,
    Directory,
    Ext4Writer,
    File,
    Metadata,
    Options,
    OptionsError,
    Tree,
    exclude,
    open_ext4,
)
from tests.oracle_tools import need
from tests.pyext4.editing.trees import names_of, tree_of_names
from tests.pyext4.small_trees import PLAIN, file_of, tree_of

PATHS = (
    "a.pyc",
    "etc/hosts",
    "etc/hosts.bak",
    "etc/ssl/",
    "usr/share/doc/a/copyright",
    "usr/share/doc/b/copyright",
    "usr/share/doc/readme",
    "usr/lib/x.pyc",
    "usr/lib/cache/x",
    "var/cache/x",
    "var/cachefile",
    "var/doc",
)
# patterns and what goes, of those paths and their directories; git says the same, see below
CASES: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "suffix": (("*.pyc",), {"a.pyc", "usr/lib/x.pyc"}),
    "anchored": (("/*.pyc",), {"a.pyc"}),
    "directory": (("cache/",), {"usr/lib/cache", "usr/lib/cache/x", "var/cache", "var/cache/x"}),
    "directories_only": (("cachefile/", "hosts/"), set()),
    "path": (("/usr/lib",), {"usr/lib", "usr/lib/x.pyc", "usr/lib/cache", "usr/lib/cache/x"}),
    "path_without_slash_before": (("var/cache",), {"var/cache", "var/cache/x"}),
    "inner_path_is_anchored": (("lib/cache",), set()),
    "taken_back": (("/etc/*", "!/etc/hosts"), {"etc/hosts.bak", "etc/ssl"}),
    "last_one_decides": (("!*.bak", "*.bak"), {"etc/hosts.bak"}),
    "not_below_what_went": (
        ("/usr/share/doc", "!/usr/share/doc/a/copyright"),
        {name.rstrip("/") for name in PATHS if name.startswith("usr/share/doc")}
        | {"usr/share/doc", "usr/share/doc/a", "usr/share/doc/b"},
    ),
    "all_below": (
        ("/usr/share/doc/**", "!/usr/share/doc/a/", "!copyright"),
        {"usr/share/doc/b", "usr/share/doc/b/copyright", "usr/share/doc/readme"},
    ),
    "anywhere": (("**/doc/*/copyright",), {f"usr/share/doc/{c}/copyright" for c in "ab"}),
    "but_directories": (
        ("*", "!*/", "!*.pyc"),
        {name for name in PATHS if not name.endswith((".pyc", "/"))},
    ),
    "class": (("/etc/[g-i]osts",), {"etc/hosts"}),
    "escaped": ((r"\!x", r"\#y"), set()),
}


@pytest.mark.parametrize("case", CASES)
def test_what_goes(case: str) -> None:
    patterns, gone = CASES[case]
    tree = tree_of_names(PATHS)
    before = names_of(tree)
    assert exclude(tree, patterns) == len(gone)
    assert before - names_of(tree) == {name.encode() for name in gone}


@pytest.mark.oracle
@pytest.mark.parametrize("case", CASES)
def test_git_says_the_same(case: str, tmp_path: Path) -> None:
    patterns, gone = CASES[case]
    kept = names_of(tree_of_names(PATHS)) - {name.encode() for name in gone}
    assert kept_by_git(tmp_path, [path.encode() for path in PATHS], patterns) == kept


names = st.sampled_from([b"a", b"b", b"c.o", b"x\ny", b"foo", b"\xff"])
paths = st.builds(
    lambda parts, end: b"/".join(parts) + end,
    st.lists(names, min_size=1, max_size=4),
    st.sampled_from([b"", b"/"]),
)
components = st.sampled_from(
    ["a", "b", "*", "**", "*.o", "foo", "x*", "?", "[ab]", "f*o", "\\a", "*o", "[!a]"]
)
patterns_of_git = st.builds(
    lambda sign, slash, parts, end: sign + slash + "/".join(parts) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(components, min_size=1, max_size=3),
    st.sampled_from(["", "/", " "]),
)


@pytest.mark.oracle
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    some=st.sets(paths, min_size=4, max_size=14),
    patterns=st.lists(patterns_of_git, min_size=1, max_size=4),
)
def test_git_says_the_same_of_any(
    some: set[bytes], patterns: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    parents = {
        path[:at] for path in some for at in range(1, len(path)) if path[at : at + 1] == b"/"
    }
    made = [path for path in sorted(some) if path.endswith(b"/") or path not in parents]
    tree = tree_of_names(made)
    exclude(tree, patterns)
    assert names_of(tree) == kept_by_git(tmp_path_factory.mktemp("git"), made, patterns)


def kept_by_git(
    place: Path, made: list[bytes], patterns: list[str] | tuple[str, ...]
) -> set[bytes]:
    """Make files, and return those paths that git does not ignore."""
    need("git")
    base = os.fsencode(place)
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q", str(place)], check=True, env=environment)
    for path in made:
        full = os.path.join(base, path)
        os.makedirs(full if path.endswith(b"/") else os.path.dirname(full), exist_ok=True)
        if not path.endswith(b"/"):
            with open(full, "wb"):
                pass
    (place / ".git/info/exclude").write_text("".join(f"{pattern}\n" for pattern in patterns))
    every = set()
    for folder, directories, files in os.walk(base):
        if folder == base:
            directories.remove(b".git")
        every |= {os.path.relpath(os.path.join(folder, n), base) for n in directories + files}
    asked = subprocess.run(
        ["git", "-C", str(place), "check-ignore", "--no-index", "--stdin", "-z"],
        input=b"".join(path + b"\0" for path in every),
        capture_output=True,
        check=False,
        env=environment,
    )
    assert asked.returncode in (0, 1), asked.stderr
    return every - set(asked.stdout.split(b"\0"))


@pytest.mark.parametrize("pattern", ["", " ", "# a comment", "/", "!", "a[b-", "!#"])
def test_what_is_no_pattern(pattern: str) -> None:
    tree = tree_of_names(["a", "b"])
    if pattern == "!#":  # git takes it for a name
        assert exclude(tree, [pattern]) == 0
        return
    with pytest.raises(OptionsError, match=r"^exclude: .*gitignore\(5\)"):
        exclude(tree, ["a", pattern])
    assert names_of(tree) == {b"a", b"b"}


def test_one_text_is_no_list_of_patterns() -> None:
    with pytest.raises(TypeError, match="a list of patterns"):
        exclude(tree_of_names(["a"]), "*.pyc")


def test_other_names_of_a_hard_link_stay() -> None:
    node = file_of(b"x" * 5000)
    tree = tree_of(a=node, b=node)
    assert exclude(tree, ["/a"]) == 1
    assert tree.root.children == {b"b": node}


def test_a_directory_with_two_names() -> None:
    both = Directory(Metadata(mode=0o755), {b"x": File(PLAIN)})
    with pytest.raises(ContentError, match="only one name"):
        exclude(tree_of(a=both, b=both), ["*.pyc"])


def test_nobody_can_read_in_the_image_what_went(tmp_path: Path) -> None:
    with Ext4Writer(tmp_path / "i", Options(free_bytes=1 << 20)) as writer:
        tree = Tree()
        for name in (b"keep", b"secret", b"last"):
            data = name * 3000
            place = writer.store.allocate(len(data))
            writer.store.place(data, [(place, 0, 0, len(data))])
            tree.root.children[name] = File(PLAIN, len(data), place)
        assert exclude(tree, ["secret"]) == 1
        writer.commit(tree)
    image = (tmp_path / "i").read_bytes()
    assert b"keepkeep" in image
    assert b"lastlast" in image
    assert b"secret" not in image
    with open_ext4(tmp_path / "i") as reader:
        reader.verify()
