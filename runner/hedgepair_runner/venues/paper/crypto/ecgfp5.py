"""The group ecGFp5: y² = x(x² + 2x + 263z) over Fp5 (protocol §5.7, IACR ePrint 2022/274).

The group's neutral element is the curve's point N = (0, 0) of order two and its operation is
P + Q + N; the formulas below have that built in and know no special cases. A point is kept as
fractions (X : Z : U : T) with x = X/Z and u = x/y = U/T; an `Affine` point as (x, u), reduced.
A point is encoded as w = y/x = T/U.

Multiplication is by a comb: a table holds, for each of 255 sums of the points 2^(40·i) · P, that
sum; 40 doublings and at most 40 additions then multiply by any scalar, and the doublings are shared
when several products are summed. Building a table costs some ten multiplications, so a table is
worth keeping.

Sizes (see fp5): X, U < 2^65, Z < 2^67, T < 2^68 for every point that these functions return.
"""

from __future__ import annotations

from collections.abc import Sequence

from hedgepair_runner.venues.paper.crypto import fp5
from hedgepair_runner.venues.paper.crypto.constants import GOLDILOCKS
from hedgepair_runner.venues.paper.crypto.fp5 import ZEROS, Element, mul, tighten

ORDER = 0x7FFFFFFD80000007_7FFFFFF100000016_7FFFFFE6CFB80639_E8885C39D724A09C_E80FD996948BFFE1
"""The number of elements of the group, a prime."""

Point = tuple[Element, Element, Element, Element]
Affine = tuple[Element, Element]
Table = tuple[Affine, ...]

NEUTRAL: Point = (0, fp5.ONE, 0, fp5.ONE)
GENERATOR_CODE = bytes([4]) + bytes(39)

_TEETH = 8
_SPACING = 40
_ALL = (1 << (5 * fp5.SLOT_BITS)) - 1
_B_SHIFTED = 263 << fp5.SLOT_BITS
_12P = fp5.pack([12 * GOLDILOCKS] * 5)


def _times_b(a: Element) -> Element:
    """a · 263z; the size grows by 2^10."""
    c = a * _B_SHIFTED
    return (c & _ALL) + 3 * (c >> 750)


def add(point: Point, other: Affine) -> Point:
    """The group's sum; eight multiplications."""
    x1, z1, u1, t1 = point
    x2, u2 = other
    xx = mul(x1, x2)
    uu = mul(u1, u2)
    zb = _times_b(z1)
    cross_x = x1 + mul(x2, z1)
    cross_u = u1 + mul(u2, t1)
    k = xx + zb
    left = mul(t1, k)
    right = mul(uu, 2 * (_times_b(cross_x) + k))
    mixed = mul(t1 + 2 * uu, cross_x + k)
    return (
        tighten(_times_b(mixed + ZEROS - left)),
        left + ZEROS - right,
        mul(cross_u, zb + ZEROS - xx),
        left + right,
    )


def double(point: Point) -> Point:
    """The group's sum of a point with itself; nine multiplications."""
    x, z, u, t = point
    zt = mul(z, t)
    ztt = mul(zt, t)
    ztu = mul(zt, u)
    w = ztt + ZEROS - mul(mul(u, u), 2 * (x + z))
    square = mul(ztu, ztu)
    z_new = mul(w, w)
    return (
        tighten(4 * _times_b(square)),
        z_new,
        mul(w, 2 * ztu),
        2 * mul(ztt, ztt) + _12P - 4 * square - z_new,
    )


def table_of(point: Affine) -> Table:
    """The comb of a point: entry m is the sum of 2^(40·i) · P over the bits i of m."""
    power: Point = _fraction(point)
    powers = [power]
    for _ in range(_TEETH - 1):
        for _ in range(_SPACING):
            power = double(power)
        powers.append(power)
    teeth = _normalise(powers)
    sums: list[Point] = [NEUTRAL]
    for tooth in teeth:
        sums += [add(entry, tooth) for entry in sums]
    return _normalise(sums)


def multiply(*products: tuple[int, Table]) -> Point:
    """The sum of scalar · P over (scalar, table of P); 0 ≤ scalar < ORDER."""
    result = NEUTRAL
    columns = zip(*(_entries(scalar, table) for scalar, table in products), strict=True)
    for column in columns:
        result = double(result)
        for entry in column:
            result = add(result, entry)
    return result


def _entries(scalar: int, table: Table) -> list[Affine]:
    """The table's entries to add, from the most significant column of the comb."""
    bits = f"{scalar:0{_TEETH * _SPACING}b}"
    rows = [bits[start : start + _SPACING] for start in range(0, len(bits), _SPACING)]
    return [table[int("".join(column), 2)] for column in zip(*rows, strict=True)]


def encode(point: Point) -> fp5.Limbs:
    """w = T/U, reduced; all zeros for the neutral element."""
    return fp5.limbs(mul(point[3], fp5.inverse(point[2])))


def decode(code: bytes) -> Affine | None:
    """The point with this w; None if there is none, or if it is the neutral element.

    x solves x² − (w² − 2)x + 263z = 0; of the two roots it is the one that is no square.
    """
    w = fp5.from_bytes(code)
    if not w:
        return None
    e = mul(w, w) + ZEROS - 2
    root = fp5.square_root(mul(e, e) + ZEROS - _times_b(4))
    if root is None:
        return None
    half = (GOLDILOCKS + 1) // 2
    x = fp5.scale(e + root, half)
    if fp5.is_square(x):
        x = fp5.scale(e + ZEROS - root, half)
    return x, fp5.inverse(w)


def _fraction(point: Affine) -> Point:
    return point[0], fp5.ONE, point[1], fp5.ONE


def _normalise(points: Sequence[Point]) -> Table:
    """Many points at one inversion: 1/a = b · 1/(a·b), all the way down."""
    product = fp5.ONE
    before: list[Element] = []
    for _, z, _, t in points:
        before.append(product)
        product = mul(product, mul(z, t))
    rest = fp5.inverse(product)
    table: list[Affine] = []
    for (x, z, u, t), earlier in zip(reversed(points), reversed(before), strict=True):
        inverse_zt = mul(rest, earlier)
        rest = mul(rest, mul(z, t))
        table.append((mul(mul(x, t), inverse_zt), mul(mul(u, z), inverse_zt)))
    return tuple(reversed(table))
