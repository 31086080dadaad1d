"""The environment variables that commands read where their option is not given."""

from __future__ import annotations

from typing import Final

REDIS_URL: Final = "HEDGEPAIR_REDIS_URL"
EXCHANGE_URL: Final = "HEDGEPAIR_EXCHANGE_URL"
PAPER_SEED: Final = "HEDGEPAIR_PAPER_SEED"
PROBES: Final = "HEDGEPAIR_PROBES"

DESIRED: Final = "HEDGEPAIR_DESIRED"
STATE_DIR: Final = "HEDGEPAIR_STATE_DIR"

DEFAULT_PAPER_SEED: Final = "7"
"""Of exchange and runners alike: paper keys follow from it."""
