"""What runners share beyond their own pair, as ports (design §8): the request budget of an L1
address, the dead man's switch of an account, and how often a runner was started lately.

Nothing here is needed for correctness (law 8). A failed call raises BusUnavailable and says
nothing about whether it took effect.
"""

from __future__ import annotations

from typing import Protocol

from hedgepair_runner.budgeting import Claim, Grant, QuotaWord, Resource
from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.switching import Tended


class Sharing(Protocol):
    """The shared records of one venue."""

    async def claim_budget(
        self, l1_address: str, resource: Resource, *, member: str, claim: Claim
    ) -> Grant:
        """Takes the member's word, and grants it what `budgeting.grant` allows."""
        ...

    async def share_quota(self, l1_address: str, word: QuotaWord) -> QuotaWord:
        """Leaves the fresher of the two words behind (`budgeting.newer_word`), and gives it."""
        ...

    async def tend_switch(self, account_index: int, *, member: str, wants_turn: bool) -> Tended:
        """The member lives and rests orders on the account. With `wants_turn` it asks to be the
        one who renews now; nobody else gets the turn for `switching.TURN_S`."""
        ...

    async def switch_armed(self, account_index: int, *, until_ms: int) -> None:
        """The venue's scheduled cancel-all was proved to be armed until then; 0: it is not."""
        ...

    async def leave_switch(self, account_index: int, *, member: str) -> bool:
        """The member rests nothing any more. True: others who live rest orders there."""
        ...

    async def note_start(self, pair: PairId, role: Role) -> int:
        """How often this role of the pair started within `starting.WINDOW_S`, this time too."""
        ...
