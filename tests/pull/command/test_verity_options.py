"""What --verity and --verity-root accept, and what they require of the filesystem."""

from __future__ import annotations

import argparse

import pytest

from pull.command.request import VerityRequest
from pull.command.verity_options import add_verity_options, verity_request

ROOT = "0F" * 32


class RefusedError(Exception):
    pass


def refuse(message: str) -> None:
    raise RefusedError(message)


def parse(*arguments: str, **others: object) -> VerityRequest | None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_verity_options(parser.add_argument_group())
    given = {"profile": "readonly", "output": "out.ext4", **others}
    parsed = parser.parse_args(arguments, argparse.Namespace(**given))
    return verity_request(parsed, refuse)


def test_nothing_asked_for() -> None:
    assert parse(profile="default") is None


def test_device() -> None:
    assert parse("--verity") == VerityRequest(device="/dev/vda")
    assert parse("--verity", "--verity-device", "254:0") == VerityRequest(device="254:0")


@pytest.mark.parametrize("device", ["", "/dev/v da", "/dev/vda,x", 'a"b', "a;b", "a\\b"])
def test_device_refused(device: str) -> None:
    with pytest.raises(argparse.ArgumentError, match="must have no spaces"):
        parse("--verity", "--verity-device", device)


@pytest.mark.parametrize(
    "arguments", [["--verity-root", ROOT], ["--verity", "--verity-root", ROOT]]
)
def test_root_hash(arguments: list[str]) -> None:
    assert parse(*arguments) == VerityRequest(root_hash=b"\x0f" * 32)


@pytest.mark.parametrize(
    "text",
    ["", "0f", "0f" * 31, "0f" * 33, "0f" * 31 + " f", "0g" * 32, "0x" + "0f" * 31, "٣" * 64],
)
def test_root_hash_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentError, match="not the 64 hexadecimal digits"):
        parse("--verity-root", text)


@pytest.mark.parametrize("profile", ["default", "compat"])
@pytest.mark.parametrize("arguments", [["--verity"], ["--verity-root", ROOT]])
def test_profile(profile: str, arguments: list[str]) -> None:
    with pytest.raises(RefusedError, match=f"{arguments[0]} needs --profile readonly"):
        parse(*arguments, profile=profile)


def test_no_filesystem() -> None:
    with pytest.raises(RefusedError, match=r"--verity needs OUT\.ext4"):
        parse("--verity", output=None)


def test_device_without_hashes() -> None:
    with pytest.raises(RefusedError, match="--verity-device needs --verity"):
        parse("--verity-device", "/dev/sda")
