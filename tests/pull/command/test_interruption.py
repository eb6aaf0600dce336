"""A signal ends the program as that signal, wherever the program is."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from pull.command.interruption import SIGNALS, SignalledError, interruptible

AMID_A_CLASS = """
import signal

class Field:
    def __set_name__(self, owner, name):
        signal.raise_signal(signal.{name})

class Made:
    field = Field()

made = True
"""
AMID_AN_EXEC = """
import signal

exec("signal.raise_signal(signal.{name})")
made = True
"""


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("source", [AMID_A_CLASS, AMID_AN_EXEC], ids=["class", "exec"])
def test_signal_amid_an_import(
    source: str, number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"imported_{id(tmp_path)}"
    (tmp_path / f"{name}.py").write_text(source.format(name=number.name))
    monkeypatch.syspath_prepend(tmp_path)

    def use() -> None:
        importlib.import_module(name)
        time.sleep(20)

    with interruptible(), pytest.raises(SignalledError) as caught:
        use()
    assert caught.value.number == number
    assert sys.modules.pop(name).made


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with interruptible():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_whoever_waits_for_layers_is_woken() -> None:
    class Image:
        aborted = False

        def abort(self) -> None:
            self.aborted = True

    image = Image()
    with interruptible() as interruption:
        interruption.cancel.aborts(image)
        with pytest.raises(SignalledError):
            signal.raise_signal(signal.SIGTERM)
    assert image.aborted


class Finalised:
    """Sends a signal in its finaliser, where exceptions are lost."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        _ = [None for _ in range(1000)]  # the handler is called meanwhile


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_in_a_finaliser(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of it is printed, and it unwinds the program before the alarm ends it."""
    with pytest.raises(SignalledError) as caught:
        wait_for(number)
    assert caught.value.number == number
    assert "Exception ignored" not in capsys.readouterr().err


def wait_for(number: signal.Signals) -> None:
    with interruptible():
        Finalised(number)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(0.001)
