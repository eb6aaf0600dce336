"""Every declaration of `pyext4.ondisk`, for tests that go through all of them."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

from construct import Struct

import pyext4.ondisk

__all__ = ["MODULES", "STRUCTURES"]

MODULES = {
    info.name: importlib.import_module(f"pyext4.ondisk.{info.name}")
    for info in pkgutil.iter_modules([str(Path(pyext4.ondisk.__file__ or "").parent)])
}

STRUCTURES: dict[str, Any] = {
    name: value
    for module in MODULES.values()
    for name, value in vars(module).items()
    if isinstance(value, Struct)
}
