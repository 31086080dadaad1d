"""`make bench`: the project's numbers, each beside its floor (design §13).

.venv/bin/python tests/bench/run.py [--quick] [--json FILE|-] [--only ROW ...]
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    # A script's folder is on the path, the project's is not.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    sys.exit(importlib.import_module("tests.bench.benchmark").main(sys.argv[1:]))
