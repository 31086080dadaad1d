"""Client order indexes: unique while their nonce is, and readable by whoever finds one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_runner.contract.identity import (
    BAND,
    EPOCH_BITS,
    PairId,
    Role,
    VenueId,
    client_order_index,
    is_of_pair,
    read_client_order_index,
    unwinding_order_index,
)
from tests.decide.facts import BRIEFLY

LARGEST_INDEX = (1 << 48) - 1
"""The venue's limit (protocol §5.4)."""

roles = st.sampled_from(Role)
names = st.text("abcxyz0189-", min_size=1, max_size=12)
pairs = st.builds(PairId, namespace=names, pairing=names)
nonces = st.integers(0, (1 << 47) - 1)


@BRIEFLY
@given(role=roles, pair=pairs, nonce=nonces)
def test_an_index_tells_its_role_its_pair_and_its_nonce(
    role: Role, pair: PairId, nonce: int
) -> None:
    index = client_order_index(role, pair, nonce)

    parts = read_client_order_index(index)

    assert parts is not None
    assert parts.role is role
    assert parts.pair_hash == pair.hash12
    assert parts.epoch_low == (nonce // BAND) % (1 << EPOCH_BITS)
    assert parts.nonce_low == nonce % BAND
    assert is_of_pair(index, role, pair)
    assert 0 < index <= LARGEST_INDEX


@BRIEFLY
@given(pair=pairs, nonce=nonces)
def test_an_order_that_undoes_is_the_makers_and_no_quote(pair: PairId, nonce: int) -> None:
    undoing = unwinding_order_index(pair, nonce)
    quoting = client_order_index(Role.MAKER, pair, nonce)

    undoing_parts, quoting_parts = map(read_client_order_index, (undoing, quoting))

    assert undoing != quoting
    assert undoing_parts is not None
    assert undoing_parts.unwinds
    assert quoting_parts is not None
    assert not quoting_parts.unwinds
    assert is_of_pair(undoing, Role.MAKER, pair)
    assert 0 < undoing <= LARGEST_INDEX


@BRIEFLY
@given(
    pair=pairs,
    one=st.tuples(roles, st.integers(0, (1 << (EPOCH_BITS + 20)) - 1)),
    other=st.tuples(roles, st.integers(0, (1 << (EPOCH_BITS + 20)) - 1)),
)
def test_within_16384_epochs_no_two_nonces_of_a_pair_share_an_index(
    pair: PairId, one: tuple[Role, int], other: tuple[Role, int]
) -> None:
    indexes = {client_order_index(role, pair, nonce) for role, nonce in (one, other)}

    assert len(indexes) == len({one, other})


@BRIEFLY
@given(role=roles, pair=pairs, nonce=nonces)
def test_the_partner_s_order_is_not_taken_for_one_s_own(
    role: Role, pair: PairId, nonce: int
) -> None:
    partner = Role.HEDGER if role is Role.MAKER else Role.MAKER

    assert not is_of_pair(client_order_index(role, pair, nonce), partner, pair)


def test_the_order_of_another_pair_is_foreign() -> None:
    ours = PairId(namespace="trading", pairing="eth")
    theirs = PairId(namespace="trading", pairing="btc")

    assert not is_of_pair(client_order_index(Role.MAKER, theirs, 5), Role.MAKER, ours)


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(0, id="none given"),
        pytest.param(1_700_000_000_000, id="a clock's milliseconds"),
        pytest.param((1 << 46) - 1, id="without a role"),
        pytest.param(5 << 46, id="beyond 48 bits"),
        pytest.param(-1, id="negative"),
    ],
)
def test_an_index_of_somebody_else_is_not_read_as_ours(index: int) -> None:
    assert read_client_order_index(index) is None


def test_a_url_with_or_without_its_last_slash_is_one_venue() -> None:
    assert str(VenueId(chain_id=300, url="http://paper:8080/")) == str(
        VenueId(chain_id=300, url="http://paper:8080")
    )


def test_the_chain_tells_venues_behind_one_url_apart() -> None:
    assert str(VenueId(chain_id=300, url="http://x")) != str(VenueId(chain_id=304, url="http://x"))
