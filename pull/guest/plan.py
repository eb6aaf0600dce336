"""What the guest runs: the image's config, the command line's changes, the image's own accounts.

The rules are those of a container engine:

- "Passing --entrypoint will clear out any default command set on the image"
  (https://docs.docker.com/reference/cli/docker/container/run/), and an empty one removes the entry
  point. A command replaces only the image's command.
- Variables replace the image's by name, in place (moby's container/env.go), and a name without a
  `=` in the image's list removes a variable. The last of equal names counts (runc's env.go).
- PATH has docker's default; HOSTNAME is set; HOME comes from /etc/passwd if the image does not
  set it (runc). TERM is what `docker run --tty` sets: the guest has a console.
- A relative working directory is below the root. It is made if it is missing, as runc makes it.
- Ports don't matter to a machine: all are open.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from flatten.errors import shown
from pull.guest.accounts import User, find_user
from pull.guest.init.boot_file import BootFile
from pull.guest.init.errors import AccountError, PlanError
from pull.guest.lookup import read_file
from pull.guest.options import HOSTNAME, BootOptions
from pull.guest.stop_signals import signal_number
from pull.spec.jsonfields import Fields, parse_object
from pyext4.tree import Tree

__all__ = ["ImageProcess", "describe", "make_plan", "process_of"]

DEFAULT_PATH = b"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_TERM = b"TERM=xterm"
DEFAULT_HOSTNAME = b"localhost"  # as systemd falls back to
DEFAULT_STOP = 15  # SIGTERM

# what systemd gives its services, and so containerd's containers; the kernel's own 4096 at most
# are too few for a database
OPEN_FILES = ("nofile", "1024", "524288")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageProcess:
    """What an image's config says about its process, unchanged."""

    entry: tuple[str, ...]
    cmd: tuple[str, ...]
    env: tuple[str, ...]
    user: str
    workdir: str
    stop: str  # empty if not stated
    hostname: str


def process_of(config: bytes, where: str) -> ImageProcess:
    """Read a config's `config` object.

    Raises:
        ManifestError: a field has the wrong type.
    """
    fields = parse_object(config, where).inner("config")
    return ImageProcess(
        entry=tuple(fields.texts("Entrypoint")),
        cmd=tuple(fields.texts("Cmd")),
        env=tuple(fields.texts("Env")),
        user=fields.text("User", ""),
        workdir=fields.text("WorkingDir", ""),
        stop=_stop(fields),
        hostname=fields.text("Hostname", ""),
    )


def make_plan(tree: Tree, config: bytes, options: BootOptions, *, where: str) -> BootFile:
    """Decide what the guest of `tree` runs; errors about its config name `where`.

    Raises:
        ManifestError: the config is malformed.
        AccountError: a user or group is not in the image.
        PlanError: there is nothing to run, or no such signal.
        OSError: what holds the tree's contents can't be read.
    """
    process = process_of(config, f"{where}: config")
    entry, cmd = _command(process, options)
    if not entry and not cmd:
        reason = "image has neither an entry point nor a command: name one by --entrypoint or --cmd"
        raise PlanError(where, reason)
    user = _user(tree, process, options, where)
    hostname = options.hostname or _hostname(tree, process, where)
    stop = DEFAULT_STOP if not process.stop else signal_number(process.stop)
    if stop is None:
        raise PlanError(f"{where}: config.StopSignal", f"is not a signal: {process.stop!r}")
    workdir = options.workdir or _encoded(process.workdir)
    return BootFile(
        entry=entry,
        cmd=cmd,
        env=_environment(map(_encoded, process.env), options.env, hostname, user),
        uid=user.uid,
        gid=user.gid,
        groups=user.groups,
        cwd=b"/" + workdir.strip(b"/"),
        stop=stop,
        hostname=hostname,
        grow=options.grow,
        net=options.net or b"",
        rlimits=(OPEN_FILES,),
    )


def _command(
    process: ImageProcess, options: BootOptions
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    if options.entry is not None:
        return options.entry, options.cmd or ()
    entry = tuple(map(_encoded, process.entry))
    return entry, tuple(map(_encoded, process.cmd)) if options.cmd is None else options.cmd


def _user(tree: Tree, process: ImageProcess, options: BootOptions, where: str) -> User:
    if options.user is not None:
        return find_user(tree, options.user)
    try:
        return find_user(tree, _encoded(process.user))
    except AccountError as error:
        raise AccountError(f"{where}: config.User: {error.account}", error.reason) from error


def _environment(
    image: Iterable[bytes], given: Iterable[bytes], hostname: bytes, user: User
) -> tuple[bytes, ...]:
    variables: dict[bytes, bytes] = {}
    for variable in (DEFAULT_PATH, b"HOSTNAME=" + hostname, DEFAULT_TERM, *image, *given):
        name, equals, value = variable.partition(b"=")
        if equals:
            variables[name] = value
        else:
            variables.pop(name, None)
    variables.setdefault(b"HOME", user.home)
    return tuple(name + b"=" + value for name, value in variables.items())


def _hostname(tree: Tree, process: ImageProcess, where: str) -> bytes:
    if process.hostname:
        if not re.fullmatch(HOSTNAME, process.hostname):
            raise PlanError(
                f"{where}: config.Hostname", f"is not a host name: {process.hostname!r}"
            )
        return process.hostname.encode()
    for line in (read_file(tree, b"/etc/hostname") or b"").split(b"\n"):
        name = line.strip().decode("utf-8", "replace")
        if name and not name.startswith("#"):  # hostname(5)
            return name.encode() if re.fullmatch(HOSTNAME, name) else DEFAULT_HOSTNAME
    return DEFAULT_HOSTNAME


def _stop(fields: Fields) -> str:
    value = fields.values.get("StopSignal")
    # some builders write a number, although the spec says string
    return str(value) if isinstance(value, int) else fields.text("StopSignal", "")


def _encoded(text: str) -> bytes:
    """Encode text from JSON; half a character becomes a replacement character, as in Go."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def describe(boot: BootFile) -> str:
    """Say in one line what the guest runs."""
    words = shlex.join(os.fsdecode(word) for word in (*boot.entry, *boot.cmd))
    return f"{shown(os.fsencode(words))} as {boot.uid}:{boot.gid} in {shown(boot.cwd)}"
