"""Which transactions have their signature checked (design §11)."""

from __future__ import annotations

from typing import assert_never

from hedgepair_runner.venues.paper.gateway_settings import Checking


def wants_check(checking: Checking, *, one_in: int, earlier_of_key: int) -> bool:
    """`earlier_of_key`: transactions of the same account and key that were seen before this one.

    Sampling takes a key's first, which tells a wrong key or chain id, then one in `one_in`.
    """
    match checking:
        case Checking.OFF:
            return False
        case Checking.STRICT:
            return True
        case Checking.SAMPLED:
            return earlier_of_key % one_in == 0
        case _:
            assert_never(checking)
