"""What is checked of a block that is not run.

Commands of this project are read by its own parsers, other programs must be known by name, and what
is not a shell's must be what its language says.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Final

import yaml

from docs.hooks.generated import PROGRAMS
from pull.command.arguments import parse_arguments
from tests.docs.blocks import Block

__all__ = ["CHECKED", "NEEDS", "check", "commands_of"]

# what a page may say that a block needs: a new one is a decision, and a typing error is none
NEEDS: Final = frozenset(
    {
        "a Debian kernel",
        "a release",
        "an arm64 kernel",
        "docker",
        "hours",
        "kvm",
        "libkrun",
        "network",
        "root",
        "the wheels",
    }
)

# programs of others that pages name; a name that is not here is taken for a typing error
OTHERS: Final = frozenset(
    {
        "cloud-hypervisor",
        "cp",
        "dd",
        "docker",
        "firecracker",
        "mke2fs",
        "mount",
        "pip",
        "python",
        "qemu-system-aarch64",
        "qemu-system-x86_64",
        "skopeo",
        "ssh",
        "umoci",
    }
)
_OWN_MODULES: Final = {"pull": "pyext4-pull", "pyext4": "pyext4", "pull.cache": "pyext4-cache"}
_END: Final = re.compile(r"[|&;()<>]+")


def check(block: Block) -> None:
    """Raise AssertionError for a block that can't be right."""
    if block.needs:
        assert block.needs in NEEDS, f"{block.place}: needs {block.needs}"
    try:
        CHECKED[block.language](block)
    except (ValueError, SyntaxError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        msg = f"{block.place}: {error}"
        raise AssertionError(msg) from error


def commands_of(script: str) -> Iterator[list[str]]:
    """Split a script of plain commands into their words, without redirections and operators."""
    lexer = shlex.shlex(script.replace("\\\n", " ").replace("\n", " ;\n"), punctuation_chars=True)
    lexer.whitespace_split = True
    command: list[str] = []
    redirected = False
    for word in lexer:
        if _END.fullmatch(word):
            redirected = "<" in word or ">" in word
            if not redirected:
                yield command
                command = []
        elif redirected:
            redirected = False  # the file's name
        else:
            command += shlex.split(word)
    yield command


def _check_shell(block: Block) -> None:
    _check_script(block.text, block.place)


def _check_script(script: str, place: str) -> None:
    read = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert read.returncode == 0, f"{place}: {read.stderr}"
    if place.startswith("docs/releasing.md"):
        return  # for those who release: tools of their own, and files that are made on the way
    for command in commands_of(script):
        if command:
            _check_command(command, place)


def _check_command(words: list[str], place: str) -> None:
    name, *arguments = words
    if name == "python" and arguments[0] == "-m" and arguments[1] in _OWN_MODULES:
        name, arguments = _OWN_MODULES[arguments[1]], arguments[2:]
    if name not in PROGRAMS:
        assert name in OTHERS, f"{place}: an unknown program: {name}"
        if name == "python" and arguments[0] == "-m":
            assert find_spec(arguments[1]), f"{place}: an unknown module: {arguments[1]}"
        _check_inner(arguments, place)
        return
    try:
        if name == "pyext4-pull":
            parse_arguments(arguments)
        else:
            PROGRAMS[name]().parse_args(arguments)
    except SystemExit as error:
        if error.code != 0:
            msg = f"{place}: {name} does not take: {shlex.join(arguments)}"
            raise AssertionError(msg) from error


def _check_inner(arguments: list[str], place: str) -> None:
    """Check what `docker run ... pyext4 OPTIONS` gives to pyext4-pull, its image's entry point."""
    if arguments[:1] == ["run"] and "pyext4" in arguments:
        _check_command(["pyext4-pull", *arguments[arguments.index("pyext4") + 1 :]], place)


def _check_yaml(block: Block) -> None:
    for script in _scripts(yaml.safe_load(block.text)):
        _check_script(script, block.place)


def _scripts(value: object) -> Iterator[str]:
    """Find what GitHub (`run`) and GitLab (`script`) give to a shell."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "run":
                yield inner
            elif key == "script":
                yield from inner
            else:
                yield from _scripts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _scripts(inner)


def _check_dockerfile(block: Block) -> None:
    for line in block.text.splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "RUN":
            _check_script(rest, block.place)
        elif instruction == "ENTRYPOINT":
            assert json.loads(rest)[0] in PROGRAMS, f"{block.place}: {line}"
        else:
            assert instruction in {"FROM", "USER"}, f"{block.place}: {line}"


def _check_python(block: Block) -> None:
    compile(block.text, block.place, "exec")


def _check_console(block: Block) -> None:
    assert block.text.startswith("$ "), f"{block.place}: no prompt"


CHECKED: Final[Mapping[str, Callable[[Block], object]]] = {
    "bash": _check_shell,
    "sh": _check_shell,
    "console": _check_console,
    "python": _check_python,
    "json": lambda block: json.loads(block.text),
    "toml": lambda block: tomllib.loads(block.text),
    "yaml": _check_yaml,
    "dockerfile": _check_dockerfile,
    "c": lambda block: None,  # noqa: ARG005  # three lines of libkrun's, whose header we lack
    "text": lambda block: None,  # noqa: ARG005  # drawings, and what programs print
}
