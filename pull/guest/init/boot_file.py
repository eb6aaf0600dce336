r"""The boot file: what the guest's init reads to know what it starts, and how.

It is `/.pyext4/boot` in the image. Each line is `KEY VALUE`, separated by one blank; in VALUE a
backslash is `\\` and a newline is `\n`, and all other bytes are unchanged. The first line is the
format's version. boot.c, which can't allocate memory, sets the limits; what exceeds them is refused
here, when the image is made, and not at boot.

    pyext4-boot 1                     first
    entry ARGUMENT                    one of the entry point's, in order
    cmd ARGUMENT                      one of the command's; kernel arguments replace them all
    env NAME=VALUE                    repeated
    user UID GID
    group GID                         a supplementary one; repeated
    cwd PATH                          absolute; made if it is missing
    stop NUMBER                       the signal that asks the entry point to end
    hostname NAME
    grow                              grow the root to its disk at boot
    net ADDRESS/PREFIX [GATEWAY]      eth0's IPv4 address
    rlimit NAME SOFT HARD             as in setrlimit(2), without RLIMIT_, in lower case
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from pull.guest.init.errors import BootFileError

__all__ = ["PATH_IN_IMAGE", "RLIMITS", "BootFile", "encode"]

PATH_IN_IMAGE = b"/.pyext4/boot"

# asm-generic/resource.h, in the order of their numbers
RLIMITS = (
    "cpu",
    "fsize",
    "data",
    "stack",
    "core",
    "rss",
    "nproc",
    "nofile",
    "memlock",
    "as",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
    "rtprio",
    "rttime",
)

# boot.h has the same limits
MAX_FILE_BYTES = 1 << 20
MAX_ARGUMENTS = 4096  # of entry and cmd together
MAX_VARIABLES = 4096
MAX_GROUPS = 1024

MAX_STRING_BYTES = 131071  # MAX_ARG_STRLEN of linux/binfmts.h, without the final NUL
MAX_PATH_BYTES = 4095  # PATH_MAX of linux/limits.h, without the final NUL
MAX_HOSTNAME_BYTES = 64  # __NEW_UTS_LEN of linux/utsname.h
MAX_ID = (1 << 32) - 2  # the largest number means "no change" to setresuid(2)
MAX_SIGNAL = 64
MAX_LIMIT = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BootFile:
    """What the init starts, as whom, where and with what around it.

    Attributes:
        entry: the entry point's arguments.
        cmd: the command's; arguments after `--` on the kernel command line replace them.
        env: `NAME=VALUE` each.
        groups: supplementary groups.
        cwd: an absolute path.
        stop: the number of the signal that asks the entry point to end.
        hostname: empty to leave the kernel's.
        grow: whether the mounted root grows to its disk at boot.
        net: `ADDRESS/PREFIX` or `ADDRESS/PREFIX GATEWAY` for eth0; empty to leave it alone.
        rlimits: name, soft limit, hard limit; a limit is decimal or `unlimited`.
    """

    entry: tuple[bytes, ...] = ()
    cmd: tuple[bytes, ...] = ()
    env: tuple[bytes, ...] = ()
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    cwd: bytes = b"/"
    stop: int = 15
    hostname: bytes = b""
    grow: bool = False
    net: bytes = b""
    rlimits: tuple[tuple[str, str, str], ...] = ()


def encode(boot: BootFile) -> bytes:
    """Return the boot file's bytes.

    Raises:
        BootFileError: a value that the init could not read or use.
    """
    _check_count("entry and cmd", len(boot.entry) + len(boot.cmd), MAX_ARGUMENTS)
    _check_count("env", len(boot.env), MAX_VARIABLES)
    _check_count("group", len(boot.groups), MAX_GROUPS)
    content = b"".join(b"%b\n" % line for line in _lines(boot))
    if len(content) > MAX_FILE_BYTES:
        raise BootFileError("all of it", f"more than {MAX_FILE_BYTES} bytes: {len(content)}")
    return content


def _lines(boot: BootFile) -> Iterator[bytes]:
    yield b"pyext4-boot 1"
    for argument in boot.entry:
        yield b"entry " + _text("entry", argument, MAX_STRING_BYTES)
    for argument in boot.cmd:
        yield b"cmd " + _text("cmd", argument, MAX_STRING_BYTES)
    for variable in boot.env:
        yield b"env " + _variable(variable)
    yield f"user {_id('user', boot.uid)} {_id('user', boot.gid)}".encode()
    for group in boot.groups:
        yield f"group {_id('group', group)}".encode()
    yield b"cwd " + _absolute("cwd", boot.cwd)
    yield f"stop {_signal('stop', boot.stop)}".encode()
    yield from _lines_of_the_machine(boot)


def _lines_of_the_machine(boot: BootFile) -> Iterator[bytes]:
    if boot.hostname:
        yield b"hostname " + _text("hostname", boot.hostname, MAX_HOSTNAME_BYTES)
    if boot.grow:
        yield b"grow"
    if boot.net:
        _check_net(boot.net)
        yield b"net " + boot.net
    names = [name for name, _, _ in boot.rlimits]
    for limit in boot.rlimits:
        if names.count(limit[0]) > 1:
            raise BootFileError("rlimit", f"{limit[0]}: given twice")
        _check_rlimit(limit)
        yield " ".join(("rlimit", *limit)).encode()


def _check_count(key: str, count: int, most: int) -> None:
    if count > most:
        raise BootFileError(key, f"more than {most}: {count}")


def _text(key: str, value: bytes, most: int) -> bytes:
    if b"\0" in value:
        raise BootFileError(key, f"has a NUL byte: {_shown(value)}")
    if len(value) > most:
        raise BootFileError(key, f"longer than {most} bytes: {_shown(value)}")
    return value.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")


def _variable(variable: bytes) -> bytes:
    if variable.find(b"=") < 1:
        raise BootFileError("env", f"not NAME=VALUE: {_shown(variable)}")
    return _text("env", variable, MAX_STRING_BYTES)


def _absolute(key: str, path: bytes) -> bytes:
    if not path.startswith(b"/"):
        raise BootFileError(key, f"not an absolute path: {_shown(path)}")
    return _text(key, path, MAX_PATH_BYTES)


def _signal(key: str, number: int) -> int:
    if not 1 <= number <= MAX_SIGNAL:
        raise BootFileError(key, f"no signal has this number: {number}")
    return number


def _id(key: str, number: int) -> int:
    if not 0 <= number <= MAX_ID:
        raise BootFileError(key, f"not between 0 and {MAX_ID}: {number}")
    return number


def _check_net(net: bytes) -> None:
    """Accept `ADDRESS/PREFIX` and `ADDRESS/PREFIX GATEWAY`, dotted, as network.c reads them."""
    address, blank, gateway = net.partition(b" ")
    digits, slash, prefix = address.partition(b"/")
    try:
        ipaddress.IPv4Address(digits.decode("ascii"))
        if blank:
            ipaddress.IPv4Address(gateway.decode("ascii"))
    except ValueError as error:
        raise BootFileError("net", f"not IPv4 ADDRESS/PREFIX [GATEWAY]: {_shown(net)}") from error
    if not (slash and _is_decimal(prefix.decode("latin-1")) and int(prefix) <= 32):
        raise BootFileError("net", f"no prefix length between 0 and 32: {_shown(net)}")


def _check_rlimit(limit: tuple[str, str, str]) -> None:
    name, *values = limit
    if name not in RLIMITS:
        raise BootFileError("rlimit", f"no such limit: {name}")
    numbers = []
    for value in values:
        known = value == "unlimited" or (_is_decimal(value) and int(value) <= MAX_LIMIT)
        if not known:
            raise BootFileError("rlimit", f"{name}: neither decimal nor unlimited: {value}")
        numbers.append(MAX_LIMIT if value == "unlimited" else int(value))
    if numbers[0] > numbers[1]:
        raise BootFileError("rlimit", f"{name}: the soft limit is above the hard: {values[0]}")


def _is_decimal(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


def _shown(value: bytes) -> str:
    """Return the value for a message, short and on one line."""
    return repr(value[:80])[1:]
