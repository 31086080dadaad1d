"""Transactions: the recorded ones, what is refused with which code, and our own signing."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgepair_runner.venues.paper import keys, signing
from hedgepair_runner.venues.paper.crypto import schnorr
from hedgepair_runner.venues.paper.records import OrderType, TimeInForce
from hedgepair_runner.venues.paper.transactions import (
    LAYOUTS,
    TX_TYPES,
    UNSIGNED,
    Attributes,
    CancelAllOrders,
    CancelAllTimeInForce,
    CancelOrder,
    CreateOrder,
    InvalidTransaction,
    MarginDirection,
    MarginMode,
    ModifyOrder,
    Transaction,
    UpdateLeverage,
    UpdateMargin,
    parse_transaction,
    transaction_hash,
)

RECORDED_CREATE = (
    '{"AccountIndex":65,"ApiKeyIndex":4,"MarketIndex":0,"ClientOrderIndex":1001,"BaseAmount":500,'
    '"Price":235000,"IsAsk":0,"Type":0,"TimeInForce":2,"ReduceOnly":0,"TriggerPrice":0,'
    '"OrderExpiry":1795347767210,"ExpiredAt":1795344766211,"Nonce":7,'
    '"Sig":"9CUE1/YrPQRwvJFKum3FvZQEaXPOUFk35gJ7vh2sUVy6Yipgnd38ZvAUZg5ZhR3wfShxkqCV02o1WLwlZWcHaA'
    'OiE39h5UQvS4qH1DziREk=","L2TxAttributes":null}'
)
CREATE_HASH = "aa295f47d20119f70f48d4014d549ceea47de47fbf21b72a17fcd658d08637d4967467bfe206e223"
RECORDED_CANCEL_ALL = (
    '{"AccountIndex":65,"ApiKeyIndex":4,"TimeInForce":0,"Time":0,"ExpiredAt":1795344766214,"Nonce":7,'
    '"Sig":"i4Z0zm9dMu3q780/LBLJe2Nwki1SzYeAAcrRJRNcxtFMtRpXKSnUGX3ouJXwygUekEYKCz3AHOBJnIOkHZyzKb'
    'fb8ZBCAqAEpA9IztRm3zo=","L2TxAttributes":{"4":1,"5":3}}'
)
CANCEL_ALL_HASH = "350ed5f2aef4ae7a235c62b0f4ba8e4716372cb364ecae5ad7ca35cd269da06597610eaa84cc74de"

WHO: dict[str, Any] = {
    "account_index": 65,
    "api_key_index": 4,
    "nonce": 7,
    "expired_at_ms": 1795344766211,
}
EXAMPLES: dict[str, Transaction] = {
    "create": CreateOrder(
        **WHO,
        market_id=3,
        client_order_index=11,
        base_lots=500,
        price_ticks=235_000,
        is_ask=True,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.POST_ONLY,
        reduce_only=True,
        expiry_ms=1795347767210,
        attributes=Attributes(skip_nonce=True, self_trade_behaviour=2, self_trade_equality=1),
    ),
    "cancel": CancelOrder(**WHO, market_id=0, index=281476929510110),
    "cancel all": CancelAllOrders(
        **WHO, time_in_force=CancelAllTimeInForce.SCHEDULED, time_ms=1795347767210
    ),
    "modify": ModifyOrder(
        **WHO,
        market_id=0,
        index=7,
        base_lots=700,
        price_ticks=235_100,
        attributes=Attributes(order_version=3),
    ),
    "leverage": UpdateLeverage(
        **WHO, market_id=0, initial_margin_fraction=1000, margin_mode=MarginMode.ISOLATED
    ),
    "margin": UpdateMargin(**WHO, market_id=0, usdc_micro=5_000_000, direction=MarginDirection.ADD),
}


def info_of(example: str, **changes: object) -> dict[str, Any]:
    info: dict[str, Any] = json.loads(signing.tx_info_of(EXAMPLES[example]))
    return {**info, **changes}


def refusal(example: str, tx_info: dict[str, Any] | str) -> InvalidTransaction:
    with pytest.raises(InvalidTransaction) as caught:
        parse_transaction(TX_TYPES[type(EXAMPLES[example])], tx_info)
    return caught.value


def test_the_recorded_create_order_is_read_and_hashed() -> None:
    tx = parse_transaction(14, RECORDED_CREATE)

    assert replace(tx, signature=UNSIGNED) == CreateOrder(
        account_index=65,
        api_key_index=4,
        nonce=7,
        expired_at_ms=1795344766211,
        market_id=0,
        client_order_index=1001,
        base_lots=500,
        price_ticks=235_000,
        is_ask=False,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.POST_ONLY,
        expiry_ms=1795347767210,
    )
    assert transaction_hash(tx, chain_id=300).hex() == CREATE_HASH
    assert signing.tx_info_of(tx) == RECORDED_CREATE


def test_the_recorded_cancel_all_is_read_and_hashed_with_its_attributes() -> None:
    tx = parse_transaction(16, RECORDED_CANCEL_ALL)

    assert tx.attributes == Attributes(skip_nonce=True, cancel_all_market=3)
    assert transaction_hash(tx, chain_id=300).hex() == CANCEL_ALL_HASH
    assert signing.tx_info_of(tx) == RECORDED_CANCEL_ALL


@pytest.mark.parametrize("cls", TX_TYPES)
def test_layouts_name_every_field_of_their_class_once(cls: type[Transaction]) -> None:
    envelope = {"nonce", "expired_at_ms", "signature", "attributes"}

    named = [name for _, name in LAYOUTS[cls]]
    assert sorted(named) == sorted({field.name for field in fields(cls)} - envelope)


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_we_sign_is_read_back_and_verifies(example: str) -> None:
    private = keys.private_key("demo", 65, 4)
    signed = signing.sign_transaction(EXAMPLES[example], chain_id=300, private_key=private)

    tx = parse_transaction(signed.tx_type, signed.tx_info)
    digest = transaction_hash(tx, chain_id=300)
    assert replace(tx, signature=UNSIGNED) == EXAMPLES[example]
    assert digest.hex() == signed.tx_hash
    public_key = keys.public_key("demo", 65, 4)
    assert schnorr.verify(digest, signature=tx.signature, public_key=public_key)


def test_without_a_key_the_signature_is_zeros_and_the_hash_is_right() -> None:
    unsigned = signing.sign_transaction(EXAMPLES["create"], chain_id=300, private_key=None)
    signed = signing.sign_transaction(EXAMPLES["create"], chain_id=300, private_key=5, k=6)

    assert parse_transaction(14, unsigned.tx_info).signature == UNSIGNED
    assert unsigned.tx_hash == signed.tx_hash


@pytest.mark.parametrize("tx_type", [-1, 0, 8, 12, 21, 28, 45, 10**30])
def test_a_type_that_is_not_ours_is_unsupported(tx_type: int) -> None:
    with pytest.raises(InvalidTransaction) as caught:
        parse_transaction(tx_type, RECORDED_CREATE)

    assert caught.value.code == 21505


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut"),
        pytest.param("[]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param("7", id="a number"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param("\ud800", id="a lone surrogate"),
        pytest.param(RECORDED_CREATE.replace(":500", ":NaN"), id="NaN"),
        pytest.param(RECORDED_CREATE.replace(":500", ":Infinity"), id="infinity"),
        pytest.param(RECORDED_CREATE.replace(":500", ":500.0"), id="a float"),
        pytest.param(RECORDED_CREATE.replace(":500", ":5e2"), id="an exponent"),
        pytest.param(RECORDED_CREATE.replace(":500", ":" + "9" * 400), id="a huge number"),
        pytest.param(RECORDED_CREATE + "x", id="more after the end"),
        pytest.param("{}", id="no field"),
    ],
)
def test_text_that_is_no_transaction_is_invalid(text: str) -> None:
    assert refusal("create", text).code == 21501


@pytest.mark.parametrize(
    "value", [None, True, False, "5", 5.0, float("nan"), [], {}, 2**63, -(2**63) - 1, 10**500]
)
@pytest.mark.parametrize("example", EXAMPLES)
def test_a_number_that_is_none_is_invalid_in_every_field(example: str, value: object) -> None:
    numbers = [wire for wire, number in info_of(example).items() if type(number) is int]

    for wire in numbers:
        assert refusal(example, info_of(example, **{wire: value})).code == 21501


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_missing_field_is_invalid_but_for_the_attributes(example: str) -> None:
    for wire in info_of(example):
        info = info_of(example)
        del info[wire]
        if wire == "L2TxAttributes":
            parse_transaction(TX_TYPES[type(EXAMPLES[example])], info)
        else:
            assert refusal(example, info).code == 21501


@pytest.mark.parametrize(
    ("example", "wire", "value", "code"),
    [
        pytest.param("create", "AccountIndex", -1, 21102, id="negative account"),
        pytest.param("create", "AccountIndex", 2**48 - 1, 21102, id="account too high"),
        pytest.param("create", "ApiKeyIndex", 255, 21110, id="key index nil"),
        pytest.param("create", "ApiKeyIndex", 256, 21501, id="key index no byte"),
        pytest.param("create", "Nonce", -1, 21104, id="negative nonce"),
        pytest.param("create", "ExpiredAt", -1, 21501, id="negative ExpiredAt"),
        pytest.param("create", "MarketIndex", -1, 21602, id="negative market"),
        pytest.param("create", "MarketIndex", 2**15, 21501, id="market too wide"),
        pytest.param("create", "ClientOrderIndex", 2**48, 21727, id="client index too high"),
        pytest.param("create", "BaseAmount", -1, 21701, id="negative size"),
        pytest.param("create", "BaseAmount", 2**48, 21701, id="size too large"),
        pytest.param("create", "Price", 2**32, 21501, id="price too wide"),
        pytest.param("create", "Price", -1, 21501, id="negative price"),
        pytest.param("create", "IsAsk", 2, 21703, id="neither bid nor ask"),
        pytest.param("create", "Type", 7, 21704, id="internal order type"),
        pytest.param("create", "TimeInForce", 3, 21705, id="unknown time in force"),
        pytest.param("create", "ReduceOnly", 2, 21740, id="reduce only 2"),
        pytest.param("create", "OrderExpiry", -1, 21711, id="expiry -1"),
        pytest.param("cancel", "Index", -1, 21700, id="negative order index"),
        pytest.param("cancel", "Index", 2**60, 21700, id="order index too high"),
        pytest.param("cancel all", "TimeInForce", 3, 21713, id="unknown cancel-all mode"),
        pytest.param("cancel all", "Time", -1, 21714, id="negative time"),
        pytest.param("leverage", "InitialMarginFraction", 0, 21113, id="fraction 0"),
        pytest.param("leverage", "InitialMarginFraction", 10_001, 21113, id="fraction above 1"),
        pytest.param("leverage", "MarginMode", 2, 21613, id="unknown margin mode"),
        pytest.param("margin", "USDCAmount", 0, 21501, id="no amount"),
        pytest.param("margin", "Direction", 2, 21615, id="unknown direction"),
    ],
)
def test_a_number_out_of_its_range_is_refused_by_name(
    example: str, wire: str, value: int, code: int
) -> None:
    assert refusal(example, info_of(example, **{wire: value})).code == code


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param([], id="a list"),
        pytest.param("", id="text"),
        pytest.param({"1": 1, "4": 1, "6": 1, "7": 1, "8": 1}, id="five"),
        pytest.param({"9": 1}, id="unknown id"),
        pytest.param({"0": 1}, id="id 0"),
        pytest.param({"04": 1}, id="leading zero"),
        pytest.param({4: 1}, id="a number as key"),
        pytest.param({"4": True}, id="a bool"),
        pytest.param({"4": "1"}, id="text as value"),
        pytest.param({"4": 0}, id="skip nonce 0"),
        pytest.param({"4": 2}, id="skip nonce 2"),
        pytest.param({"5": 256}, id="market 256"),
        pytest.param({"6": 4}, id="self-trade mode 4"),
        pytest.param({"7": 2}, id="equality 2"),
        pytest.param({"6": 3, "7": 1}, id="reduce with the master account"),
        pytest.param({"1": 6, "2": 1, "6": 1}, id="fees with a self-trade mode"),
        pytest.param({"2": 1}, id="fees without an integrator"),
        pytest.param({"1": 6, "2": 1_000_001}, id="a fee above all"),
        pytest.param({"8": -1}, id="negative version"),
    ],
)
def test_wrong_attributes_are_invalid(attributes: object) -> None:
    assert refusal("create", info_of("create", L2TxAttributes=attributes)).code == 21501


def test_attributes_at_their_defaults_hash_as_none() -> None:
    info = info_of("cancel", L2TxAttributes={"5": 255, "6": 0})

    tx = parse_transaction(15, info)
    assert tx.attributes == Attributes()
    assert transaction_hash(tx, chain_id=300) == transaction_hash(EXAMPLES["cancel"], chain_id=300)


@pytest.mark.parametrize("sig", [None, "", 5, "A" * 107, "!" * 108, "é" * 108, "AAAA"])
def test_a_signature_that_is_not_eighty_bytes_is_invalid(sig: object) -> None:
    assert refusal("cancel", info_of("cancel", Sig=sig)).code == 21501


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=5,
)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), example=st.sampled_from(sorted(EXAMPLES)))
def test_whatever_a_field_holds_a_transaction_is_read_or_refused(
    data: st.DataObject, example: str
) -> None:
    info = info_of(example)
    wire = data.draw(st.sampled_from(sorted(info)))
    info[wire] = data.draw(JSON_VALUES)

    try:
        tx = parse_transaction(TX_TYPES[type(EXAMPLES[example])], info)
    except InvalidTransaction:
        return
    assert len(transaction_hash(tx, chain_id=300)) == 40
