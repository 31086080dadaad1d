"""`python -m hedgepair_runner.venues.paper`: the same as `hedgepair exchange`."""

from __future__ import annotations

import sys

from hedgepair_runner.venues.paper.command import main

if __name__ == "__main__":
    sys.exit(main())
