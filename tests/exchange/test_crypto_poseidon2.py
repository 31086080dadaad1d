"""The hash: known values, and agreement with the permutation as protocol §5.7 spells it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hedgepair_runner.venues.paper.crypto import fp5
from hedgepair_runner.venues.paper.crypto.constants import (
    EXTERNAL_ROUND_CONSTANTS,
    GOLDILOCKS,
    INTERNAL_DIAGONAL,
    INTERNAL_ROUND_CONSTANTS,
)
from hedgepair_runner.venues.paper.crypto.poseidon2 import hash_elements, permute

ELEMENTS = st.one_of(
    st.integers(0, 2**64 - 1),
    st.sampled_from([0, 1, GOLDILOCKS - 1, 2**32 - 1, 2**64 - 1]),
)


def plain_external_layer(state: list[int]) -> list[int]:
    mixed = []
    for a, b, c, d in (state[0:4], state[4:8], state[8:12]):
        mixed += [2 * a + 3 * b + c + d, a + 2 * b + 3 * c + d]
        mixed += [a + b + 2 * c + 3 * d, 3 * a + b + c + 2 * d]
    return [(x + sum(mixed[k % 4 :: 4])) % GOLDILOCKS for k, x in enumerate(mixed)]


def plain_external_round(state: list[int], constants: tuple[int, ...]) -> list[int]:
    pairs = zip(state, constants, strict=True)
    return plain_external_layer([pow(x + c, 7, GOLDILOCKS) for x, c in pairs])


def plain_permutation(state: list[int]) -> list[int]:
    state = plain_external_layer(state)
    for constants in EXTERNAL_ROUND_CONSTANTS[:4]:
        state = plain_external_round(state, constants)
    for constant in INTERNAL_ROUND_CONSTANTS:
        state[0] = pow(state[0] + constant, 7, GOLDILOCKS)
        total = sum(state)
        pairs = zip(state, INTERNAL_DIAGONAL, strict=True)
        state = [(total + d * x) % GOLDILOCKS for x, d in pairs]
    for constants in EXTERNAL_ROUND_CONSTANTS[4:]:
        state = plain_external_round(state, constants)
    return state


def test_twelve_zeros_permute_to_the_known_values() -> None:
    assert permute((0,) * 12)[:3] == (
        7182099517097165596,
        9311216678150108034,
        8831900494918587432,
    )


def test_one_two_three_hashes_to_the_known_value() -> None:
    assert fp5.to_bytes(hash_elements([1, 2, 3])).hex() == (
        "eba7ee38133f127ddaa119070a5c51d0c65bb35ab5c4b037df453847037f9081b13ba509cf216e2d"
    )


def test_nothing_hashes_to_zeros() -> None:
    assert hash_elements([]) == (0, 0, 0, 0, 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(ELEMENTS, min_size=12, max_size=12))
def test_the_fast_permutation_is_the_plain_one(state: list[int]) -> None:
    assert list(permute(tuple(state))) == plain_permutation(state)


@settings(max_examples=30, deadline=None)
@given(st.lists(ELEMENTS, min_size=1, max_size=20))
def test_a_block_overwrites_the_first_elements_and_leaves_the_others(elements: list[int]) -> None:
    state = [0] * 12
    for start in range(0, len(elements), 8):
        block = elements[start : start + 8]
        state = plain_permutation([*block, *state[len(block) :]])

    assert list(hash_elements(elements)) == state[:5]
