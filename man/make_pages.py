"""Write the manual page of each command beside this file: `make man`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from argparse_manpage.manpage import Manpage

from pull.cache.__main__ import make_parser as cache_parser
from pull.command.arguments import make_parser as pull_parser
from pyext4.commands.cli import make_parser as ext4_parser
from pyext4.version import __version__

__all__ = ["PARSERS", "main", "page_of"]

PARSERS: Final[dict[str, Callable[[str], argparse.ArgumentParser]]] = {
    "pyext4": ext4_parser,
    "pyext4-cache": cache_parser,
    "pyext4-pull": pull_parser,
}
_WIDTH: Final = "100"  # of the usage: the terminal of whoever runs this shall not matter


def page_of(name: str) -> str:
    """Return a command's page in the language of man(7)."""
    os.environ["COLUMNS"] = _WIDTH
    parser = PARSERS[name](name)
    # its columns and examples are to stay as they are; argparse-manpage would fill the lines
    epilog = (parser.epilog or "") % {"prog": name}
    parser.epilog = None
    page = Manpage(
        parser,
        _data={
            "project_name": "pyext4",
            "version": __version__,
            "date": f"pyext4 {__version__}",  # equal sources give equal pages
            "manual_title": "User Commands",
            "description": (parser.description or "").strip().rstrip("."),
        },
    )
    lines = [line.replace("\\", "\\e").replace("-", "\\-") for line in epilog.strip().split("\n")]
    shown = "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in lines)
    return f"{page}.SH NOTES\n.nf\n{shown}\n.fi\n"


def main() -> None:
    """Write all pages."""
    for name in PARSERS:
        (Path(__file__).parent / f"{name}.1").write_text(page_of(name))


if __name__ == "__main__":
    main()
