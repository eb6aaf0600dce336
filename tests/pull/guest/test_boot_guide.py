"""docs/boot.md: the command line accepts its commands, and its JSON is JSON."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from pull.command.arguments import parse_arguments

GUIDE = (Path(__file__).parents[3] / "docs/boot.md").read_text()


def commands() -> list[str]:
    joined = GUIDE.replace("\\\n", " ")
    blocks = re.findall(r"^    (python -m pull .*)$", joined, re.MULTILINE)
    spans = re.findall(r"`(python -m pull [^`]*)`", joined)
    return [*blocks, *spans]


def test_there_are_commands() -> None:
    assert len(commands()) >= 7


@pytest.mark.parametrize("command", commands())
def test_commands_are_understood(command: str) -> None:
    parse_arguments(shlex.split(command)[3:])


def test_options_that_the_text_names_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--help"])
    known = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
    others = {"--initramfs"}  # Cloud Hypervisor's
    assert set(re.findall(r"`(--[a-z][a-z-]*)", GUIDE)) - others <= known


def test_firecrackers_configuration_is_json() -> None:
    (text,) = re.findall(r"^    \{\n(?:    .*\n)+?    \}$", GUIDE, re.MULTILINE)
    assert json.loads(text)["drives"][0]["path_on_host"] == "app.ext4"
