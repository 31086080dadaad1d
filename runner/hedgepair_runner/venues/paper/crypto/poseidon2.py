"""Poseidon2 over the Goldilocks field: the venue's hash (protocol §5.7).

Width 12, rate 8, 4 + 22 + 4 rounds, S-box x^7, no padding. It runs for every transaction on the
exchange's event loop, so three things are done for speed:

* Sums stay unreduced until a product needs them small; ints are exact, only size costs time.
* The S-box reduces twice. On all elements: y = x³ mod p, then y·y·x mod p. In the internal
  rounds, whose x is small: y = x² mod p, then y·y·(y·x) mod p.
* The external layer is written out where it runs most: calls and tuples cost as much as its sums.
* In the internal rounds only element 0 meets the S-box; elements 1 to 11 evolve linearly. So what
  round r adds up from them, and what they end as, is one linear map of their start and of the
  rounds' sums. The map is packed into long ints, one slot for each result: a multiplication by a
  long constant does a whole column of it at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from hedgepair_runner.venues.paper.crypto.constants import (
    EXTERNAL_ROUND_CONSTANTS,
    GOLDILOCKS,
    INTERNAL_DIAGONAL,
    INTERNAL_ROUND_CONSTANTS,
)

RATE = 8

_P = GOLDILOCKS
_State = tuple[int, int, int, int, int, int, int, int, int, int, int, int]
_ZERO_STATE: _State = (0,) * 12
_FIRST_ROUNDS = EXTERNAL_ROUND_CONSTANTS[:4]
_LAST_ROUNDS = EXTERNAL_ROUND_CONSTANTS[4:]

# A slot holds a sum of 33 products of a 69-bit start or 64-bit sum with a 64-bit constant.
_SLOT_BITS = 150
_SLOT = (1 << _SLOT_BITS) - 1


def hash_elements(elements: Sequence[int]) -> tuple[int, int, int, int, int]:
    """Five field elements from field elements; each input is a non-negative int below 2^64."""
    state = _ZERO_STATE
    for start in range(0, len(elements), RATE):
        block = elements[start : start + RATE]
        state = permute((*block, *state[len(block) :]))
    return state[:5]


def permute(state: tuple[int, ...]) -> _State:
    """The permutation of twelve elements; the result is reduced."""
    mixed = _external_layer(state)
    mixed = _external_rounds(mixed, _FIRST_ROUNDS)
    mixed = _internal_rounds(mixed)
    a, b, c, d, e, f, g, h, i, j, k, m = _external_rounds(mixed, _LAST_ROUNDS)
    return (
        *(a % _P, b % _P, c % _P, d % _P, e % _P, f % _P),
        *(g % _P, h % _P, i % _P, j % _P, k % _P, m % _P),
    )


def _external_layer(state: tuple[int, ...]) -> tuple[int, ...]:
    """Each group of four plus the sum of the groups, times the circulant (2, 3, 1, 1)."""
    a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3 = state
    s0 = a0 + b0 + c0
    s1 = a1 + b1 + c1
    s2 = a2 + b2 + c2
    s3 = a3 + b3 + c3
    a0, a1, a2, a3 = a0 + s0, a1 + s1, a2 + s2, a3 + s3
    b0, b1, b2, b3 = b0 + s0, b1 + s1, b2 + s2, b3 + s3
    c0, c1, c2, c3 = c0 + s0, c1 + s1, c2 + s2, c3 + s3
    a01, a23, b01, b23, c01, c23 = a0 + a1, a2 + a3, b0 + b1, b2 + b3, c0 + c1, c2 + c3
    a, b, c = a01 + a23, b01 + b23, c01 + c23
    return (
        *(a + a01 + a1, a + a1 + a2 + a2, a + a23 + a3, a + a3 + a0 + a0),
        *(b + b01 + b1, b + b1 + b2 + b2, b + b23 + b3, b + b3 + b0 + b0),
        *(c + c01 + c1, c + c1 + c2 + c2, c + c23 + c3, c + c3 + c0 + c0),
    )


def _external_rounds(
    state: tuple[int, ...], rounds: tuple[tuple[int, ...], ...]
) -> tuple[int, ...]:
    """Four rounds: S-boxes on all, then the external layer, written out."""
    p = _P
    a, b, c, d, e, f, g, h, i, j, k, m = state
    for k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11 in rounds:
        a = (y := (x := a + k0) * x * x % p) * y * x % p
        b = (y := (x := b + k1) * x * x % p) * y * x % p
        c = (y := (x := c + k2) * x * x % p) * y * x % p
        d = (y := (x := d + k3) * x * x % p) * y * x % p
        e = (y := (x := e + k4) * x * x % p) * y * x % p
        f = (y := (x := f + k5) * x * x % p) * y * x % p
        g = (y := (x := g + k6) * x * x % p) * y * x % p
        h = (y := (x := h + k7) * x * x % p) * y * x % p
        i = (y := (x := i + k8) * x * x % p) * y * x % p
        j = (y := (x := j + k9) * x * x % p) * y * x % p
        k = (y := (x := k + k10) * x * x % p) * y * x % p
        m = (y := (x := m + k11) * x * x % p) * y * x % p
        s0, s1, s2, s3 = a + e + i, b + f + j, c + g + k, d + h + m
        a, b, c, d = a + s0, b + s1, c + s2, d + s3
        e, f, g, h = e + s0, f + s1, g + s2, h + s3
        i, j, k, m = i + s0, j + s1, k + s2, m + s3
        s0, s1 = a + b, c + d
        s2 = s0 + s1
        a, b, c, d = s2 + s0 + b, s2 + b + c + c, s2 + s1 + d, s2 + d + a + a
        s0, s1 = e + f, g + h
        s2 = s0 + s1
        e, f, g, h = s2 + s0 + f, s2 + f + g + g, s2 + s1 + h, s2 + h + e + e
        s0, s1 = i + j, k + m
        s2 = s0 + s1
        i, j, k, m = s2 + s0 + j, s2 + j + k + k, s2 + s1 + m, s2 + m + i + i
    return a, b, c, d, e, f, g, h, i, j, k, m


def _internal_rounds(state: tuple[int, ...]) -> tuple[int, ...]:
    """All 22 rounds. The lowest slot of `ahead` is what elements 1 to 11 sum to in this round."""
    p, slot, d0 = _P, _SLOT, INTERNAL_DIAGONAL[0]
    x, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11 = state
    m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11 = _OF_START
    ahead = (
        x1 * m1 + x2 * m2 + x3 * m3 + x4 * m4 + x5 * m5 + x6 * m6
        + x7 * m7 + x8 * m8 + x9 * m9 + x10 * m10 + x11 * m11
    )  # fmt: skip
    x += INTERNAL_ROUND_CONSTANTS[0]
    for next_constant, of_sum in _OF_SUMS:
        y = x * x % p
        y = y * y * (y * x) % p
        total = (y + (ahead & slot)) % p
        ahead = (ahead >> _SLOT_BITS) + total * of_sum
        x = (total + d0 * y + next_constant) % p
    return x, *[(ahead >> shift) & slot for shift in range(0, 11 * _SLOT_BITS, _SLOT_BITS)]


def _pack(values: Sequence[int]) -> int:
    return sum(value << (_SLOT_BITS * index) for index, value in enumerate(values))


def _columns_of_start() -> tuple[int, ...]:
    """For elements 1 to 11: their share in the 22 rounds' sums, then in the 11 final elements."""
    rounds, diagonal = len(INTERNAL_ROUND_CONSTANTS), INTERNAL_DIAGONAL[1:]
    return tuple(
        _pack(
            [pow(d, r, _P) for r in range(rounds)]
            + [pow(d, rounds, _P) if k == own else 0 for k in range(len(diagonal))]
        )
        for own, d in enumerate(diagonal)
    )


def _columns_of_sums() -> tuple[tuple[int, int], ...]:
    """For each round: the next round's constant, and its sum's share in all that comes later."""
    rounds, diagonal = len(INTERNAL_ROUND_CONSTANTS), INTERNAL_DIAGONAL[1:]
    echoes = [sum(pow(d, age, _P) for d in diagonal) % _P for age in range(rounds)]
    columns = [
        _pack(echoes[: rounds - 1 - r] + [pow(d, rounds - 1 - r, _P) for d in diagonal])
        for r in range(rounds)
    ]
    return tuple(zip((*INTERNAL_ROUND_CONSTANTS[1:], 0), columns, strict=True))


_OF_START = _columns_of_start()
_OF_SUMS = _columns_of_sums()
