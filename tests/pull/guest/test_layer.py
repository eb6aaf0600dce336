"""The layer on top: what it puts where, whatever the image already has there."""

from __future__ import annotations

import pytest

from pull.guest.init.boot_file import encode
from pull.guest.init.errors import GuestError, PlanError, TreeError
from pull.guest.options import BootOptions
from pull.guest.own_init import own_init
from pyext4.tree import Directory, File, Metadata, Symlink
from tests.flatten import tars
from tests.flatten.outputs.listings import listing
from tests.pull.guest.trees import INIT, TIME_NS, at, config, content, guest_of

MTIME = "mtime=1700000000"
AUTO = BootOptions(mode="auto")
SYSTEMD = tars.file(b"sbin/init", b"systemd", mode=0o755)
EVERYTHING = {
    ".pyext4": f"dir | {MTIME}",
    "dev": f"dir | {MTIME}",
    "dev/pts": f"dir | {MTIME}",
    "dev/shm": f"dir | mode=1777 {MTIME}",
    "etc": f"dir | {MTIME}",
    "etc/hostname": f"file localhost\n | {MTIME}",
    "etc/resolv.conf": f"-> ../proc/net/pnp | {MTIME}",
    "proc": f"dir | mode=555 {MTIME}",
    "run": f"dir | {MTIME}",
    "sbin": f"dir | {MTIME}",
    "sbin/init": f"file {INIT.decode()} | mode=755 {MTIME}",
    "sys": f"dir | mode=555 {MTIME}",
    "tmp": f"dir | mode=1777 {MTIME}",
}


def test_an_empty_image() -> None:
    made = guest_of()
    lines = listing(made.tree)
    assert lines.pop(".pyext4/boot") == (f"file {encode(made.boot).decode()} | mode=600 {MTIME}")
    assert lines.pop("etc/hosts").startswith("file 127.0.0.1\tlocalhost\n::1\tlocalhost ")
    assert lines == EVERYTHING


def test_what_is_there_stays_as_it_is() -> None:
    made = guest_of(
        tars.directory(b"tmp", 0o700, uid=5),
        tars.directory(b"etc", 0o711, mtime=9),
        tars.directory(b"sbin", 0o750, mtime=9),
        tars.symlink(b"run", b"var/run"),
        tars.directory(b"var/run", 0o700),
        tars.file(b"sbin/other", b"1"),
    )
    lines = listing(made.tree)
    assert lines["tmp"] == "dir | mode=700 uid=5"
    assert lines["etc"] == "dir | mode=711 mtime=9"
    assert lines["sbin"] == "dir | mode=750 mtime=9"
    assert lines["run"] == "-> var/run"
    assert lines["sbin/other"] == "file 1"


@pytest.mark.parametrize("target", [b"usr/sbin", b"/usr/sbin", b"usr/../usr/./sbin"])
def test_a_merged_usr(target: bytes) -> None:
    made = guest_of(tars.symlink(b"sbin", target), tars.directory(b"usr/sbin"))
    assert content(made.tree, "usr/sbin/init") == INIT
    assert isinstance(at(made.tree, "sbin"), Symlink)


def test_a_merged_usr_whose_directory_no_layer_has() -> None:
    made = guest_of(tars.symlink(b"sbin", b"usr/sbin"))
    assert content(made.tree, "usr/sbin/init") == INIT
    assert listing(made.tree)["usr/sbin"] == f"dir | {MTIME}"


def test_a_link_that_leads_nowhere_gets_its_directory() -> None:
    made = guest_of(tars.symlink(b"tmp", b"var/tmp"))
    assert listing(made.tree)["var/tmp"] == f"dir | mode=1777 {MTIME}"
    assert isinstance(at(made.tree, "tmp"), Symlink)


def test_engine_files_are_replaced_whatever_they_are() -> None:
    made = guest_of(
        tars.file(b"etc/hostname", b"builder\n"),
        tars.file(b"etc/real", b"kept"),
        tars.symlink(b"etc/hosts", b"real"),
        tars.symlink(b"etc/resolv.conf", b"../run/systemd/resolve/stub-resolv.conf"),
        options=BootOptions(mode="auto", hostname=b"box", dns=("9.9.9.9", "2620:fe::fe")),
    )
    assert content(made.tree, "etc/hostname") == b"box\n"
    assert content(made.tree, "etc/real") == b"kept"
    assert content(made.tree, "etc/hosts").endswith(b"127.0.1.1\tbox\n")
    assert content(made.tree, "etc/resolv.conf") == (
        b"nameserver 9.9.9.9\nnameserver 2620:fe::fe\n"
    )


def test_the_working_directory_is_made() -> None:
    image = config(Cmd=["x"], WorkingDir="/srv/app", User="7")
    lines = listing(guest_of(tars.directory(b"srv", 0o711), image=image).tree)
    assert lines["srv"] == "dir | mode=711"
    assert lines["srv/app"] == f"dir | {MTIME}"


def test_a_working_directory_in_tmp_leaves_tmp_to_everybody() -> None:
    lines = listing(guest_of(image=config(Cmd=["x"], WorkingDir="/tmp/work")).tree)
    assert lines["tmp"] == f"dir | mode=1777 {MTIME}"
    assert lines["tmp/work"] == f"dir | {MTIME}"


@pytest.mark.parametrize(
    ("members", "image", "message"),
    [
        ((tars.file(b"srv", b""),), config(Cmd=["x"], WorkingDir="/srv"), "/srv in the image"),
        ((tars.file(b"srv", b""),), config(Cmd=["x"], WorkingDir="/srv/a"), "/srv in the image"),
        ((tars.file(b"proc", b""),), config(Cmd=["x"]), "/proc in the image: is not a directory"),
        (
            (tars.symlink(b"etc", b"etc"),),
            config(Cmd=["x"]),
            "/etc in the image: goes through more than 40 symbolic links",
        ),
    ],
)
def test_what_is_in_the_way(members: tuple[bytes, ...], image: bytes, message: str) -> None:
    with pytest.raises(TreeError) as caught:
        guest_of(*members, image=image)
    assert message in str(caught.value)


def test_an_init_of_the_images_own_is_kept() -> None:
    made = guest_of(
        SYSTEMD, tars.symlink(b"etc/resolv.conf", b"/run/nowhere"), tars.file(b"etc/hosts", b"own")
    )
    assert made.guest.boot is None
    assert made.guest.kept_init == b"/sbin/init"
    lines = listing(made.tree)
    assert lines["sbin/init"] == "file systemd | mode=755"
    assert lines["etc/resolv.conf"] == "-> /run/nowhere"
    assert lines["etc/hosts"] == "file own"
    assert ".pyext4" not in lines
    assert "etc/hostname" not in lines
    assert "proc" in lines


def test_an_init_that_is_the_images_command_is_linked_to() -> None:
    systemd = tars.file(b"usr/lib/systemd/systemd", b"systemd", mode=0o755)
    made = guest_of(
        tars.symlink(b"lib", b"usr/lib"), systemd, image=config(Cmd=["/lib/systemd/systemd"])
    )
    assert made.guest.boot is None
    assert made.guest.kept_init == b"/usr/lib/systemd/systemd"
    assert listing(made.tree)["sbin/init"] == f"-> /usr/lib/systemd/systemd | {MTIME}"
    assert own_init(made.tree) == b"/sbin/init"


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (config(Cmd=["/usr/lib/systemd/systemd-resolved"]), AUTO),
        (config(Cmd=["systemd"]), AUTO),
        (config(Entrypoint=["/tini", "--"], Cmd=["/usr/lib/systemd/systemd"]), AUTO),
        (config(Cmd=["/usr/lib/systemd/systemd"]), BootOptions(mode="always")),
        (config(Cmd=["/usr/lib/systemd/systemd"]), BootOptions(mode="auto", entry=(b"/x",))),
        (config(Cmd=["/usr/lib/systemd/systemd"]), BootOptions(mode="auto", cmd=(b"/x",))),
    ],
)
def test_other_commands_are_started(image: bytes, options: BootOptions) -> None:
    members = (
        tars.file(b"usr/lib/systemd/systemd", b"1", mode=0o755),
        tars.file(b"usr/lib/systemd/systemd-resolved", b"1", mode=0o755),
    )
    made = guest_of(*members, image=image, options=options)
    assert content(made.tree, "sbin/init") == INIT


def test_an_init_of_the_images_own_gets_what_is_missing_or_asked_for() -> None:
    options = BootOptions(mode="auto", hostname=b"box", dns=("9.9.9.9",))
    lines = listing(guest_of(SYSTEMD, options=options).tree)
    assert lines["etc/hostname"] == f"file box\n | {MTIME}"
    assert lines["etc/resolv.conf"] == f"file nameserver 9.9.9.9\n | {MTIME}"
    assert "etc/hosts" in lines


def test_always_replaces_an_init_and_keeps_what_it_links_to() -> None:
    made = guest_of(
        tars.file(b"lib/systemd/systemd", b"systemd", mode=0o755),
        tars.symlink(b"sbin/init", b"../lib/systemd/systemd"),
        options=BootOptions(mode="always"),
    )
    assert made.guest.kept_init is None
    assert content(made.tree, "sbin/init") == INIT
    assert content(made.tree, "lib/systemd/systemd") == b"systemd"


def test_busybox_keeps_its_other_names() -> None:
    made = guest_of(
        tars.file(b"bin/busybox", b"busybox", mode=0o755),
        tars.hardlink(b"bin/sh", b"bin/busybox"),
        tars.hardlink(b"sbin/init", b"bin/busybox"),
    )
    assert content(made.tree, "sbin/init") == INIT
    assert content(made.tree, "bin/sh") == b"busybox"
    assert at(made.tree, "bin/sh") is at(made.tree, "bin/busybox")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("--entrypoint", BootOptions(mode="auto", entry=(b"x",))),
        ("--cmd", BootOptions(mode="auto", cmd=())),
        ("--env", BootOptions(mode="auto", env=(b"A=1",))),
        ("--workdir", BootOptions(mode="auto", workdir=b"/")),
        ("--net", BootOptions(mode="auto", net=b"10.0.0.1/8")),
        ("--boot-grow", BootOptions(mode="auto", grow=True)),
        ("--user", BootOptions(mode="auto", user=b"0")),
    ],
)
def test_options_that_an_own_init_would_ignore(name: str, options: BootOptions) -> None:
    with pytest.raises(PlanError) as caught:
        guest_of(SYSTEMD, options=options)
    assert str(caught.value) == (
        f"{name}: image keeps its own init, /sbin/init: --boot=always replaces it"
    )


def test_without_boot_only_what_was_asked_for_is_added() -> None:
    made = guest_of(options=BootOptions(hostname=b"box"))
    assert listing(made.tree) == {
        "etc": f"dir | {MTIME}",
        "etc/hostname": f"file box\n | {MTIME}",
    }


def test_the_layer_is_the_same_bytes_each_time() -> None:
    def layer() -> bytes:
        with guest_of(tars.directory(b"etc"), options=AUTO).guest.layer.open() as stream:
            return stream.read()

    assert layer() == layer()


def test_every_time_is_the_filesystems() -> None:
    made = guest_of()
    times = {
        node.meta.mtime_ns
        for path, node in made.tree.walk()
        if isinstance(node, Directory | File | Symlink) and path != b"/"
    }
    assert times == {TIME_NS}
    assert made.tree.root.meta == Metadata(mode=0o755)


def test_a_boot_file_that_cant_be_said_is_one_error() -> None:
    with pytest.raises(GuestError) as caught:
        guest_of(image=config(Cmd=["a\0b"]))
    assert "boot file: cmd: has a NUL byte" in str(caught.value)
