"""Keys, root's password and /etc/fstab: added to what the image has."""

from __future__ import annotations

from pathlib import Path

import pytest

from pull.guest.init.errors import AccountError, GivenFileError, TreeError
from pull.guest.options import BootOptions
from tests.flatten import tars
from tests.flatten.outputs.listings import listing
from tests.pull.guest.trees import GROUP, PASSWD, content, guest_of

MTIME = "mtime=1700000000"
KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHr8N5qLrTmkmPpPbXzHxSgtAxdyxTpsXTGDhE4CyaYy me@here"
OTHER = b"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAA="
HASH = b"$6$salt$8Lq0jZ5c0jK1"
ACCOUNTS = (tars.file(b"etc/passwd", PASSWD), tars.file(b"etc/group", GROUP))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "id.pub"
    path.write_bytes(b"# mine\n\n" + KEY + b"\r\n")
    return path


def test_a_key_for_root(key: Path) -> None:
    made = guest_of(*ACCOUNTS, options=BootOptions(ssh_keys=(key,)))
    lines = listing(made.tree)
    assert lines["root"] == f"dir | mode=700 {MTIME}"
    assert lines["root/.ssh"] == f"dir | mode=700 {MTIME}"
    assert lines["root/.ssh/authorized_keys"] == f"file {KEY.decode()}\n | mode=600 {MTIME}"


def test_keys_for_a_user(key: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pub"
    other.write_bytes(OTHER + b"\n" + b'from="*.example" ' + KEY)
    options = BootOptions(ssh_keys=(key, other), user=b"app:video")
    lines = listing(guest_of(*ACCOUNTS, options=options).tree)
    owner = "uid=1000 gid=1001"
    keys = b"\n".join([KEY, OTHER, b'from="*.example" ' + KEY, b""]).decode()
    assert lines["home"] == f"dir | {MTIME}"
    assert lines["home/app"] == f"dir | mode=700 {owner} {MTIME}"
    assert lines["home/app/.ssh"] == f"dir | mode=700 {owner} {MTIME}"
    assert lines["home/app/.ssh/authorized_keys"] == f"file {keys} | mode=600 {owner} {MTIME}"


def test_keys_are_appended_and_made_private(key: Path) -> None:
    made = guest_of(
        *ACCOUNTS,
        tars.symlink(b"root", b"/var/root"),
        tars.directory(b"var/root", 0o755),
        tars.directory(b"var/root/.ssh", 0o777, uid=5),
        tars.file(b"var/root/.ssh/authorized_keys", OTHER, mode=0o666, uid=5),
        tars.file(b"var/root/.ssh/config", b"1", mode=0o644),
        options=BootOptions(ssh_keys=(key,)),
    )
    lines = listing(made.tree)
    assert lines["var/root"] == "dir"
    assert lines["var/root/.ssh"] == f"dir | mode=700 {MTIME}"
    assert lines["var/root/.ssh/config"] == "file 1"
    assert lines["var/root/.ssh/authorized_keys"].endswith(f" | mode=600 {MTIME}")
    assert content(made.tree, "var/root/.ssh/authorized_keys") == OTHER + b"\n" + KEY + b"\n"


def test_a_home_that_is_the_working_directory_is_the_users(key: Path) -> None:
    image = b'{"config": {"Cmd": ["sshd"], "User": "app", "WorkingDir": "/home/app"}}'
    options = BootOptions(mode="auto", ssh_keys=(key,), user=b"app")
    made = guest_of(*ACCOUNTS, image=image, options=options)
    assert listing(made.tree)["home/app"] == f"dir | mode=700 uid=1000 gid=1001 {MTIME}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "is a private key; name the public one"),
        (b"", "is not a list of public keys"),
        (b"# nothing\n", "is not a list of public keys"),
        (KEY + b"\nhello\n", "is not a list of public keys"),
        (b"\x7fELF" * 1000, "is not a list of public keys"),
        ((KEY + b"\n") * 20000, "is not a list of public keys"),
    ],
)
def test_files_without_keys(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(data)
    with pytest.raises(GivenFileError) as caught:
        guest_of(*ACCOUNTS, options=BootOptions(ssh_keys=(path,)))
    assert str(caught.value).startswith(f"{path}: {message}")


def test_a_key_for_nobody(key: Path) -> None:
    with pytest.raises(AccountError) as caught:
        guest_of(options=BootOptions(ssh_keys=(key,)))
    assert str(caught.value) == "user root: is not in the image's /etc/passwd"
    with pytest.raises(FileNotFoundError):
        guest_of(*ACCOUNTS, options=BootOptions(ssh_keys=(key.with_name("none"),)))


def test_a_file_in_the_way_of_keys(key: Path) -> None:
    with pytest.raises(TreeError) as caught:
        guest_of(*ACCOUNTS, tars.file(b"root/.ssh", b""), options=BootOptions(ssh_keys=(key,)))
    assert str(caught.value) == "/root/.ssh in the image: is not a directory"


@pytest.mark.parametrize(
    ("shadow", "expected"),
    [
        (
            b"daemon:*:1::::::\nroot:*:19700:0:99999:7:::\nlast:!:1::::::",
            b"daemon:*:1::::::\nroot:" + HASH + b":19700:0:99999:7:::\nlast:!:1::::::",
        ),
        (b"daemon:*:1::::::", b"daemon:*:1::::::\nroot:" + HASH + b":::::::\n"),
        (b"", b"root:" + HASH + b":::::::\n"),
    ],
)
def test_roots_password(shadow: bytes, expected: bytes) -> None:
    made = guest_of(
        *ACCOUNTS,
        tars.pax((b"SCHILY.xattr.user.a", b"1")),
        tars.file(b"etc/shadow", shadow, mode=0o640, gid=42),
        options=BootOptions(root_password_hash=HASH),
    )
    line = listing(made.tree)["etc/shadow"]
    assert line == f"file {expected.decode()} | mode=640 gid=42 {MTIME} user.a=1"
    assert listing(made.tree)["etc/passwd"] == f"file {PASSWD.decode()}"


def test_roots_password_without_a_shadow_file() -> None:
    made = guest_of(
        tars.file(b"etc/passwd", b"a:x:1:1:::\nroot:*:0:0::/root:/bin/sh\n"),
        options=BootOptions(root_password_hash=HASH),
    )
    lines = listing(made.tree)
    assert lines["etc/shadow"] == f"file root:{HASH.decode()}:::::::\n | mode=600 {MTIME}"
    assert lines["etc/passwd"] == f"file a:x:1:1:::\nroot:x:0:0::/root:/bin/sh\n | {MTIME}"


def test_roots_password_without_root() -> None:
    with pytest.raises(AccountError):
        guest_of(options=BootOptions(root_password_hash=HASH))


def test_fstab() -> None:
    made = guest_of(
        tars.file(b"etc/fstab", b"LABEL=root / ext4 defaults 0 1", mode=0o600),
        tars.directory(b"srv", 0o700),
        options=BootOptions(
            fstab=(b"/dev/vdb /srv/my\\040data ext4 defaults,nofail 0 2", b"/dev/vdc none swap sw")
        ),
    )
    lines = listing(made.tree)
    assert lines["etc/fstab"] == (
        "file LABEL=root / ext4 defaults 0 1\n"
        "/dev/vdb /srv/my\\040data ext4 defaults,nofail 0 2\n/dev/vdc none swap sw\n"
        f" | mode=600 {MTIME}"
    )
    assert lines["srv"] == "dir | mode=700"
    assert lines["srv/my data"] == f"dir | {MTIME}"
    assert "none" not in lines


def test_fstab_through_a_link() -> None:
    made = guest_of(
        tars.symlink(b"etc/fstab", b"tables/fstab"),
        tars.file(b"etc/tables/fstab", b"# none\n"),
        options=BootOptions(fstab=(b"tmpfs /tmp tmpfs",)),
    )
    assert content(made.tree, "etc/tables/fstab") == b"# none\ntmpfs /tmp tmpfs\n"
    assert listing(made.tree)["etc/fstab"] == "-> tables/fstab"
