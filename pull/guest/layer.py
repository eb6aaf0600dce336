"""The layer that makes a guest of an image: a tar like any other, applied by the merge rules.

    tree = flatten(image.layers, into=store)
    additions = Additions(tree, time_ns)
    add_init(additions, boot, init)
    flatten([GuestLayer(additions)], into=store, onto=tree)

Its content depends on the tree below: only what is missing is made, and a file that is appended to
keeps its owner, mode and attributes. All times are the filesystem's, so that equal images and
options give equal bytes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from flatten.errors import shown
from flatten.outputs.tar_output import tar_pieces
from pull.guest.init.boot_file import PATH_IN_IMAGE, BootFile, encode
from pull.guest.init.errors import TreeError
from pull.guest.lookup import find, place_for
from pyext4.tree import Directory, File, Metadata, Node, Symlink, Tree

__all__ = [
    "INIT_PATH",
    "Additions",
    "GuestLayer",
    "add_hostname",
    "add_hosts",
    "add_init",
    "add_mount_points",
    "add_name_servers",
    "extended",
]

INIT_PATH = b"/sbin/init"

MOUNT_POINTS = (
    (b"/proc", 0o555),
    (b"/sys", 0o555),
    (b"/dev", 0o755),
    (b"/dev/pts", 0o755),
    (b"/dev/shm", 0o1777),
    (b"/run", 0o755),
    (b"/tmp", 0o1777),
)

# what the kernel's ip= was told, as a resolv.conf: Documentation/admin-guide/nfs/nfsroot.rst.
# Relative, so that it leads nowhere else if the filesystem is mounted on another machine.
KERNEL_NAME_SERVERS = b"../proc/net/pnp"

HOSTS = b"""\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


@dataclass(slots=True)
class Additions:
    """What goes on top of a tree, by path."""

    tree: Tree
    time_ns: int
    nodes: dict[bytes, Node] = field(default_factory=dict)

    def meta(self, mode: int, uid: int = 0, gid: int = 0) -> Metadata:
        """Return metadata at the filesystem's time."""
        return Metadata(mode=mode, uid=uid, gid=gid, mtime_ns=self.time_ns)

    def make_directory(self, path: bytes, meta: Metadata | None = None) -> None:
        """Make `path` a directory if it isn't one; missing parents are 0755 and root's.

        Raises:
            TreeError: something else is there.
        """
        resolved, missing = place_for(self.tree, path)
        found = find(self.tree, resolved)
        if found is not None and not isinstance(found.node, Directory):
            raise TreeError(shown(path), "is not a directory")
        for each in missing:
            if each not in self.nodes:
                own = meta if meta is not None and each == resolved else self.meta(0o755)
                self.nodes[each] = Directory(own)

    def set_directory(self, path: bytes, meta: Metadata) -> None:
        """Give the directory `path` this owner and mode, creating it if it is missing.

        Raises:
            TreeError: something else is there.
        """
        self.make_directory(path)
        self.nodes[place_for(self.tree, path)[0]] = Directory(meta)

    def put(self, path: bytes, data: bytes, meta: Metadata) -> None:
        """Put a file in place of whatever is there."""
        self._put(path, File(meta, len(data), data))

    def link(self, path: bytes, target: bytes) -> None:
        """Put a symbolic link in place of whatever is there."""
        self._put(path, Symlink(self.meta(0o777), target))

    def rewrite(self, path: bytes, data: bytes, meta: Metadata) -> None:
        """Make a file hold `data`; an existing one keeps its owner, mode and attributes.

        Raises:
            TreeError: something else is there.
        """
        found = find(self.tree, path)
        if found is not None:
            if not isinstance(found.node, File):
                raise TreeError(shown(path), "is not a file")
            meta = self.kept(found.node)
        # a symbolic link to it stays a link
        self.put(place_for(self.tree, path)[0], data, meta)

    def kept(self, node: Node) -> Metadata:
        """Return a node's metadata with the filesystem's time."""
        return replace(node.meta, mtime_ns=self.time_ns, atime_ns=None, ctime_ns=None)

    def _put(self, path: bytes, node: Node) -> None:
        parent, _, name = path.rpartition(b"/")
        self.make_directory(parent)
        self.nodes[place_for(self.tree, parent)[0].rstrip(b"/") + b"/" + name] = node


def extended(before: bytes | None, lines: bytes) -> bytes:
    """Return a file's content with lines appended."""
    newline = b"\n" if before and not before.endswith(b"\n") else b""
    return (before or b"") + newline + lines


@dataclass(frozen=True, slots=True)
class GuestLayer:
    """The additions as a layer that `flatten` applies."""

    additions: Additions
    digest: str = "made for the guest"  # names the layer in errors: it has no digest
    diff_id: str | None = None
    media_type: str = ""

    def open(self) -> BinaryIO:
        """Open the tar."""
        entries = sorted(self.additions.nodes.items())
        return io.BytesIO(b"".join(tar_pieces(entries, {})))


def add_init(additions: Additions, boot: BootFile, init: bytes) -> None:
    """Put the init where the kernel looks first, and add its boot file.

    Raises:
        BootFileError: the boot file can't hold a value of `boot`.
        TreeError: the working directory isn't a directory.
    """
    # through a merged /usr too: the parents of an entry resolve through symbolic links
    additions.put(INIT_PATH, init, additions.meta(0o755))
    additions.put(PATH_IN_IMAGE, encode(boot), additions.meta(0o600))
    # the init would make it too, but not in a root that stays read-only
    additions.make_directory(boot.cwd)


def add_mount_points(additions: Additions) -> None:
    """Make the directories that an init mounts to; before anything else is put into them.

    Raises:
        TreeError: one is there but not a directory.
    """
    for path, mode in MOUNT_POINTS:
        additions.make_directory(path, additions.meta(mode))


def add_hostname(additions: Additions, hostname: bytes) -> None:
    """Write /etc/hostname."""
    additions.put(b"/etc/hostname", hostname + b"\n", additions.meta(0o644))


def add_hosts(additions: Additions, hostname: bytes) -> None:
    """Write /etc/hosts."""
    # 127.0.1.1 as Debian's installer does: the name resolves without a network
    own = b"" if hostname == b"localhost" else b"127.0.1.1\t" + hostname + b"\n"
    additions.put(b"/etc/hosts", HOSTS + own, additions.meta(0o644))


def add_name_servers(additions: Additions, dns: tuple[str, ...]) -> None:
    """Write /etc/resolv.conf."""
    if dns:
        servers = b"".join(b"nameserver %b\n" % server.encode() for server in dns)
        additions.put(b"/etc/resolv.conf", servers, additions.meta(0o644))
    else:
        additions.link(b"/etc/resolv.conf", KERNEL_NAME_SERVERS)
