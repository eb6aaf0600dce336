"""Fixtures that tests of several packages share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.ordinary_user import OrdinaryUser, ordinary_user

# No test is timed: a busy machine is not a fault. CI judges a change and not the luck of a day, so
# there Hypothesis tries the same examples every time.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

# Background jobs of a shell ignore SIGINT, those of nohup SIGHUP, and what they start inherits
# that. The programs under test are to be interrupted as at a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# What one test converts is no business of another's; tests/pull/reuse ask for it.
os.environ["PYEXT4_REUSE"] = "never"


@pytest.fixture(scope="session")
def user() -> Iterator[OrdinaryUser]:
    """An ordinary user with an installation of this checkout, made once."""
    with ordinary_user() as someone:
        yield someone
