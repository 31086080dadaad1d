"""The field Fp5 = Fp[z]/(z⁵ − 3) over Goldilocks, as packed whole numbers (protocol §5.7).

An `Element` is one int of five slots of 150 bits, lowest power of z first, never negative. One
multiplication of long ints then does all 25 products of coefficients, and reduction works on all
slots at once. A slot may hold more than p: its *size* is what its user must watch.

* `mul(a, b)` needs sizes whose product is below 2^146 and returns slots below 2^65.
* Sums and small multiples add to the size; a difference adds a multiple of p first (`ZEROS`).
* `limbs` returns to reduced coefficients.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from hedgepair_runner.venues.paper.crypto.constants import GOLDILOCKS

Element = int
Limbs = tuple[int, ...]
"""Five coefficients below p."""

SIZE_BYTES = 40
SLOT_BITS = 150
ONE = 1

_P = GOLDILOCKS
_ALL = (1 << (5 * SLOT_BITS)) - 1
_SLOT = (1 << SLOT_BITS) - 1
_FORMAT = struct.Struct("<5Q")


def pack(limbs: Sequence[int]) -> Element:
    a, b, c, d, e = limbs
    return a | b << 150 | c << 300 | d << 450 | e << 600


def limbs(a: Element) -> Limbs:
    return (
        (a & _SLOT) % _P,
        (a >> 150 & _SLOT) % _P,
        (a >> 300 & _SLOT) % _P,
        (a >> 450 & _SLOT) % _P,
        (a >> 600) % _P,
    )


def _in_each_slot(value: int) -> Element:
    return pack([value] * 5)


ZEROS: Element = _in_each_slot(4 * _P)
"""Zero, in slots just below 2^66: `a + ZEROS − b` is a − b for every b of size 2^65."""

_R = 2**96 + 1  # 2^96 ≡ −1, so a multiple of p
_ZERO_P = _in_each_slot(_P)
_LOW_54 = _in_each_slot(2**54 - 1)
_LOW_86 = _in_each_slot(2**86 - 1)


def mul(a: Element, b: Element) -> Element:
    """a · b; slots of the result are below 2^65."""
    c = a * b
    c = (c & _ALL) + 3 * (c >> 750)
    # slots < 2^150 → < 2^96 + p: takes away (slot div 2^96) · (2^96 + 1)
    c += _ZERO_P - (c >> 96 & _LOW_54) * _R
    # → < 2^65: takes away (slot div 2^64) · p
    return c - (c >> 64 & _LOW_86) * _P


def tighten(a: Element) -> Element:
    """The same element, slots below 2^64 + a's size / 2^32 (for sizes up to 2^97: 2^66)."""
    return a - (a >> 64 & _LOW_86) * _P


def scale(a: Element, factor: int) -> Element:
    """a · factor with 0 ≤ factor < p, for sizes up to 2^80; slots of the result below 2^65."""
    c = a * factor
    c += _ZERO_P - (c >> 96 & _LOW_54) * _R
    return c - (c >> 64 & _LOW_86) * _P


_FROBENIUS = tuple(
    tuple(pow(3, (_P - 1) // 5 * power * k, _P) for k in range(5)) for power in range(5)
)


def frobenius(a: Element, power: int) -> Element:
    """a^(p^power): each coefficient times a power of a fifth root of one."""
    return pack([x * f % _P for x, f in zip(limbs(a), _FROBENIUS[power], strict=True)])


def _conjugates(a: Element) -> tuple[Element, int]:
    """The product of a's four other conjugates, and the norm: a times that, which is in Fp."""
    pair = mul(frobenius(a, 1), frobenius(a, 2))
    others = mul(pair, frobenius(pair, 2))
    return others, limbs(mul(a, others))[0]


def inverse(a: Element) -> Element:
    """1 / a, and 0 for 0."""
    others, norm = _conjugates(a)
    return scale(others, pow(norm, -1, _P)) if norm else 0


def is_square(a: Element) -> bool:
    """True for 0 too: an element is a square exactly if its norm is one."""
    return pow(_conjugates(a)[1], (_P - 1) // 2, _P) <= 1


def square_root(a: Element) -> Element | None:
    """One of the two roots, None where there is none.

    With r = 1 + p + p² + p³ + p⁴ the norm is a^r; (a^((r+1)/2))² = a · norm, so dividing by the
    norm's own root leaves a root of a.
    """
    root_of_norm = _square_root_mod_p(_conjugates(a)[1])
    if root_of_norm is None:
        return None
    half = _power(frobenius(a, 1), (_P + 1) // 2)
    raised = mul(a, mul(half, frobenius(half, 2)))
    return scale(raised, pow(root_of_norm, -1, _P)) if root_of_norm else 0


def _power(a: Element, exponent: int) -> Element:
    result = ONE
    for bit in f"{exponent:b}":
        result = mul(result, result)
        if bit == "1":
            result = mul(result, a)
    return result


def _square_root_mod_p(x: int) -> int | None:
    """Tonelli and Shanks: p − 1 = 2^32 · (2^32 − 1), and 7 generates the whole group."""
    if x == 0:
        return 0
    if pow(x, (_P - 1) // 2, _P) != 1:
        return None
    odd, order = 2**32 - 1, 32
    generator, rest, root = pow(7, odd, _P), pow(x, odd, _P), pow(x, (odd + 1) // 2, _P)
    while rest != 1:
        exponent, power = 0, rest
        while power != 1:
            power = power * power % _P
            exponent += 1
        step = pow(generator, 1 << (order - exponent - 1), _P)
        root, generator, order = root * step % _P, step * step % _P, exponent
        rest = rest * generator % _P
    return root


def from_bytes(data: bytes) -> Element | None:
    """Five little-endian coefficients; None unless there are 40 bytes and each is below p."""
    if len(data) != SIZE_BYTES:
        return None
    coefficients = _FORMAT.unpack(data)
    return pack(coefficients) if max(coefficients) < _P else None


def to_bytes(coefficients: Sequence[int]) -> bytes:
    return _FORMAT.pack(*coefficients)
