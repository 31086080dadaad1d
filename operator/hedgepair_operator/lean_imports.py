"""Keeps 38 MiB and a second of start out of the process: the synchronous half of `kubernetes`.

The package's own `__init__` imports it, and kopf imports its models where it finds them, to know
objects that nobody here uses. The operator talks through `kubernetes.aio` alone.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec, module_from_spec

_PACKAGE = "kubernetes"


def prepare() -> None:
    """To be called before anything imports kopf or kubernetes; later it does nothing."""
    spec = find_spec(_PACKAGE)
    if _PACKAGE in sys.modules or "kopf" in sys.modules or spec is None:
        return
    sys.modules[_PACKAGE] = None  # type: ignore[assignment]  # for kopf there is no such package
    try:
        importlib.import_module("kopf")
    finally:
        del sys.modules[_PACKAGE]
    # The package without its `__init__`: its parts are found, none is loaded unasked.
    sys.modules[_PACKAGE] = module_from_spec(spec)
