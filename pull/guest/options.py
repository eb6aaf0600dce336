"""The options that make an image a guest: what it runs, what goes into it, what comes out.

Nothing heavy is imported here: the command line is parsed before anything else is.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["ALWAYS", "AUTO", "HOSTNAME", "BootOptions", "add_boot_options", "boot_options"]

AUTO, ALWAYS = "auto", "always"

# hostname(7): letters, digits, hyphens and dots; 64 bytes are the kernel's limit, and Docker and
# many machines use underscores
HOSTNAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

# crypt(5): every current method begins like this; "!" and "*" lock an account
_HASH = r"\$[^:\s]+|[!*][^:\s]*"


class BootOptions(NamedTuple):
    """What the command line asks for the guest; None leaves it to the image.

    Attributes:
        mode: `auto` keeps an init that the image has, `always` replaces it; None: no init of ours.
        entry, cmd: replace the image's; an entry point alone drops the image's command.
        env: `NAME=VALUE` each; they replace the image's by their names.
        net: the boot file's `ADDRESS/PREFIX [GATEWAY]` for eth0.
        fstab: lines to append to /etc/fstab.
        kernel_out, initrd_out: where to copy the image's newest kernel and its initrd.
        unpack_kernel: write the ELF file that is inside a bzImage.
    """

    mode: str | None = None
    entry: tuple[bytes, ...] | None = None
    cmd: tuple[bytes, ...] | None = None
    env: tuple[bytes, ...] = ()
    user: bytes | None = None
    workdir: bytes | None = None
    hostname: bytes | None = None
    grow: bool = False
    net: bytes | None = None
    dns: tuple[str, ...] = ()
    ssh_keys: tuple[Path, ...] = ()
    root_password_hash: bytes | None = None
    fstab: tuple[bytes, ...] = ()
    kernel_out: Path | None = None
    initrd_out: Path | None = None
    unpack_kernel: bool = False

    @property
    def adds_a_layer(self) -> bool:
        """Tell whether anything goes on top of the image."""
        return self.mode is not None or self.changes_files

    @property
    def changes_files(self) -> bool:
        """Tell whether anything but the init goes on top."""
        return bool(
            self.hostname or self.dns or self.ssh_keys or self.root_password_hash or self.fstab
        )

    @property
    def copies_kernel(self) -> bool:
        """Tell whether anything should be copied out of the image."""
        return self.kernel_out is not None or self.initrd_out is not None


class _Mode(argparse.Action):
    """An option that is bare, or has its value after a `=`.

    An optional value would swallow the reference after `--boot`. argparse looks up the whole word
    before it splits it at the `=`, so each spelling is an option string of its own.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        del parser, values
        setattr(namespace, self.dest, (option_string or "").partition("=")[2] or AUTO)


def add_boot_options(group: argparse._ArgumentGroup) -> None:
    """Add the options to a parser's group."""
    group.add_argument(
        "--boot",
        f"--boot={AUTO}",
        f"--boot={ALWAYS}",
        dest="boot",
        action=_Mode,
        nargs=0,
        help="let the image start its entry point when a virtual machine boots it; an init that "
        "the image has is kept (auto), or replaced (always)",
    )
    _add_what_runs(group)
    _add_what_is_there(group)
    _add_kernel_options(group)


def _add_what_runs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--entrypoint",
        type=_entry,
        metavar="PROGRAM",
        help="start this instead of the image's entry point, whose command is dropped too; "
        'a JSON array has arguments: \'["sh", "-c"]\'',
    )
    group.add_argument(
        "--cmd",
        type=_command,
        metavar="WORDS",
        help="the command instead of the image's, as a shell would split it, or as a JSON array",
    )
    group.add_argument(
        "--env",
        type=_variable,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set an environment variable; may be repeated",
    )
    group.add_argument(
        "--user",
        type=_text,
        metavar="USER[:GROUP]",
        help="run as this user, a name or a number, instead of the image's",
    )
    group.add_argument(
        "--workdir", type=_absolute, metavar="DIR", help="start in this directory of the image"
    )
    group.add_argument(
        "--net",
        type=_network,
        metavar="ADDRESS/PREFIX[,GATEWAY]",
        help="eth0's IPv4 address (default: what the kernel's ip= says)",
    )
    group.add_argument(
        "--boot-grow",
        action="store_true",
        help="grow the filesystem to its disk at each boot; pyext4.grow on the kernel's command "
        "line does it once",
    )


def _add_what_is_there(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--hostname", type=_hostname, metavar="NAME", help="the guest's host name")
    group.add_argument(
        "--dns",
        type=_address,
        action="append",
        default=[],
        metavar="ADDRESS",
        help="a name server for /etc/resolv.conf; may be repeated (default: what the kernel's ip= "
        "was told)",
    )
    group.add_argument(
        "--ssh-key",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="let the public keys in FILE log in as root, or as --user; may be repeated",
    )
    group.add_argument(
        "--root-password-hash",
        type=_hash,
        metavar="HASH",
        help="root's password, as openssl passwd -6 prints it",
    )
    group.add_argument(
        "--fstab",
        type=_fstab,
        action="append",
        default=[],
        metavar="LINE",
        help="append a line to /etc/fstab, and make its mount point; may be repeated",
    )


def _add_kernel_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--kernel-out", type=Path, metavar="FILE", help="copy the image's newest kernel to FILE"
    )
    group.add_argument(
        "--initrd-out", type=Path, metavar="FILE", help="copy that kernel's initrd to FILE"
    )
    group.add_argument(
        "--vmlinux",
        action="store_true",
        help="unpack the kernel of --kernel-out: Firecracker takes an ELF file (x86) or an Image "
        "(arm64)",
    )


def boot_options(parsed: argparse.Namespace, error: Callable[[str], object]) -> BootOptions:
    """Return what the command line says; report options that don't go together to `error`."""
    given = {
        "--entrypoint": parsed.entrypoint,
        "--cmd": parsed.cmd,
        "--env": parsed.env or None,
        "--workdir": parsed.workdir,
        "--net": parsed.net,
        "--boot-grow": parsed.boot_grow or None,
        "--user": None if parsed.ssh_key else parsed.user,
    }
    if parsed.boot is None:
        for name, value in given.items():
            if value is not None:
                also = " or --ssh-key" if name == "--user" else ""
                error(f"{name} needs --boot{also}: without it nothing starts by itself")
    if parsed.vmlinux and parsed.kernel_out is None:
        error("--vmlinux needs --kernel-out: it unpacks the kernel that is copied")
    return BootOptions(
        mode=parsed.boot,
        entry=parsed.entrypoint,
        cmd=parsed.cmd,
        env=tuple(parsed.env),
        user=parsed.user,
        workdir=parsed.workdir,
        hostname=parsed.hostname,
        grow=parsed.boot_grow,
        net=parsed.net,
        dns=tuple(parsed.dns),
        ssh_keys=tuple(parsed.ssh_key),
        root_password_hash=parsed.root_password_hash,
        fstab=tuple(parsed.fstab),
        kernel_out=parsed.kernel_out,
        initrd_out=parsed.initrd_out,
        unpack_kernel=parsed.vmlinux,
    )


def _entry(text: str) -> tuple[bytes, ...]:
    # docker run: one program; an empty text removes the image's. podman also takes an array.
    if text.lstrip().startswith("["):
        return _array(text)
    return (os.fsencode(text),) if text else ()


def _command(text: str) -> tuple[bytes, ...]:
    if text.lstrip().startswith("["):
        return _array(text)
    import shlex  # noqa: PLC0415  # rarely needed

    try:
        return tuple(os.fsencode(word) for word in shlex.split(text))
    except ValueError as error:
        msg = f"not a command, {str(error).lower()}: {text!r}"
        raise argparse.ArgumentTypeError(msg) from error


def _array(text: str) -> tuple[bytes, ...]:
    import json  # noqa: PLC0415  # rarely needed

    try:
        words = json.loads(text)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        msg = f"begins like a JSON array of strings, but isn't one: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return tuple(_text(word) for word in words)


def _variable(text: str) -> bytes:
    if text.find("=") < 1:
        msg = f"expected NAME=VALUE: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return os.fsencode(text)


def _text(text: str) -> bytes:
    try:
        return os.fsencode(text)
    except UnicodeEncodeError as error:  # \ud800 in JSON is half a character
        msg = f"not text: {text!a}"
        raise argparse.ArgumentTypeError(msg) from error


def _absolute(text: str) -> bytes:
    if not text.startswith("/"):
        msg = f"path in the image is not absolute: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return os.fsencode(text)


def _hostname(text: str) -> bytes:
    if not re.fullmatch(HOSTNAME, text):
        msg = f"not a host name of up to 64 letters, digits, dots and hyphens: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return text.encode()


def _address(text: str) -> str:
    from ipaddress import ip_address  # noqa: PLC0415  # rarely needed

    try:
        return str(ip_address(text))
    except ValueError as error:
        msg = f"not an IP address: {text!r}"
        raise argparse.ArgumentTypeError(msg) from error


def _network(text: str) -> bytes:
    from ipaddress import IPv4Address, IPv4Interface  # noqa: PLC0415  # rarely needed

    address, comma, gateway = text.partition(",")
    prefix = address.partition("/")[2]
    try:
        made = str(IPv4Interface(address))
        if comma:
            made += f" {IPv4Address(gateway)}"
    except ValueError:
        prefix = ""
    if not prefix.isdecimal():  # a netmask is not a prefix
        msg = f"not an IPv4 ADDRESS/PREFIX[,GATEWAY]: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return made.encode()


def _hash(text: str) -> bytes:
    if not re.fullmatch(_HASH, text) or not text.isascii():
        msg = "not a hash as crypt(5) has it, openssl passwd -6 makes one"  # it may be a password
        raise argparse.ArgumentTypeError(msg)
    return text.encode()


def _fstab(text: str) -> bytes:
    # fstab(5): the last two of the six fields may be left out, and so may the options
    fields = text.split()
    if "\n" in text or not 3 <= len(fields) <= 6 or fields[0].startswith("#"):
        msg = f"not a line of fstab(5), DEVICE DIR TYPE [OPTIONS [DUMP [PASS]]]: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return os.fsencode(text)
