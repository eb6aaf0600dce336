"""The kernels that the test images boot with, made once per session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.boot.kernel import Kernel
from tests.oracle_tools import need
from tests.pull.guest.kernels import get_guest_kernel

CACHE = Path(__file__).parents[3] / ".images/guest"


@pytest.fixture(scope="session")
def kernel() -> Kernel:
    need("qemu-system-x86_64", "e2fsck")
    return get_guest_kernel(CACHE, "x86_64")


@pytest.fixture(scope="session")
def arm_kernel() -> Kernel:
    need("qemu-system-aarch64", "e2fsck")
    return get_guest_kernel(CACHE, "aarch64")
