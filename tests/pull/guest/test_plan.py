"""What a guest runs: container engines' rules, from config and options to the boot file."""

from __future__ import annotations

import pytest

from pull.errors import ManifestError
from pull.guest.init.boot_file import BootFile, encode
from pull.guest.init.errors import AccountError, PlanError
from pull.guest.options import BootOptions
from pull.guest.plan import describe, make_plan
from pull.guest.stop_signals import signal_number
from pyext4.tree import Tree
from tests.pull.guest.trees import GROUP, PASSWD, config, tree_of

TREE = tree_of({"etc/passwd": PASSWD, "etc/group": GROUP})
PATH = b"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def plan(
    options: BootOptions | None = None, *, tree: Tree = TREE, raw: bytes = b"", **fields: object
) -> BootFile:
    fields.setdefault("Cmd", ["sh"])
    options = BootOptions(mode="auto") if options is None else options
    return make_plan(tree, raw or config(**fields), options, where="image:tag")


def test_all_of_a_config() -> None:
    boot = plan(
        Entrypoint=["/bin/app", "--serve"],
        Cmd=["all", "it's"],
        Env=["PATH=/bin", "A=1=2", "B="],
        WorkingDir="/srv/app/",
        User="app",
        StopSignal="SIGQUIT",
        Hostname="web-1.example",
        ExposedPorts={"80/tcp": {}},
    )
    assert boot == BootFile(
        entry=(b"/bin/app", b"--serve"),
        cmd=(b"all", b"it's"),
        env=(
            b"PATH=/bin",
            b"HOSTNAME=web-1.example",
            b"TERM=xterm",
            b"A=1=2",
            b"B=",
            b"HOME=/home/app",
        ),
        uid=1000,
        gid=1001,
        groups=(1001, 10, 44),
        cwd=b"/srv/app",
        stop=3,
        hostname=b"web-1.example",
        rlimits=(("nofile", "1024", "524288"),),
    )
    encode(boot)
    assert describe(boot) == "/bin/app --serve all 'it'\"'\"'s' as 1000:1001 in /srv/app"


def test_the_least_of_a_config() -> None:
    boot = plan()
    assert (boot.entry, boot.cmd) == ((), (b"sh",))
    assert (boot.uid, boot.gid, boot.groups) == (0, 0, (0, 10))
    assert (boot.cwd, boot.stop, boot.hostname, boot.grow) == (b"/", 15, b"localhost", False)
    assert boot.env == (PATH, b"HOSTNAME=localhost", b"TERM=xterm", b"HOME=/root")


@pytest.mark.parametrize(
    ("entry", "cmd", "runs"),
    [
        # https://docs.docker.com/reference/cli/docker/container/run/#entrypoint
        (None, None, ((b"e", b"1"), (b"c", b"2"))),
        (None, (b"n",), ((b"e", b"1"), (b"n",))),
        (None, (), ((b"e", b"1"), ())),
        ((b"n",), None, ((b"n",), ())),
        ((b"n",), (b"m",), ((b"n",), (b"m",))),
        ((), (b"m",), ((), (b"m",))),
    ],
)
def test_overrides_of_what_runs(
    entry: tuple[bytes, ...] | None,
    cmd: tuple[bytes, ...] | None,
    runs: tuple[tuple[bytes, ...], tuple[bytes, ...]],
) -> None:
    boot = plan(
        BootOptions(mode="auto", entry=entry, cmd=cmd), Entrypoint=["e", "1"], Cmd=["c", "2"]
    )
    assert (boot.entry, boot.cmd) == runs


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"Cmd": None}, BootOptions(mode="auto")),
        ({"Cmd": [], "Entrypoint": []}, BootOptions(mode="auto")),
        ({"Entrypoint": ["e"], "Cmd": ["c"]}, BootOptions(mode="auto", entry=())),
    ],
)
def test_nothing_to_run(fields: dict[str, object], options: BootOptions) -> None:
    with pytest.raises(PlanError) as caught:
        plan(options, raw=config(**fields))
    assert str(caught.value) == (
        "image:tag: image has neither an entry point nor a command: "
        "name one by --entrypoint or --cmd"
    )


def test_an_image_without_a_config_object_runs_what_is_given() -> None:
    options = BootOptions(mode="auto", entry=(b"/x",))
    assert plan(options, raw=b'{"os": "linux", "config": null}').entry == (b"/x",)


@pytest.mark.parametrize(
    ("image", "given", "env"),
    [
        ([], (), (PATH, b"HOSTNAME=localhost", b"TERM=xterm", b"HOME=/root")),
        (
            ["HOME=/h", "TERM=dumb", "HOSTNAME=x", "PATH=/p"],
            (),
            (b"PATH=/p", b"HOSTNAME=x", b"TERM=dumb", b"HOME=/h"),
        ),
        # moby's ReplaceOrAppendEnvValues: in place; a name alone takes a variable away
        (
            ["A=1", "B=2", "PATH"],
            (b"A=3", b"C=4"),
            (b"HOSTNAME=localhost", b"TERM=xterm", b"A=3", b"B=2", b"C=4", b"HOME=/root"),
        ),
        # runc's prepareEnv: the last one counts
        (
            ["A=1", "A=2"],
            (b"B=1", b"B="),
            (PATH, b"HOSTNAME=localhost", b"TERM=xterm", b"A=2", b"B=", b"HOME=/root"),
        ),
    ],
)
def test_the_environment(
    image: list[str], given: tuple[bytes, ...], env: tuple[bytes, ...]
) -> None:
    assert plan(BootOptions(mode="auto", env=given), Env=image).env == env


def test_other_overrides() -> None:
    boot = plan(
        BootOptions(
            mode="auto",
            user=b"7:8",
            workdir=b"/w",
            hostname=b"h",
            grow=True,
            net=b"10.0.2.15/24 10.0.2.2",
        ),
        User="nobody-here",
        WorkingDir="/image",
        Hostname="image",
    )
    assert (boot.uid, boot.gid, boot.groups, boot.cwd) == (7, 8, (8,), b"/w")
    assert (boot.hostname, boot.grow) == (b"h", True)
    assert b"\nnet 10.0.2.15/24 10.0.2.2\n" in encode(boot)


@pytest.mark.parametrize(
    ("workdir", "cwd"), [("", b"/"), ("/", b"/"), ("srv", b"/srv"), ("/a/b", b"/a/b")]
)
def test_working_directories(workdir: str, cwd: bytes) -> None:
    assert plan(WorkingDir=workdir).cwd == cwd


@pytest.mark.parametrize(
    ("data", "hostname"),
    [
        (b"box\n", b"box"),
        (b"# made by hand\n\n box \n", b"box"),
        (b"two words\n", b"localhost"),
        (b"\xff\n", b"localhost"),
        (b"", b"localhost"),
    ],
)
def test_the_hostname_of_the_image_itself(data: bytes, hostname: bytes) -> None:
    assert plan(tree=tree_of({"etc/hostname": data})).hostname == hostname


def test_errors_name_the_image_and_the_field() -> None:
    with pytest.raises(AccountError) as account:
        plan(User="ghost")
    assert str(account.value) == (
        "image:tag: config.User: user ghost: is not in the image's /etc/passwd"
    )
    with pytest.raises(AccountError) as given:
        plan(BootOptions(mode="auto", user=b"ghost"))
    assert str(given.value) == "user ghost: is not in the image's /etc/passwd"
    with pytest.raises(PlanError) as signal:
        plan(StopSignal="SIGNONE")
    assert str(signal.value) == "image:tag: config.StopSignal: is not a signal: 'SIGNONE'"
    with pytest.raises(PlanError) as hostname:
        plan(Hostname="two words")
    assert str(hostname.value) == "image:tag: config.Hostname: is not a host name: 'two words'"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"Cmd": "sh -c x"}, "'Cmd' should be an array"),
        ({"Entrypoint": [1]}, "'Entrypoint[0]' should be a string"),
        ({"Env": {"A": "1"}}, "'Env' should be an array"),
        ({"User": 5}, "'User' should be a string"),
        ({"StopSignal": []}, "'StopSignal' should be a string"),
        ({"WorkingDir": False}, "'WorkingDir' should be a string"),
    ],
)
def test_malformed_configs(fields: dict[str, object], name: str) -> None:
    with pytest.raises(ManifestError) as caught:
        plan(raw=config(**fields))
    assert f"image:tag: config.config: {name}" in str(caught.value)


def test_half_a_character_becomes_the_mark_for_it() -> None:
    # json.loads of "\ud800": Go's decoder gives U+FFFD
    assert plan(Cmd=["a\ud800b", "\U0001f600"]).cmd == (b"a\xef\xbf\xbdb", b"\xf0\x9f\x98\x80")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SIGTERM", 15),
        ("TERM", 15),
        ("sigterm", 15),
        ("15", 15),
        ("SIGHUP", 1),
        ("SIGSYS", 31),
        ("SIGPWR", 30),
        ("SIGWINCH", 28),
        ("SIGSTKFLT", 16),
        ("SIGIOT", 6),
        ("SIGCLD", 17),
        ("SIGPOLL", 29),
        ("SIGRTMIN", 34),
        ("SIGRTMIN+3", 37),  # what systemd's images have
        ("RTMIN+15", 49),
        ("SIGRTMAX-14", 50),
        ("SIGRTMAX", 64),
        ("64", 64),
        ("0", None),
        ("65", None),
        ("-9", None),
        ("\u0663", None),
        ("SIGRTMIN-1", None),
        ("SIGRTMAX+1", None),
        ("SIG", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_signals(text: str, number: int | None) -> None:
    assert signal_number(text) == number


def test_a_stop_signal_that_is_a_number() -> None:
    assert plan(StopSignal=9).stop == 9
    assert plan(StopSignal="9").stop == 9
