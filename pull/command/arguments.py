"""The command line of `python -m pull`: options, their help and their types.

Nothing heavy is imported here, so that --help and usage errors answer at once.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pull.changes.options import (
    ChangeOptions,
    add_change_options,
    add_text_option,
    change_options,
)
from pull.command.epilog import DESCRIPTION, EPILOG
from pull.command.filesystem import add_filesystem_options, filesystem_options
from pull.command.request import (
    DEFAULT_JOBS,
    REUSE_MODES,
    STANDARD_OUTPUT,
    ExportOptions,
    ImageOptions,
    LayerOptions,
    Login,
    RegistryOptions,
    Request,
    TalkOptions,
)
from pull.command.verity_options import add_verity_options, verity_request
from pull.guest.options import BootOptions, add_boot_options, boot_options
from pull.process.backends import backends
from pull.process.program import Parser, add_completion, add_version, meant
from pull.report.options import add_report_option, report_file, with_bare_report
from pull.spec.urls import check_url
from pyext4.sizes import parse_size

if TYPE_CHECKING:
    from flatten.host_layers import Addition
    from pull.registry.options import Mirror, TransportOptions

__all__ = ["make_parser", "parse_arguments"]

_NO_FILE = (None, STANDARD_OUTPUT)


def make_parser(name: str = "python -m pull") -> argparse.ArgumentParser:
    """Make the parser for all options of the program, which calls itself `name`."""
    parser = Parser(
        prog=name,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("reference", metavar="REF", help="the image to pull; see below")
    parser.add_argument(
        "output",
        metavar="OUT.ext4",
        type=Path,
        nargs="?",
        help="the filesystem image to write; needed unless --list, --tar, --mtree, "
        "--diff, --size-report, --kernel-out, --initrd-out or --inspect is given",
    )
    _add_image_options(parser.add_argument_group("image"))
    add_change_options(parser.add_argument_group("changes"))
    filesystem = parser.add_argument_group("filesystem")
    add_filesystem_options(filesystem)
    add_verity_options(filesystem)
    add_boot_options(parser.add_argument_group("virtual machine"))
    _add_registry_options(parser.add_argument_group("registry"))
    _add_output_options(parser.add_argument_group("output"))
    add_version(parser, backends)
    add_completion(parser, make_parser, "pyext4-pull")
    return parser


def parse_arguments(arguments: Sequence[str], *, name: str = "python -m pull") -> Request:
    """Parse a command line; exits the program if it is wrong or asks for help."""
    parser = make_parser(name)
    arguments = with_bare_report(arguments)
    parsed = parser.parse_intermixed_args(arguments)  # OUT.ext4 may be anywhere, or left out
    if parsed.password_stdin and parsed.username is None:
        parser.error("--password-stdin needs --username")
    if parsed.username is not None and not parsed.password_stdin:
        parser.error("--username needs --password-stdin: a password on the command line is public")
    if parsed.password_stdin and parsed.reference == "-":
        parser.error("standard input can't be both an archive and a password")
    if parsed.anonymous and parsed.username is not None:
        parser.error("--anonymous and --username contradict each other")
    filesystem = filesystem_options(parsed, parser.error)
    verity = verity_request(parsed, parser.error)
    boot = boot_options(parsed, parser.error)
    changes = change_options(parsed, parser.error, epoch="SOURCE_DATE_EPOCH" in os.environ)
    _check_outputs(parsed, parser, boot, changes)
    return Request(
        reference=parsed.reference,
        output=parsed.output,
        inspect=parsed.inspect,
        image=ImageOptions(
            platform=parsed.platform,
            cache_dir=parsed.cache_dir,
            offline=parsed.offline,
            reuse="always" if parsed.keep else parsed.reuse,
        ),
        layers=LayerOptions(
            additions=tuple(parsed.additions), limits=dict(parsed.limits), strict=parsed.strict
        ),
        filesystem=filesystem,
        verity=verity,
        boot=boot,
        registry=RegistryOptions(
            login=Login(username=parsed.username, anonymous=parsed.anonymous),
            transport=_transport(parsed),
            mirrors=tuple(parsed.mirror),
            jobs=parsed.jobs,
        ),
        exports=ExportOptions(
            listing=parsed.list,
            tar=parsed.tar,
            mtree=parsed.mtree,
            sizes=report_file(parsed),
            diff=parsed.diff,
        ),
        talk=TalkOptions(quiet=parsed.quiet, json=parsed.json, debug=parsed.debug),
        changes=changes,
        measures=parsed.size_report is not None,
    )


def _transport(parsed: argparse.Namespace) -> TransportOptions | None:
    said = {
        "plain_http": parsed.plain_http,
        "insecure": parsed.insecure,
        "cacert": parsed.cacert,
        "read_timeout_seconds": parsed.timeout,
    }
    given = {name: value for name, value in said.items() if value}
    if not given:
        return None
    from pull.registry.options import TransportOptions  # noqa: PLC0415  # slow, and rarely needed

    return TransportOptions(**given)


def _check_outputs(
    parsed: argparse.Namespace,
    parser: argparse.ArgumentParser,
    boot: BootOptions,
    changes: ChangeOptions,
) -> None:
    exports = [parsed.list or None, parsed.tar, parsed.mtree, parsed.diff, parsed.size_report]
    exports += [parsed.kernel_out, parsed.initrd_out]
    wanted = any(export is not None for export in exports)
    if parsed.inspect and (parsed.output is not None or wanted or boot.adds_a_layer or changes.any):
        parser.error("--inspect converts nothing: use it without outputs")
    if parsed.output is None and not wanted and not parsed.inspect:
        parser.error(
            "the following arguments are required: OUT.ext4 (or --list, --tar, --mtree, "
            "--diff, --size-report, --kernel-out, --initrd-out, --inspect)"
        )
    spoken = [parsed.list, parsed.tar == "-", parsed.mtree == "-", parsed.diff, parsed.json]
    spoken.append(report_file(parsed) == STANDARD_OUTPUT)
    if sum(map(bool, spoken)) > 1:
        parser.error(
            "only one of --list, --tar -, --mtree -, --diff, --size-report and --json can use"
            " standard output"
        )
    names = (parsed.output, parsed.tar, parsed.mtree, parsed.size_report)
    files = [Path(name) for name in names if name not in _NO_FILE]
    if len(files) > len(set(files)):
        parser.error("OUT.ext4, --tar, --mtree and --size-report must be different files")


def _add_image_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--platform",
        metavar="OS/ARCH[/VARIANT]",
        help="which image of a multi-platform one (default: linux on this machine)",
    )
    group.add_argument(
        "--cache-dir",
        metavar="DIR",
        type=Path,
        help="where downloads are kept (default: $PYEXT4_CACHE, or pyext4 in the user's cache"
        " directory)",
    )
    group.add_argument(
        "--offline", action="store_true", help="use only the cache, never the network"
    )
    group.add_argument(
        "--reuse",
        choices=REUSE_MODES,
        help="begin with layers that were converted before, and keep that state in the cache:"
        " auto (default) keeps it where it shares blocks with the image, or where the layers are"
        " met again; always keeps a copy too ($PYEXT4_REUSE)",
    )
    group.add_argument("--keep", action="store_true", help="the same as --reuse always")
    group.add_argument(
        "--add",
        dest="additions",
        type=_addition,
        action="append",
        default=[],
        metavar="HOST:IMAGE[:MODE[:UID[:GID]]]",
        help="put a file of this machine at IMAGE, or into IMAGE if that is a directory or ends"
        " with a slash; or merge a directory into IMAGE; may be repeated",
    )
    group.add_argument(
        "--add-tar",
        dest="additions",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="apply a tar of this machine, compressed or not, as one more layer; may be repeated",
    )
    add_text_option(group)
    group.add_argument(
        "--strict",
        action="store_true",
        help="fail if something would be left out because Linux can't hold it",
    )
    group.add_argument(
        "--limit",
        dest="limits",
        type=_limit,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="refuse layers that exceed NUMBER; names: total_bytes, file_bytes, entries, depth, "
        "header_bytes, xattrs, ratio, ratio_after_bytes; may be repeated",
    )


def _add_registry_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--username", metavar="NAME", help="log in under this name")
    group.add_argument(
        "--password-stdin", action="store_true", help="with the password from standard input"
    )
    group.add_argument(
        "--anonymous", action="store_true", help="don't use the logins of docker and podman"
    )
    group.add_argument(
        "--jobs",
        type=_jobs,
        default=DEFAULT_JOBS,
        metavar="N",
        help="number of downloads at once (default: 3)",
    )
    group.add_argument(
        "--mirror",
        type=_mirror,
        action="append",
        default=[],
        metavar="HOST=URL",
        help="ask URL before the registry HOST; may be repeated",
    )
    group.add_argument(
        "--cacert", type=Path, metavar="FILE", help="also trust the authorities in FILE (PEM)"
    )
    group.add_argument(
        "--insecure", action="store_true", help="do not verify the registry's TLS certificate"
    )
    group.add_argument(
        "--plain-http",
        action="store_true",
        help="use http for the registry; without this, only on this machine",
    )
    group.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="give up on a connection after this much silence (default: 60)",
    )


def _add_output_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--quiet", "-q", action="store_true", help="no progress and no summary")
    group.add_argument(
        "--json",
        action="store_true",
        help="print the summary, or the error, as JSON on standard output",
    )
    group.add_argument(
        "--list", action="store_true", help="list all names of the merged tree with attributes"
    )
    group.add_argument(
        "--tar", metavar="FILE", help="write one flattened tar; - is standard output"
    )
    group.add_argument(
        "--mtree", metavar="FILE", help="write an mtree(5) manifest with owners and digests"
    )
    add_report_option(group)
    group.add_argument(
        "--diff",
        metavar="IMAGE",
        type=Path,
        help="print what differs between an ext4 image and REF; status: 0 nothing, 1 something, "
        "2 trouble",
    )
    group.add_argument(
        "--inspect",
        action="store_true",
        help="show what the image is and would run, without its layers; as JSON with --json",
    )
    group.add_argument("--debug", action="store_true", help="show a traceback with an error")


def _jobs(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= 64:
        msg = f"not a number from 1 to 64: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        msg = f"not a number of seconds: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _limit(text: str) -> tuple[str, int]:
    from dataclasses import fields  # noqa: PLC0415  # slow, and rarely needed

    from flatten.limits import Limits  # noqa: PLC0415

    names = [field.name for field in fields(Limits)]
    name, _, value = text.partition("=")
    if name not in names:
        msg = f"expected NAME=NUMBER with one of the names {', '.join(names)}: {text!r}"
        msg += meant(name, names)
        raise argparse.ArgumentTypeError(msg)
    try:
        return name, parse_size(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _addition(text: str) -> Addition:
    from flatten.errors import HostError  # noqa: PLC0415  # slow, and rarely needed
    from flatten.host_layers import parse_addition  # noqa: PLC0415

    try:
        return parse_addition(text)
    except HostError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _mirror(text: str) -> Mirror:
    from pull.registry.options import Mirror  # noqa: PLC0415  # as above

    registry, _, url = text.partition("=")
    try:
        check_url(url)
    except ValueError as error:
        msg = f"expected HOST=http[s]://...: {text!r}: {error}"
        raise argparse.ArgumentTypeError(msg) from error
    if not registry:
        msg = f"expected HOST=http[s]://...: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return Mirror(registry, url)
