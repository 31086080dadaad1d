"""What the API refuses, with which code, before anything is queued (protocol §7.5–7.7, §9.4)."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import orjson
import pytest

from hedgepair_runner.venues.paper import keys
from hedgepair_runner.venues.paper.records import OrderStatus, OrderType, TimeInForce, TxStatus
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.signing import sign_transaction, tx_info_of
from hedgepair_runner.venues.paper.transaction_shapes import (
    TX_TYPES,
    MarginDirection,
    MarginMode,
    Transaction,
    UpdateMargin,
)
from hedgepair_runner.venues.paper.views import Accepted, Examined, Refusal
from tests.exchange.desk import ALICE, BOB, KEY, MINUTE_US, PRICE, UNLIMITED, Desk, code_of

IOC = TimeInForce.IOC
GTT = TimeInForce.GTT
MARKET = OrderType.MARKET
MINUTE_MS = MINUTE_US // 1_000
GUARDED = ExchangeSettings()


# -- examine: form, account, key, time --


def _examine(desk: Desk, tx: Transaction) -> Examined | Refusal:
    return desk.exchange.examine(TX_TYPES[type(tx)], tx_info_of(tx), now_us=desk.now_us)


def test_a_signed_order_goes_all_the_way() -> None:
    desk = Desk()
    draft = desk.order(ALICE, "sell", 100, client=3)
    private = keys.private_key("desk", ALICE, KEY)
    signed = sign_transaction(draft, chain_id=300, private_key=private)
    examined = desk.exchange.examine(signed.tx_type, signed.tx_info, now_us=desk.now_us)
    assert isinstance(examined, Examined)
    assert examined.tx_hash == signed.tx_hash
    assert examined.public_key == keys.public_key("desk", ALICE, KEY).hex()
    answer = desk.exchange.admit(examined, now_us=desk.now_us)
    assert isinstance(answer, Accepted)
    desk.wait()
    record = desk.exchange.tx(signed.tx_hash)
    assert record is not None
    assert (record.status, record.info, record.nonce) == (TxStatus.EXECUTED, signed.tx_info, 1)
    assert orjson.loads(record.event_info)["to"]["u"] == 3
    assert desk.exchange.tx_by_sequence(record.sequence_index) == record


def test_tx_info_may_be_an_object_already() -> None:
    desk = Desk()
    info = orjson.loads(tx_info_of(desk.order(ALICE, "sell", 100)))
    examined = desk.exchange.examine(14, info, now_us=desk.now_us)
    assert isinstance(examined, Examined)
    assert orjson.loads(examined.info) == info


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"account_index": 0}, 21100, id="no such account"),
        pytest.param({"api_key_index": 1}, 21109, id="the venue's own key"),
        pytest.param({"api_key_index": 2}, 0, id="first usable key"),
        pytest.param({"api_key_index": 254}, 0, id="last usable key"),
        pytest.param({"account_index": 2**48 - 2}, 0, id="last account"),
    ],
)
def test_accounts_and_keys(changes: dict[str, Any], code: int) -> None:
    desk = Desk()
    assert code_of(_examine(desk, replace(desk.order(ALICE, "sell", 100), **changes))) == code


def test_what_has_expired_on_arrival_is_refused() -> None:
    desk = Desk()
    draft = desk.order(ALICE, "sell", 100)
    assert code_of(_examine(desk, replace(draft, expired_at_ms=desk.now_ms))) == 21501
    assert code_of(_examine(desk, replace(draft, expired_at_ms=desk.now_ms + 1))) == 0


@pytest.mark.parametrize(
    ("tx_type", "text", "code"),
    [
        pytest.param(14, "{", 21501, id="not JSON"),
        pytest.param(14, "{}", 21501, id="empty"),
        pytest.param(12, "{}", 21505, id="a transfer"),
    ],
)
def test_malformed_transactions(tx_type: int, text: str, code: int) -> None:
    desk = Desk()
    assert code_of(desk.exchange.examine(tx_type, text, now_us=desk.now_us)) == code


# -- orders --


@pytest.mark.parametrize(
    ("lots", "price", "tif", "code"),
    [
        pytest.param(50, PRICE, GTT, 0, id="at the minimum"),
        pytest.param(49, PRICE, GTT, 21706, id="below the base minimum"),
        pytest.param(50, 199_999, GTT, 21706, id="below the quote minimum"),
        pytest.param(0, PRICE, GTT, 21701, id="nothing"),
        pytest.param(50, 0, GTT, 21702, id="for nothing"),
        pytest.param(1, PRICE, IOC, 0, id="dust by IOC"),
        pytest.param(0, PRICE, IOC, 21701, id="nothing by IOC"),
        pytest.param(281_474_976_711, 1_000, IOC, 21706, id="above the quote limit"),
    ],
)
def test_sizes(lots: int, price: int, tif: TimeInForce, code: int) -> None:
    desk = Desk()
    assert code_of(desk.admit(desk.order(ALICE, "sell", lots, price, tif=tif))) == code


def test_dust_by_ioc_can_be_refused() -> None:
    desk = Desk(replace(UNLIMITED, ioc_dust_refused=True))
    assert code_of(desk.admit(desk.order(ALICE, "sell", 1, tif=IOC))) == 21706


@pytest.mark.parametrize(
    ("tif", "ahead_ms", "code"),
    [
        pytest.param(IOC, None, 0, id="IOC, none"),
        pytest.param(IOC, 9 * MINUTE_MS, 21711, id="IOC with one"),
        pytest.param(GTT, None, 21711, id="resting, none"),
        pytest.param(GTT, 5 * MINUTE_MS - 1, 21711, id="too soon"),
        pytest.param(GTT, 5 * MINUTE_MS, 0, id="five minutes"),
        pytest.param(GTT, 30 * 1440 * MINUTE_MS, 0, id="thirty days"),
        pytest.param(GTT, 30 * 1440 * MINUTE_MS + 1, 21711, id="too late"),
    ],
)
def test_expiries(tif: TimeInForce, ahead_ms: int | None, code: int) -> None:
    desk = Desk()
    expiry_ms = 0 if ahead_ms is None else desk.now_ms + ahead_ms
    draft = replace(desk.order(ALICE, "sell", 100, tif=tif), expiry_ms=expiry_ms)
    assert code_of(desk.admit(draft)) == code


@pytest.mark.parametrize(
    ("kind", "tif", "code"),
    [
        pytest.param(MARKET, IOC, 0, id="market"),
        pytest.param(MARKET, GTT, 21705, id="market that rests"),
        pytest.param(OrderType.STOP_LOSS, GTT, 21705, id="stop loss that would rest"),
        pytest.param(OrderType.TWAP, GTT, 21710, id="TWAP"),
    ],
)
def test_kinds_of_orders(kind: OrderType, tif: TimeInForce, code: int) -> None:
    desk = Desk()
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100, kind=kind, tif=tif))) == code


@pytest.mark.parametrize(
    ("side", "price", "kind", "protection", "code"),
    [
        pytest.param("buy", 210_000, OrderType.LIMIT, True, 0, id="5 % through"),
        pytest.param("buy", 210_001, OrderType.LIMIT, True, 21733, id="further"),
        pytest.param("buy", 210_001, OrderType.LIMIT, False, 0, id="unprotected"),
        pytest.param("buy", 220_001, OrderType.LIMIT, False, 21734, id="past the band"),
        pytest.param("buy", 110_000, OrderType.LIMIT, True, 0, id="resting far below"),
        pytest.param("sell", 400_000, OrderType.LIMIT, True, 0, id="resting far above"),
        pytest.param("sell", 179_999, OrderType.LIMIT, False, 21734, id="past the band below"),
        pytest.param("sell", 189_810, OrderType.LIMIT, True, 0, id="5 % through the bid"),
        pytest.param("sell", 189_800, OrderType.LIMIT, True, 21733, id="further down"),
        pytest.param("buy", 400_000, MARKET, True, 0, id="a market order's bound"),
    ],
)
def test_prices_out_of_place(
    side: str, price: int, kind: OrderType, protection: bool, code: int
) -> None:
    desk = Desk(GUARDED)
    desk.place(BOB, "sell", 100, PRICE)
    desk.place(BOB, "buy", 100, PRICE - 200)
    tif = IOC if kind is MARKET else GTT
    draft = desk.order(ALICE, side, 100, price, kind=kind, tif=tif)
    assert code_of(desk.admit(draft, price_protection=protection)) == code


@pytest.mark.parametrize("price", [179_999, 220_001])
def test_a_band_of_both_sides_binds_what_rests_too(price: int) -> None:
    desk = Desk(replace(GUARDED, price_band_both_sides=True))
    for side in ("buy", "sell"):
        draft = desk.order(ALICE, side, 100, price)
        assert code_of(desk.admit(draft, price_protection=False)) == 21734


def test_a_client_index_is_unique_among_live_and_queued_orders_of_all_markets() -> None:
    desk = Desk(replace(UNLIMITED, default_tier="standard"))
    desk.admit(desk.order(ALICE, "sell", 100, client=5))
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100, client=5))) == 21728  # queued
    desk.wait(1_000_000)
    assert code_of(desk.admit(desk.order(ALICE, "buy", 100, client=5, market=1))) == 21728  # live
    assert code_of(desk.admit(desk.order(BOB, "sell", 100, client=5))) == 0
    desk.admit(desk.cancel(ALICE, 5))
    desk.wait(1_000_000)
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100, client=5))) == 0  # closed: free


def test_no_more_orders_than_the_limits() -> None:
    desk = Desk(replace(UNLIMITED, max_orders_per_account=3, max_orders_per_market=2))
    codes = [
        code_of(desk.admit(desk.order(ALICE, "sell", 100, market=market)))
        for market in (0, 0, 0, 1, 1)
    ]
    assert codes == [0, 0, 21718, 0, 21717]
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100, tif=IOC))) == 0


@pytest.mark.parametrize(
    ("held", "side", "code"),
    [
        pytest.param(0, "sell", 21738, id="flat"),
        pytest.param(100, "buy", 21732, id="more of a long"),
        pytest.param(100, "sell", 0, id="less of a long"),
        pytest.param(-100, "sell", 21732, id="more of a short"),
        pytest.param(-100, "buy", 0, id="less of a short"),
    ],
)
def test_reduce_only_must_reduce(held: int, side: str, code: int) -> None:
    desk = Desk()
    if held:
        desk.place(BOB, "sell" if held > 0 else "buy", abs(held))
        desk.place(ALICE, "buy" if held > 0 else "sell", abs(held))
    draft = desk.order(ALICE, side, 100, tif=IOC, reduce_only=True)
    assert code_of(desk.admit(draft)) == code


def test_markets_may_close() -> None:
    desk = Desk()
    order = desk.place(ALICE, "sell", 100)
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100, market=9))) == 21602
    desk.exchange.set_market_status(0, "inactive")
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100))) == 21605
    assert code_of(desk.admit(desk.modify(ALICE, order.order_index, 200))) == 21605
    desk.send(desk.cancel(ALICE, order.order_index))
    assert desk.order_now(order).status is OrderStatus.CANCELED


def test_a_minimum_may_rise() -> None:
    desk = Desk()
    desk.exchange.replace_market(replace(desk.exchange.markets[0], min_base_lots=101))
    assert code_of(desk.admit(desk.order(ALICE, "sell", 100))) == 21706
    with pytest.raises(ValueError, match="decimals"):
        desk.exchange.replace_market(replace(desk.exchange.markets[0], size_decimals=3))


# -- leverage --


@pytest.mark.parametrize(
    ("fraction", "mode", "code"),
    [
        pytest.param(200, MarginMode.CROSS, 0, id="50 times"),
        pytest.param(199, MarginMode.CROSS, 21113, id="below the market's minimum"),
        pytest.param(500, MarginMode.ISOLATED, 0, id="isolated"),
    ],
)
def test_leverage(fraction: int, mode: MarginMode, code: int) -> None:
    desk = Desk()
    assert code_of(desk.admit(desk.leverage(ALICE, fraction, mode))) == code


def test_leverage_changes_the_requirement_and_must_be_affordable() -> None:
    desk = Desk()
    desk.place(BOB, "sell", 1_000_000)
    desk.place(ALICE, "buy", 1_000_000)  # 100 ETH, 200,000 USDC
    assert desk.account(ALICE).cross_initial_margin_pico == 10_000 * 10**12
    desk.send(desk.leverage(ALICE, 1_000))
    assert desk.account(ALICE).cross_initial_margin_pico == 20_000 * 10**12
    assert desk.account(ALICE).positions[0].initial_margin_fraction == 1_000
    record = desk.send(desk.leverage(ALICE, 5_001))
    assert (record.status, "21508" in record.event_info) == (TxStatus.FAILED, True)


def test_a_cross_position_has_no_margin_of_its_own() -> None:
    desk = Desk()
    head = desk.leverage(ALICE, 500)
    tx = UpdateMargin(
        account_index=ALICE,
        api_key_index=KEY,
        nonce=1,
        expired_at_ms=head.expired_at_ms,
        market_id=0,
        usdc_micro=1,
        direction=MarginDirection.ADD,
    )
    assert code_of(desk.admit(tx)) == 21613


# -- reads --


def test_an_account_is_made_at_its_first_use() -> None:
    desk = Desk()
    assert desk.account(77).collateral_pico == 100_000 * 10**12
    assert desk.exchange.account(0) is None
    assert desk.exchange.next_nonce(0, KEY) is None
    assert desk.exchange.public_key(ALICE, 0) is None
    assert desk.exchange.accounts_of(desk.account(77).l1_address) == ()
    desk.place(77, "sell", 100)
    found = desk.exchange.accounts_of(desk.account(77).l1_address.upper().replace("X", "x"))
    assert [view.account_index for view in found] == [77]


def test_accounts_may_share_an_l1_address() -> None:
    desk = Desk(replace(UNLIMITED, same_l1=frozenset({frozenset({ALICE, BOB})})))
    address = desk.account(BOB).l1_address
    assert address == desk.account(ALICE).l1_address != desk.account(77).l1_address
    found = desk.exchange.accounts_of(address)
    assert [view.account_index for view in found] == [ALICE, BOB]


def test_a_client_index_finds_the_latest_of_its_orders() -> None:
    desk = Desk()
    desk.place(ALICE, "sell", 100, client=5)
    desk.send(desk.cancel(ALICE, 5))
    desk.place(ALICE, "sell", 200, client=5)
    desk.place(ALICE, "sell", 300, client=6)
    desk.send(desk.cancel(ALICE, 6))
    found = desk.exchange.orders_by_client_index(ALICE, [6, 5, 4])
    assert [(order.client_order_index, order.initial_lots) for order in found] == [
        (6, 300),
        (5, 200),
    ]


def test_closed_orders_are_remembered_newest_first_in_pages_and_bounds() -> None:
    desk = Desk(replace(UNLIMITED, inactive_orders_kept=3))
    for client in range(1, 6):
        desk.place(ALICE, "sell", 100, client=client)
        desk.send(desk.cancel(ALICE, client))
    first = desk.exchange.inactive_orders(ALICE, limit=2)
    second = desk.exchange.inactive_orders(ALICE, limit=2, cursor=first.next_cursor)
    pages = [[order.client_order_index for order in page.orders] for page in (first, second)]
    assert pages == [[5, 4], [3]]
    assert second.next_cursor == ""
    desk.wait(25 * 60 * MINUTE_US)
    assert desk.exchange.inactive_orders(ALICE).orders == ()


def test_transactions_are_remembered_newest_first_and_forgotten_oldest_first() -> None:
    desk = Desk(replace(UNLIMITED, txs_kept=3))
    sent = [desk.send(desk.order(ALICE, "sell", 100)) for _ in range(3)]
    sent += [desk.send(desk.cancel_all(ALICE)), desk.send(desk.order(ALICE, "sell", 100))]
    assert desk.exchange.account_txs(ALICE) == (sent[4], sent[3], sent[2])
    assert desk.exchange.account_txs(ALICE, tx_types=frozenset({16})) == (sent[3],)
    assert desk.exchange.account_txs(ALICE, before_sequence=sent[3].sequence_index) == (sent[2],)
    assert desk.exchange.tx(sent[0].tx_hash) is None
    assert desk.exchange.tx_by_sequence(sent[0].sequence_index) is None


def test_an_exchange_survives_being_stored() -> None:
    desk = Desk(replace(UNLIMITED, default_tier="standard"))
    desk.admit(desk.order(ALICE, "sell", 100, client=5))
    desk.exchange = pickle.loads(pickle.dumps(desk.exchange))
    desk.wait(1_000_000)
    assert [order.client_order_index for order in desk.book().ask_orders] == [5]
