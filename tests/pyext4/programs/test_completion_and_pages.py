"""Completion and manual pages: made from the parsers, so they have every option of them."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from man.make_pages import PARSERS, page_of
from tests.oracle_tools import need

ROOT = Path(__file__).parents[3]
MODULES = {"pyext4": "pyext4", "pyext4-cache": "pull.cache", "pyext4-pull": "pull"}
EVERY = pytest.mark.parametrize("name", PARSERS)


def complete(script: str, line: str, tmp_path: Path) -> set[str]:
    """Return what bash offers behind a line, as `complete -F` has it found."""
    words = line.split(" ")
    name = words[0]
    (tmp_path / "script").write_text(script)
    (tmp_path / "here.ext4").write_bytes(b"")
    (tmp_path / "directory").mkdir(exist_ok=True)
    asked = f"""
        source ./script
        COMP_WORDS=({" ".join(f"'{word}'" for word in words)})
        COMP_CWORD={len(words) - 1}
        COMP_LINE='{line}' COMP_POINT={len(line)}
        function=$(complete -p {name} | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
        "$function" {name} '{words[-1]}' '{words[-2]}'
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def completion(name: str, shell: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", MODULES[name], "--print-completion", shell],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    ).stdout


def test_bash_completes(tmp_path: Path) -> None:
    pull = completion("pyext4-pull", "bash")
    assert complete(pull, "pyext4-pull --pl", tmp_path) == {"--platform", "--plain-http"}
    offered = complete(pull, "pyext4-pull --profile ", tmp_path)
    assert offered == {"default", "compat", "readonly"}
    assert complete(pull, "pyext4-pull --print-completion z", tmp_path) == {"zsh"}
    assert complete(pull, "pyext4-pull --cache-dir d", tmp_path) == {"directory"}
    assert complete(pull, "pyext4-pull debian h", tmp_path) == {"here.ext4"}
    cache = completion("pyext4-cache", "bash")
    assert complete(cache, "pyext4-cache ", tmp_path) >= {"list", "verify", "prune"}
    assert complete(cache, "pyext4-cache prune --old", tmp_path) == {"--older-than"}
    look = completion("pyext4", "bash")
    assert complete(look, "pyext4 ver", tmp_path) == {"verify"}
    assert complete(look, "pyext4 ls h", tmp_path) == {"here.ext4"}


@pytest.mark.slow
@EVERY
def test_each_shell_has_a_script_for_the_command(name: str) -> None:
    for shell, mark in (("bash", "complete "), ("zsh", f"#compdef {name}"), ("tcsh", "complete")):
        script = completion(name, shell)
        assert mark in script
        assert name in script
        assert "python -m" not in script


def options_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from options_of(command)
        elif not isinstance(action, argparse._HelpAction):
            yield action


def words_of(page: str) -> str:
    """Return a page's text with its fonts and escapes gone and each space single."""
    text = (
        re.sub(r"\\f[BIR]|\\,|\\/|\\&", "", page)
        .replace("\\e", "\\")
        .replace("\\-", "-")
        .replace("\\(aq", "'")
    )
    return re.sub(r"[\s\\]+", " ", text)


@EVERY
def test_the_pages_are_up_to_date(name: str) -> None:
    """Whatever Python made them: `make man` after a change of the options."""
    words = words_of((ROOT / "man" / f"{name}.1").read_text())
    parser = PARSERS[name](name)
    for action in options_of(parser):
        for option in action.option_strings:
            assert option in words
        if action.help:
            shown = action.help % {**vars(action), "prog": name}
            assert words_of(shown).strip() in words, f"{action.dest}: run make man"
    epilog = (parser.epilog or "") % {"prog": name}
    assert words_of(epilog).strip() in words, "run make man"


@pytest.mark.oracle
@EVERY
def test_the_pages_can_be_shown(name: str) -> None:
    need("groff")
    page = page_of(name)
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww", "-P-c"],
        input=page,
        capture_output=True,
        text=True,
        check=True,
    )
    shown = re.sub(r"\s+", " ", re.sub(r".\x08", "", done.stdout))  # bold is typed twice
    assert shown.startswith(f"{name.upper()}(1) ")
    assert f" NAME {name} - " in shown
    assert "Exit status: 0 done, 1 " in shown
