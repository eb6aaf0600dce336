"""Make a guest of a merged tree: which init, which files, and the layer that holds them.

With our init, /etc/hosts, /etc/hostname and /etc/resolv.conf are replaced, as every container
engine mounts its own over them: an image's own are left from its build. If the image has its own
init, that manages them, so they are written only if they are missing or asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flatten import Limits, flatten
from flatten.errors import shown
from pull.guest.access import add_fstab, add_root_password, add_ssh_keys
from pull.guest.choice import init_for
from pull.guest.init.boot_file import BootFile
from pull.guest.init.errors import PlanError
from pull.guest.layer import (
    INIT_PATH,
    Additions,
    GuestLayer,
    add_hostname,
    add_hosts,
    add_init,
    add_mount_points,
    add_name_servers,
)
from pull.guest.lookup import is_there
from pull.guest.options import ALWAYS, AUTO, BootOptions
from pull.guest.own_init import init_as_command, own_init
from pull.guest.plan import describe, make_plan, process_of
from pull.image import PulledImage
from pyext4.content import ContentStore
from pyext4.tree import Tree

__all__ = ["Guest", "apply_guest", "prepare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """The guest made of a tree."""

    layer: GuestLayer  # to go on top of it
    boot: BootFile | None  # what our init starts; None: the image has an init of its own
    kept_init: bytes | None  # the path of that init

    @property
    def runs(self) -> str | None:
        """What our init starts, in one line; None without our init."""
        return None if self.boot is None else describe(self.boot)


def apply_guest(
    tree: Tree,
    image: PulledImage,
    options: BootOptions,
    *,
    into: ContentStore | None,
    timestamp: int,
    limits: Limits | None = None,
) -> Guest | None:
    """Put what the options ask for on top of `tree`; None if they ask for nothing.

    `into` is the store that `tree` was flattened into, `timestamp` the filesystem's.

    Raises:
        GuestError, ManifestError, OSError: see `prepare`.
        LayerError: what goes on top exceeds one of `limits`.
    """
    if not options.adds_a_layer:
        return None
    guest = prepare(
        tree,
        image.config.raw,
        options,
        where=image.reference,
        time_ns=timestamp * 1_000_000_000,
        init=lambda: init_for(tree, image.platform.architecture),
    )
    flatten([guest.layer], into=into, onto=tree, limits=limits)
    return guest


def prepare(
    tree: Tree,
    config: bytes,
    options: BootOptions,
    *,
    where: str,
    time_ns: int,
    init: Callable[[], bytes],
) -> Guest:
    """Decide how `tree` becomes a guest, and make the layer for it.

    Args:
        tree: All layers merged; its contents can be opened.
        config: The image's config, as JSON.
        options: What the command line asks for.
        where: Names the image in errors.
        time_ns: The time of everything that is added.
        init: Returns our init for the image's architecture; called only if needed.

    Raises:
        GuestError: the image, its config and the options don't fit together.
        ManifestError: the config is malformed.
        OSError: a file can't be read.
    """
    additions = Additions(tree, time_ns)
    # directories with their own owners and modes first: other paths may lead through them
    if options.mode is not None:
        add_mount_points(additions)
    if options.ssh_keys:
        add_ssh_keys(additions, options.ssh_keys, options.user or b"root")
    if options.root_password_hash is not None:
        add_root_password(additions, options.root_password_hash)
    if options.fstab:
        add_fstab(additions, options.fstab)
    kept = own_init(tree)
    boot = None
    if options.mode == AUTO and kept is None:
        kept = _linked_init(additions, config, options, where)
    if options.mode is not None and (kept is None or options.mode == ALWAYS):
        kept = None
        boot = make_plan(tree, config, options, where=where)
        add_init(additions, boot, init())
        add_hostname(additions, boot.hostname)
        add_hosts(additions, boot.hostname)
        add_name_servers(additions, options.dns)
    else:
        if kept is not None:
            _refuse_without_effect(options, kept)
        _add_what_is_asked_for(additions, options)
    return Guest(layer=GuestLayer(additions), boot=boot, kept_init=kept)


def _linked_init(
    additions: Additions, config: bytes, options: BootOptions, where: str
) -> bytes | None:
    """Let the kernel find an init that the image starts as its command; None if there is none."""
    if options.entry is not None or options.cmd is not None:
        return None
    process = process_of(config, f"{where}: config")
    command = (*process.entry, *process.cmd)
    init = init_as_command(additions.tree, [word.encode(errors="replace") for word in command])
    if init is not None:
        additions.link(INIT_PATH, init)
    return init


def _add_what_is_asked_for(additions: Additions, options: BootOptions) -> None:
    tree, boots = additions.tree, options.mode is not None
    if options.hostname is not None:
        add_hostname(additions, options.hostname)
    if boots and not is_there(tree, b"/etc/hosts"):
        add_hosts(additions, options.hostname or b"localhost")
    if options.dns or (boots and not is_there(tree, b"/etc/resolv.conf")):
        add_name_servers(additions, options.dns)


def _refuse_without_effect(options: BootOptions, kept: bytes) -> None:
    given = {
        "--entrypoint": options.entry,
        "--cmd": options.cmd,
        "--env": options.env or None,
        "--workdir": options.workdir,
        "--net": options.net,
        "--boot-grow": options.grow or None,
        "--user": None if options.ssh_keys else options.user,
    }
    for name, value in given.items():
        if value is not None:
            reason = f"image keeps its own init, {shown(kept)}: --boot=always replaces it"
            raise PlanError(name, reason)
