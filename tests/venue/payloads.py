"""What the venue says, as the protocol document records it, and the markets it says it of."""

from __future__ import annotations

from typing import Any

from hedgepair_runner.units import Market

OWN = 712_440
OTHER = 719_347

ETH = Market(
    market_id=0,
    symbol="ETH",
    size_decimals=4,
    price_decimals=2,
    min_base_lots=50,
    min_quote_units=10_000_000,
    order_quote_limit_units=281_474_976_710_655,
)
BTC = Market(
    market_id=1,
    symbol="BTC",
    size_decimals=5,
    price_decimals=1,
    min_base_lots=20,
    min_quote_units=10_000_000,
    order_quote_limit_units=281_474_976_710_655,
)
MARKETS = {0: ETH, 1: BTC}

MARKET_ROW: dict[str, Any] = {
    "symbol": "ETH",
    "market_id": 0,
    "market_type": "perp",
    "status": "active",
    "taker_fee": "0.0000",
    "min_base_amount": "0.0050",
    "min_quote_amount": "10.000000",
    "order_quote_limit": "281474976.710655",
    "size_decimals": 4,
    "price_decimals": 2,
    "last_trade_price": 2361.31,
}

ORDER_ROW: dict[str, Any] = {
    "order_index": 281476929510110,
    "client_order_index": 42,
    "order_id": "281476929510110",
    "market_index": 0,
    "owner_account_index": OWN,
    "initial_base_amount": "0.0050",
    "price": "2352.74",
    "nonce": 9182390020,
    "remaining_base_amount": "0.0050",
    "is_ask": True,
    "base_size": 50,
    "base_price": 235274,
    "filled_base_amount": "0.0000",
    "filled_quote_amount": "0.000000",
    "side": "sell",
    "type": "limit",
    "time_in_force": "good-till-time",
    "reduce_only": False,
    "order_expiry": 1780360584479,
    "status": "open",
    "timestamp": 1777941383576,
    "updated_at": 1777941383576,
    "transaction_time": 1777941383576735,
}

TRADE_ROW: dict[str, Any] = {
    "trade_id": 19211490282,
    "trade_id_str": "19211490282",
    "tx_hash": "000000128ba361090000019df5c94af4" + "0" * 48,
    "type": "trade",
    "market_id": 0,
    "size": "0.0005",
    "price": "2361.31",
    "usd_amount": "1.180655",
    "ask_id": 281476929689557,
    "bid_id": 562947905454831,
    "ask_client_id": 0,
    "bid_client_id": 410940644,
    "ask_account_id": OTHER,
    "bid_account_id": OWN,
    "is_maker_ask": False,
    "block_height": 227557648,
    "timestamp": 1777945103092,
    "taker_position_size_before": "0.6611",
    "maker_fee": 28,
    "maker_position_size_before": "-76.0264",
    "transaction_time": 1777945103092648,
}

POSITION_ROW: dict[str, Any] = {
    "market_id": 0,
    "symbol": "ETH",
    "sign": -1,
    "position": "0.5000",
    "avg_entry_price": "2361.31",
}

ACCOUNT_BODY: dict[str, Any] = {
    "code": 200,
    "total": 1,
    "accounts": [
        {
            "code": 0,
            "index": OWN,
            "account_index": OWN,
            "l1_address": "0x00000000000000000000000000000000000000aa",
            "cancel_all_time": 0,
            "available_balance": "39.168314",
            "collateral": "39.995369",
            "total_asset_value": "39.995169",
            "status": 1,
            "can_rfq_market_ids": None,
            "positions": [
                POSITION_ROW,
                {
                    "market_id": 1,
                    "symbol": "BTC",
                    "sign": 1,
                    "position": "0.00000",
                    "avg_entry_price": "0.0",
                },
            ],
        }
    ],
}

TX_ROW: dict[str, Any] = {
    "hash": "b5b63eaa" + "0" * 72,
    "type": 14,
    "info": '{"AccountIndex":712440}',
    "event_info": '{"m":0,"ae":""}',
    "status": 2,
    "account_index": OWN,
    "nonce": 459,
    "api_key_index": 4,
}

BOOK_SNAPSHOT: dict[str, Any] = {
    "channel": "order_book:0",
    "offset": 2164,
    "order_book": {
        "code": 0,
        "asks": [{"price": "2325.00", "size": "99.0000"}, {"price": "2341.25", "size": "340.1028"}],
        "bids": [{"price": "2000.00", "size": "0.0200"}],
        "offset": 2164,
        "nonce": 904845,
        "begin_nonce": 0,
    },
    "timestamp": 1778138582602,
    "type": "subscribed/order_book",
}


def book_update(begin_nonce: int, nonce: int, *, asks: dict[str, str]) -> dict[str, Any]:
    levels = [{"price": price, "size": size} for price, size in asks.items()]
    return {
        "channel": "order_book:0",
        "order_book": {"asks": levels, "bids": [], "nonce": nonce, "begin_nonce": begin_nonce},
        "type": "update/order_book",
    }


def market_stats(mark_price: str) -> dict[str, Any]:
    return {
        "channel": "market_stats:0",
        "market_stats": {"market_id": 0, "mark_price": mark_price, "last_trade_price": "2351.5"},
        "type": "update/market_stats",
    }
