"""The field and the group: laws, extremes, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgepair_runner.venues.paper.crypto import ecgfp5, fp5
from hedgepair_runner.venues.paper.crypto.constants import GOLDILOCKS
from hedgepair_runner.venues.paper.crypto.ecgfp5 import ORDER

P = GOLDILOCKS
LIMB = st.one_of(st.integers(0, P - 1), st.sampled_from([0, 1, P - 1, 2**32 - 1, 2**32]))
LIMBS = st.tuples(LIMB, LIMB, LIMB, LIMB, LIMB)
SCALAR = st.one_of(st.integers(0, ORDER - 1), st.sampled_from([0, 1, 2, ORDER - 1]))


def wide(bits: int) -> st.SearchStrategy[tuple[int, ...]]:
    slot = st.one_of(st.integers(0, 2**bits - 1), st.just(2**bits - 1))
    return st.tuples(slot, slot, slot, slot, slot)


def plain_product(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    result = [0] * 5
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            result[(i + j) % 5] += x * y * (3 if i + j >= 5 else 1)
    return tuple(x % P for x in result)


def slots(a: fp5.Element) -> list[int]:
    return [a >> (150 * k) & (2**150 - 1) for k in range(5)] + [a >> 750]


@pytest.fixture(scope="module")
def generator_table() -> ecgfp5.Table:
    generator = ecgfp5.decode(ecgfp5.GENERATOR_CODE)
    assert generator is not None
    return ecgfp5.table_of(generator)


@settings(deadline=None)
@given(wide(69), wide(77))
def test_a_product_is_right_and_small_up_to_the_largest_sizes_allowed(
    a: tuple[int, ...], b: tuple[int, ...]
) -> None:
    product = fp5.mul(fp5.pack(a), fp5.pack(b))

    assert fp5.limbs(product) == plain_product(a, b)
    assert max(slots(product)[:5]) < 2**65
    assert slots(product)[5] == 0


@settings(deadline=None)
@given(wide(80), st.integers(0, P - 1))
def test_scaling_and_tightening_keep_the_element(a: tuple[int, ...], factor: int) -> None:
    packed = fp5.pack(a)

    assert fp5.limbs(fp5.scale(packed, factor)) == tuple(x * factor % P for x in a)
    assert fp5.limbs(fp5.tighten(packed)) == tuple(x % P for x in a)
    assert max(slots(fp5.tighten(packed))) < 2**65


@settings(max_examples=40, deadline=None)
@given(LIMBS)
def test_an_element_times_its_inverse_is_one(a: tuple[int, ...]) -> None:
    product = fp5.mul(fp5.pack(a), fp5.inverse(fp5.pack(a)))

    assert fp5.limbs(product) == ((1, 0, 0, 0, 0) if any(a) else (0, 0, 0, 0, 0))


@settings(max_examples=40, deadline=None)
@given(LIMBS)
def test_a_square_has_a_root_and_seven_times_it_has_none(a: tuple[int, ...]) -> None:
    square = fp5.mul(fp5.pack(a), fp5.pack(a))

    root = fp5.square_root(square)
    assert root is not None
    assert fp5.limbs(fp5.mul(root, root)) == fp5.limbs(square)
    assert fp5.is_square(square)
    if any(a):
        assert fp5.square_root(fp5.scale(square, 7)) is None
        assert not fp5.is_square(fp5.scale(square, 7))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bytes(39), id="too short"),
        pytest.param(bytes(41), id="too long"),
        pytest.param(b"\xff" * 8 + bytes(32), id="a coefficient of 2^64 − 1"),
        pytest.param(bytes(32) + P.to_bytes(8, "little"), id="a coefficient of p"),
    ],
)
def test_bytes_that_are_no_element_are_refused(data: bytes) -> None:
    assert fp5.from_bytes(data) is None


@settings(max_examples=15, deadline=None)
@given(a=SCALAR, b=SCALAR)
def test_multiples_of_the_generator_add_as_their_scalars(
    generator_table: ecgfp5.Table, a: int, b: int
) -> None:
    together = ecgfp5.multiply((a, generator_table), (b, generator_table))
    at_once = ecgfp5.multiply(((a + b) % ORDER, generator_table))

    assert ecgfp5.encode(together) == ecgfp5.encode(at_once)


@settings(max_examples=10, deadline=None)
@given(a=SCALAR, b=SCALAR)
def test_a_table_of_a_multiple_multiplies_it(generator_table: ecgfp5.Table, a: int, b: int) -> None:
    code = ecgfp5.encode(ecgfp5.multiply((a, generator_table)))
    point = ecgfp5.decode(fp5.to_bytes(code))
    if a == 0:
        assert point is None
        return
    assert point is not None

    by_steps = ecgfp5.multiply((b, ecgfp5.table_of(point)))
    at_once = ecgfp5.multiply((a * b % ORDER, generator_table))
    assert ecgfp5.encode(by_steps) == ecgfp5.encode(at_once)


@settings(max_examples=15, deadline=None)
@given(a=SCALAR)
def test_doubling_is_adding_to_itself_and_keeps_the_sizes(
    generator_table: ecgfp5.Table, a: int
) -> None:
    point = ecgfp5.multiply((a, generator_table))
    doubled = ecgfp5.double(point)

    assert ecgfp5.encode(doubled) == ecgfp5.encode(
        ecgfp5.multiply((2 * a % ORDER, generator_table))
    )
    for one in (point, doubled):
        bounds = zip(one, (65, 67, 65, 68), strict=True)
        assert all(max(slots(coordinate)) < 2**bits for coordinate, bits in bounds)


def test_the_order_times_the_generator_is_neutral(generator_table: ecgfp5.Table) -> None:
    neutral = ecgfp5.multiply((ORDER - 1, generator_table), (1, generator_table))

    assert ecgfp5.encode(neutral) == (0, 0, 0, 0, 0)
    assert fp5.limbs(neutral[0]) == (0, 0, 0, 0, 0)


def test_about_half_of_all_codes_are_points() -> None:
    points = [ecgfp5.decode(code.to_bytes(40, "little")) for code in range(100)]

    assert points[0] is None
    assert 30 < sum(point is not None for point in points) < 70
