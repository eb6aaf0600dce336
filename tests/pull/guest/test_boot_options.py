"""The options for guests: what each accepts, and which don't make sense together."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from pull.guest.options import BootOptions, add_boot_options, boot_options


def parse(*arguments: str) -> tuple[argparse.Namespace, BootOptions]:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("reference")
    parser.add_argument("output", nargs="?")
    add_boot_options(parser.add_argument_group("guest"))
    parsed = parser.parse_intermixed_args(arguments)
    return parsed, boot_options(parsed, parser.error)


def options(*arguments: str) -> BootOptions:
    return parse("ref", "out", *arguments)[1]


@pytest.mark.parametrize(
    ("arguments", "mode"),
    [
        (("--boot", "ref", "out"), "auto"),
        (("ref", "--boot", "out"), "auto"),
        (("ref", "out", "--boot"), "auto"),
        (("--boot=auto", "ref", "out"), "auto"),
        (("--boot=always", "ref", "out"), "always"),
        (("ref", "out"), None),
    ],
)
def test_the_bare_option_takes_no_other_word(arguments: tuple[str, ...], mode: str | None) -> None:
    parsed, made = parse(*arguments)
    assert (parsed.reference, parsed.output, made.mode) == ("ref", "out", mode)


def test_all_of_them() -> None:
    assert options(
        *("--boot", "--entrypoint", "/bin/my app", "--cmd", "serve 'a b' --x"),
        *("--env", "A=1=2", "--env", "B=", "--user", "app:7", "--workdir", "/w"),
        *("--net", "10.0.2.15/24,10.0.2.2"),
        *("--hostname", "box-1.example", "--boot-grow", "--dns", "9.9.9.9", "--dns", "::1"),
        *("--ssh-key", "a.pub", "--root-password-hash", "$6$s$h", "--fstab", "/dev/vdb /s ext4"),
        *("--kernel-out", "k", "--initrd-out", "i", "--vmlinux"),
    ) == BootOptions(
        mode="auto",
        entry=(b"/bin/my app",),
        cmd=(b"serve", b"a b", b"--x"),
        env=(b"A=1=2", b"B="),
        user=b"app:7",
        workdir=b"/w",
        hostname=b"box-1.example",
        grow=True,
        net=b"10.0.2.15/24 10.0.2.2",
        dns=("9.9.9.9", "::1"),
        ssh_keys=(Path("a.pub"),),
        root_password_hash=b"$6$s$h",
        fstab=(b"/dev/vdb /s ext4",),
        kernel_out=Path("k"),
        initrd_out=Path("i"),
        unpack_kernel=True,
    )


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("--entrypoint", '["sh", "-c", "a b"]', (b"sh", b"-c", b"a b")),
        ("--entrypoint", "[]", ()),
        ("--entrypoint", "", ()),
        ("--entrypoint", "\udcff", (b"\xff",)),
        ("--cmd", '["a b", ""]', (b"a b", b"")),
        ("--cmd", "", ()),
        ("--cmd", "a\\ b '' c", (b"a b", b"", b"c")),
    ],
)
def test_words(name: str, text: str, words: tuple[bytes, ...]) -> None:
    made = options("--boot", f"{name}={text}")
    assert (made.entry if name == "--entrypoint" else made.cmd) == words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--boot=never"], "--boot"),
        (["--boot", "--cmd", "'a"], 'not a command, no closing quotation: "\'a"'),
        (["--boot", "--cmd", "[1]"], "begins like a JSON array of strings, but isn't one"),
        (["--boot", "--entrypoint", "[a"], "begins like a JSON array of strings, but isn't one"),
        (["--boot", "--entrypoint", '["\\ud800"]'], "not text"),
        (["--boot", "--env", "A"], "expected NAME=VALUE: 'A'"),
        (["--boot", "--env", "=1"], "expected NAME=VALUE: '=1'"),
        (["--boot", "--workdir", "w"], "path in the image is not absolute: 'w'"),
        (["--hostname", "a b"], "not a host name of up to 64"),
        (["--hostname", "a" * 65], "not a host name of up to 64"),
        (["--hostname", "-a"], "expected one argument"),
        (["--hostname=-a"], "not a host name of up to 64"),
        (["--dns", "one.one.one.one"], "not an IP address: 'one.one.one.one'"),
        (["--root-password-hash", "secret"], "not a hash as crypt(5) has it"),
        (["--root-password-hash", "$6$a:b"], "not a hash as crypt(5) has it"),
        (["--fstab", "/dev/vdb /srv"], "not a line of fstab(5)"),
        (["--fstab", "# a b c"], "not a line of fstab(5)"),
        (["--fstab", "a b c d 0 1 2"], "not a line of fstab(5)"),
        (["--fstab", "a b c\nd e f"], "not a line of fstab(5)"),
        (["--boot", "--net", "10.0.2.15"], "not an IPv4 ADDRESS/PREFIX[,GATEWAY]: '10.0.2.15'"),
        (["--boot", "--net", "10.0.2.15/33"], "not an IPv4 ADDRESS/PREFIX[,GATEWAY]"),
        (["--boot", "--net", "10.0.2.15/255.255.255.0"], "not an IPv4 ADDRESS/PREFIX[,GATEWAY]"),
        (["--boot", "--net", "::1/64"], "not an IPv4 ADDRESS/PREFIX[,GATEWAY]"),
        (["--boot", "--net", "10.0.2.15/24,"], "not an IPv4 ADDRESS/PREFIX[,GATEWAY]"),
        (["--net", "10.0.2.15/24"], "--net needs --boot"),
        (["--cmd", "x"], "--cmd needs --boot: without it nothing starts by itself"),
        (["--entrypoint", "x"], "--entrypoint needs --boot"),
        (["--env", "A=1"], "--env needs --boot"),
        (["--workdir", "/"], "--workdir needs --boot"),
        (["--boot-grow"], "--boot-grow needs --boot"),
        (["--user", "a"], "--user needs --boot or --ssh-key"),
        (["--vmlinux"], "--vmlinux needs --kernel-out"),
    ],
)
def test_wrong_usage(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        options(*arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert "secret" not in error


def test_a_user_for_a_key_needs_no_init() -> None:
    assert options("--ssh-key", "k", "--user", "app").user == b"app"


@pytest.mark.parametrize(
    ("arguments", "adds", "copies"),
    [
        ([], False, False),
        (["--boot"], True, False),
        (["--hostname", "a"], True, False),
        (["--dns", "::1"], True, False),
        (["--ssh-key", "a"], True, False),
        (["--root-password-hash", "!"], True, False),
        (["--fstab", "a b c"], True, False),
        (["--kernel-out", "k"], False, True),
        (["--initrd-out", "k"], False, True),
    ],
)
def test_what_they_ask_for(arguments: list[str], adds: bool, copies: bool) -> None:  # noqa: FBT001  # pytest passes them by name
    made = options(*arguments)
    assert (made.adds_a_layer, made.copies_kernel) == (adds, copies)
