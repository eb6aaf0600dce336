"""Fork the command once for each line that it runs in some files, and send it a signal there.

    python signal_at_every_line.py DIR SIGNAL FILE,FILE... ARGUMENT...

In DIR each child runs `python -m pull ARGUMENT...`. For each, it prints a line of JSON with the
status, the text on standard error, and the names left in DIR.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from types import FrameType

import pull.__main__
import pull.command.convert
import pull.command.login
import pull.command.progress
import pull.command.summary
import pull.process.backends


def main() -> None:
    """Go on until a child has ended before its line came."""
    directory, number, files, *arguments = sys.argv[1:]
    pull.process.backends.backends()
    import_module("pyext4.writing.writer")
    os.chdir(directory)
    sys.argv = ["pull", *arguments]
    line = 0
    while True:
        line += 1
        ours, its = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(its, 2)
            signal_at(line, getattr(signal, number), tuple(files.split(",")))
            status = pull.__main__.program()
            os._exit(200 if status == 0 else status)  # 200: the line never came, or came too late
        os.close(its)
        with os.fdopen(ours, "rb") as pipe:
            said = pipe.read().decode()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        left = sorted(path.name for path in Path().iterdir() if path.name != "cache")
        fact = {"line": line, "status": status, "said": said, "left": left}
        sys.stdout.write(f"{json.dumps(fact)}\n")
        sys.stdout.flush()
        if status == 200 and said == "":
            return
        for name in left:
            Path(name).unlink()


def signal_at(wanted: int, number: int, files: tuple[str, ...]) -> None:
    """Send a signal to this process before the line that is the `wanted` one to run in `files`."""
    seen = 0

    def trace(frame: FrameType, event: str, argument: object) -> object:
        nonlocal seen
        del argument
        if not frame.f_code.co_filename.endswith(files):
            return None
        if event == "line":
            seen += 1
            if seen == wanted:
                os.kill(os.getpid(), number)
        return trace

    sys.settrace(trace)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
