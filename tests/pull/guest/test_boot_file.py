"""The boot file: the init reads what was written, and reports what it can't read."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pull.guest.init import build
from pull.guest.init.boot_file import RLIMITS, BootFile, encode
from pull.guest.init.errors import BootFileError
from tests.oracle_tools import need

HERE = Path(__file__).parent
SOURCES = [HERE / "parser.c", *(build.HERE / f"{n}.c" for n in ("boot", "command_line", "words"))]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
WARNINGS = ["-Wall", "-Wextra", "-Werror"]

FULL = BootFile(
    entry=(b"/bin/app", b"", b"a b", b"\\n is no newline\n"),
    cmd=(b"--flag=\\", b"\xff\xfe"),
    env=(b"PATH=/bin:/usr/bin", b"A=", b"B=x=y"),
    uid=1000,
    gid=4_294_967_294,
    groups=(4, 5),
    cwd=b"/srv/a b",
    stop=64,
    hostname=b"h" * 64,
    grow=True,
    net=b"10.1.2.3/22 10.1.0.1",
    rlimits=(("nofile", "10", "20"), ("core", "0", "unlimited"), ("as", "1", str(2**64 - 1))),
)


class Parser:
    """The init's parsers as one process; each text is one question."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def read(self, text: bytes, kind: bytes = b"b") -> list[bytes]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"%b%d\n%b" % (kind, len(text), text))
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline()) != b".\n":
            if not line:
                assert self.process.stderr is not None
                pytest.fail(f"{text!r}: {self.process.stderr.read().decode()}")
            lines.append(line.rstrip(b"\n"))
        return lines


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parser]:
    need("gcc")
    program = tmp_path_factory.mktemp("parser") / "parser"
    command: list[str | Path] = [
        "gcc",
        "-std=c11",
        "-g",
        *SANITIZERS,
        *WARNINGS,
        f"-I{build.HERE}",
        "-o",
        program,
    ]
    subprocess.run([*command, *SOURCES], check=True)
    running = Parser(program)
    with running.process:
        yield running
        assert running.process.stdin is not None
        running.process.stdin.close()
        assert running.process.wait(timeout=10) == 0


def expected(boot: BootFile) -> list[bytes]:
    lines = [
        *(b"entry " + value.hex().encode() for value in boot.entry),
        *(b"cmd " + value.hex().encode() for value in boot.cmd),
        *(b"env " + value.hex().encode() for value in boot.env),
        f"user {boot.uid} {boot.gid}".encode(),
        *(f"group {group}".encode() for group in boot.groups),
        b"cwd " + boot.cwd.hex().encode(),
        f"stop {boot.stop}".encode(),
    ]
    if boot.hostname:
        lines.append(b"hostname " + boot.hostname.hex().encode())
    if boot.grow:
        lines.append(b"grow")
    limits = {RLIMITS.index(name): values for name, *values in boot.rlimits}
    for number, values in sorted(limits.items()):
        known = [value.replace("unlimited", str(2**64 - 1)) for value in values]
        lines.append(f"rlimit {number} {' '.join(known)}".encode())
    return lines


def test_every_key_comes_back(parser: Parser) -> None:
    lines = parser.read(encode(FULL))
    # address, netmask, gateway in the order of the wire
    assert b"net 0a010203" + b"fffffc00" + b"0a010001" in lines
    assert [line for line in lines if not line.startswith(b"net ")] == expected(FULL)


def test_defaults_come_back(parser: Parser) -> None:
    assert parser.read(encode(BootFile())) == [b"user 0 0", b"cwd 2f", b"stop 15"]
    assert parser.read(b"pyext4-boot 1\n") == [b"user 0 0", b"cwd 2f", b"stop 15"]


TEXT = st.binary(max_size=60).map(lambda value: value.replace(b"\0", b"\n"))
IDS = st.integers(0, 2**32 - 2)
NAME = TEXT.map(lambda value: b"N" + value.replace(b"=", b"\\"))


@given(
    boot=st.builds(
        BootFile,
        entry=st.lists(TEXT).map(tuple),
        cmd=st.lists(TEXT).map(tuple),
        env=st.lists(st.builds(lambda name, value: name + b"=" + value, NAME, TEXT)).map(tuple),
        uid=IDS,
        gid=IDS,
        groups=st.lists(IDS).map(tuple),
        cwd=TEXT.map(lambda value: b"/" + value),
        stop=st.integers(1, 64),
        hostname=TEXT,
        grow=st.booleans(),
    )
)
def test_whatever_is_written_comes_back(parser: Parser, boot: BootFile) -> None:
    assert parser.read(encode(boot)) == expected(boot)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (b"", 0, b"empty"),
        (b"pyext4-boot 2\n", 1, b"not pyext4-boot 1"),
        (b"pyext4-boot 1", 1, b"does not end"),
        (b"pyext4-boot 1\nentry a", 2, b"does not end"),
        (b"pyext4-boot 1\n\n", 2, b"unknown key"),
        (b"pyext4-boot 1\nEntry a\n", 2, b"unknown key"),
        (b"pyext4-boot 1\nentry\n", 2, b"no value"),
        (b"pyext4-boot 1\ngrow 1\n", 2, b"unwanted value"),
        (b"pyext4-boot 1\nentry a\0b\n", 2, b"NUL"),
        (b"pyext4-boot 1\nentry a\\\n", 2, b"backslash"),
        (b"pyext4-boot 1\nentry a\\t\n", 2, b"backslash"),
        (b"pyext4-boot 1\nenv A\n", 2, b"NAME=VALUE"),
        (b"pyext4-boot 1\nenv =A\n", 2, b"NAME=VALUE"),
        (b"pyext4-boot 1\nuser 1\n", 2, b"UID GID"),
        (b"pyext4-boot 1\nuser 1 2 3\n", 2, b"UID GID"),
        (b"pyext4-boot 1\nuser 0 4294967295\n", 2, b"UID GID"),
        (b"pyext4-boot 1\nuser -1 0\n", 2, b"UID GID"),
        (b"pyext4-boot 1\nuser 0 0\nuser 0 0\n", 3, b"given twice"),
        (b"pyext4-boot 1\ngroup 99999999999999999999999\n", 2, b"GID"),
        (b"pyext4-boot 1\ncwd a\n", 2, b"absolute"),
        (b"pyext4-boot 1\nstop 0\n", 2, b"number of a signal"),
        (b"pyext4-boot 1\nstop 65\n", 2, b"number of a signal"),
        (b"pyext4-boot 1\nhostname " + b"h" * 65 + b"\n", 2, b"too long"),
        (b"pyext4-boot 1\nhostname \n", 2, b"empty"),
        (b"pyext4-boot 1\nnet dhcp-kernel\n", 2, b"ADDRESS/PREFIX"),
        (b"pyext4-boot 1\nnet 1.2.3/8\n", 2, b"ADDRESS/PREFIX"),
        (b"pyext4-boot 1\nnet 1.2.3.4/33\n", 2, b"ADDRESS/PREFIX"),
        (b"pyext4-boot 1\nnet 1.2.3.256/8\n", 2, b"ADDRESS/PREFIX"),
        (b"pyext4-boot 1\nnet 1.2.3.4/8 \n", 2, b"ADDRESS/PREFIX"),
        (b"pyext4-boot 1\nrlimit files 1 2\n", 2, b"no such limit"),
        (b"pyext4-boot 1\nrlimit nofile 1\n", 2, b"NAME SOFT HARD"),
        (b"pyext4-boot 1\nrlimit nofile 2 1\n", 2, b"above"),
        (b"pyext4-boot 1\nrlimit nofile 1 18446744073709551616\n", 2, b"NAME SOFT HARD"),
        (b"pyext4-boot 1\nrlimit cpu 1 1\nrlimit cpu 1 1\n", 3, b"given twice"),
        (b"pyext4-boot 1\n" + b"group 1\n" * 1025, 1026, b"too many"),
        (b"pyext4-boot 1\n" + b"entry a\n" * 4097, 4098, b"too many"),
        (b"pyext4-boot 1\n" + b"env A=\n" * 4097, 4098, b"too many"),
        (b"pyext4-boot 1\nentry " + b"a" * 131072 + b"\n", 2, b"too long"),
    ],
)
def test_what_the_parser_refuses(parser: Parser, text: bytes, line: int, problem: bytes) -> None:
    (said,) = parser.read(text)
    assert said.startswith(b"problem %d " % line)
    assert problem in said


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"entry": (b"a\0",)}, "entry: has a NUL byte"),
        ({"cmd": (b"a" * 131072,)}, "cmd: longer than 131071 bytes"),
        ({"entry": (b"a",) * 4097}, "entry and cmd: more than 4096: 4097"),
        ({"env": (b"A",)}, "env: not NAME=VALUE"),
        ({"env": (b"=A",)}, "env: not NAME=VALUE"),
        ({"env": (b"A=",) * 4097}, "env: more than 4096: 4097"),
        ({"env": (b"A=" + b"a" * 100_000,) * 11}, "all of it: more than 1048576 bytes"),
        ({"uid": 2**32 - 1}, "user: not between 0 and"),
        ({"gid": -1}, "user: not between 0 and"),
        ({"groups": (2**32,)}, "group: not between 0 and"),
        ({"groups": (1,) * 1025}, "group: more than 1024"),
        ({"cwd": b"srv"}, "cwd: not an absolute path"),
        ({"cwd": b"/" + b"a" * 4095}, "cwd: longer than 4095 bytes"),
        ({"stop": 0}, "stop: no signal has this number: 0"),
        ({"stop": 65}, "stop: no signal has this number: 65"),
        ({"hostname": b"h" * 65}, "hostname: longer than 64 bytes"),
        ({"net": b"::1/64"}, "net: not IPv4 ADDRESS/PREFIX"),
        ({"net": b"10.0.0.1"}, "net: no prefix length"),
        ({"net": b"10.0.0.1/33"}, "net: no prefix length"),
        ({"net": b"10.0.0.1/8 "}, "net: not IPv4 ADDRESS/PREFIX"),
        ({"net": b"10.0.0.1/8\ngrow"}, "net: no prefix length"),
        ({"rlimits": (("files", "1", "1"),)}, "rlimit: no such limit: files"),
        ({"rlimits": (("cpu", "-1", "1"),)}, "rlimit: cpu: neither decimal nor unlimited: -1"),
        ({"rlimits": (("cpu", "1", str(2**64)),)}, "rlimit: cpu: neither decimal nor unlimited"),
        ({"rlimits": (("cpu", "unlimited", "1"),)}, "rlimit: cpu: the soft limit is above"),
        ({"rlimits": (("cpu", "1", "1"),) * 2}, "rlimit: cpu: given twice"),
    ],
)
def test_what_is_not_written(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(BootFileError) as caught:
        encode(BootFile(**fields))  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"boot file: {problem}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"root=/dev/vda rw quiet\n", []),
        (b"", []),
        (b" -- a  b\n", [b"a", b"b"]),
        (b"quiet --\n", []),
        (b'a -- "two words" b="c d" x"y z"\n', [b"two words", b"b=c d", b'x"y z"']),
        (b'a -- "" " --  -- b\n', [b"", b" --  -- b\n"]),
        (b"a -- -- pyext4.typo\n", [b"--", b"pyext4.typo"]),
        (b'a="x -- y" -- z\n', [b"z"]),
    ],
)
def test_arguments_of_the_kernel_command_line(
    parser: Parser, line: bytes, answer: list[bytes]
) -> None:
    assert parser.read(line, b"c") == [b"argument " + value.hex().encode() for value in answer]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"pyext4.overlay=tmpfs pyext4.grow", [b"overlay " + b"tmpfs".hex().encode(), b"grow"]),
        (b"pyext4.overlay=/dev/vdb", [b"overlay " + b"/dev/vdb".hex().encode()]),
        (b"pyext4.end=reboot", [b"reboot"]),
        (b"reboot=k pyext4.end=poweroff", [b"keyboard", b"poweroff"]),
        (b"reboot=t,k panic=1", [b"keyboard"]),
        (b"reboot=warm", []),
        (b"pyext4.overlay=vdb", [b"problem pyext4.overlay=vdb an overlay is either"]),
        (b"pyext4.end=halt", [b"problem pyext4.end=halt the end is either"]),
        (b"pyext4.grow=1", [b"problem pyext4.grow=1 unknown"]),
    ],
)
def test_words_of_the_kernel_command_line(parser: Parser, line: bytes, answer: list[bytes]) -> None:
    said = parser.read(line, b"c")
    assert len(said) == len(answer)
    assert all(told.startswith(wanted) for told, wanted in zip(said, answer, strict=True))


PIECES = [
    *(b"pyext4-boot 1\n", b"entry ", b"cmd ", b"env A=", b"user ", b"group ", b"cwd /", b"stop "),
    *(b"hostname ", b"grow\n", b"net ", b"1.2.3.4/", b"rlimit ", b"nofile ", b"unlimited "),
    *(b"\\", b"\\n", b"\\\\", b"\n", b"\0", b" ", b"18446744073709551616", b"4294967295", b"255"),
    *(b'"', b"=", b" -- ", b"pyext4.", b"overlay=", b"end=", b"reboot=", b"k", b",", b"\xff"),
]


def mutated(text: bytes, chance: random.Random) -> bytes:
    """Return the text with pieces put in, taken out, doubled and changed."""
    made = bytearray(text)
    for _ in range(chance.randint(0, 6)):
        at = chance.randint(0, len(made))
        match chance.randint(0, 4):
            case 0:
                made[at:at] = chance.choice(PIECES)
            case 1:
                del made[at : at + chance.randint(1, 20)]
            case 2:
                made[at:at] = made[at : at + chance.randint(1, 200)]
            case 3:
                made[at : at + 1] = bytes([chance.randrange(256)])
            case _:
                del made[at:]
    return bytes(made)


@pytest.mark.parametrize(
    ("kind", "seed"),
    [
        (b"b", encode(FULL)),
        (b"c", b'root=/dev/vda rw reboot=k pyext4.overlay=/dev/vdb pyext4.grow -- a "b c" d="e"\n'),
    ],
)
def test_no_text_makes_a_parser_step_too_far(parser: Parser, kind: bytes, seed: bytes) -> None:
    chance = random.Random(4)
    read = refused = 0
    for _ in range(6000):
        said = parser.read(mutated(seed, chance), kind)
        if said and said[0].startswith(b"problem "):
            refused += 1
        else:
            read += 1
    assert read > 300, "some are still right"
    assert refused > 300, "some are not"
