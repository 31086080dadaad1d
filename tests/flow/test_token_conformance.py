"""The token's two stores, real Redis and memory, promise the same (design §6)."""

from __future__ import annotations

from dataclasses import replace

from hedgepair_runner.acting import Errand, Owner, Position, Token
from tests.flow.bus_worlds import OTHER_PAIR, Live, World

CLAIM = Token(hedger_epoch=(1 << 24) + 7, sequence=1, owner=Owner.HEDGER, maker_epoch=5)
LENT = Token(
    hedger_epoch=(1 << 24) + 7,
    sequence=2,
    owner=Owner.MAKER,
    maker_epoch=6,
    is_acknowledged=True,
    position=Position(trade_id=1 << 52, lots=-500),
    errand=Errand(gap_lots=-120, hedger_account=102, hedger_lots=380, accepted_net_lots=0),
)


def test_a_token_is_read_as_it_was_written(live: Live) -> None:
    async def scenario(world: World) -> None:
        assert await world.tokens().read_token() is None
        assert await world.tokens().replace_token(CLAIM, instead_of=None)
        assert await world.tokens().read_token() == CLAIM
        assert await world.tokens().replace_token(LENT, instead_of=CLAIM)
        assert await world.tokens().read_token() == LENT

    live(scenario)


def test_only_the_version_that_was_read_is_replaced(live: Live) -> None:
    async def scenario(world: World) -> None:
        tokens = world.tokens()
        assert not await tokens.replace_token(LENT, instead_of=CLAIM)
        assert await tokens.replace_token(CLAIM, instead_of=None)
        assert not await tokens.replace_token(LENT, instead_of=None)
        for other in (replace(CLAIM, sequence=2), replace(CLAIM, hedger_epoch=9)):
            assert not await tokens.replace_token(LENT, instead_of=other)
        assert await tokens.read_token() == CLAIM

    live(scenario)


def test_each_pair_has_a_token_of_its_own_and_a_flush_takes_it(live: Live) -> None:
    async def scenario(world: World) -> None:
        assert await world.tokens().replace_token(CLAIM, instead_of=None)
        assert await world.tokens(OTHER_PAIR).read_token() is None
        await world.flush()
        assert await world.tokens().read_token() is None
        assert await world.tokens().replace_token(LENT, instead_of=None)

    live(scenario)
