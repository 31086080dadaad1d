"""The venue's error codes that intake and engine answer with, and their texts (protocol App. B)."""

from __future__ import annotations

from enum import IntEnum

from hedgepair_runner.venues.paper.views import Refusal


class Code(IntEnum):
    ACCOUNT_NOT_FOUND = 21100
    INVALID_NONCE = 21104
    BATCH_NONCE_NOT_INCREASING = 21105
    API_KEY_NOT_FOUND = 21109
    INVALID_API_KEY_INDEX = 21110
    PRE_LIQUIDATION = 21111
    IN_LIQUIDATION = 21112
    INVALID_INITIAL_MARGIN_FRACTION = 21113
    BATCH_OF_MANY_KEYS = 21121
    DEAD_MANS_SWITCH_DUE = 21122
    INVALID_ACCOUNT_TYPE = 21123
    MARGIN_MODE_LOCKED = 21132
    NOT_ENOUGH_COLLATERAL = 21301
    INVALID_TX_INFO = 21501
    UNSUPPORTED_TX_TYPE = 21505
    TOO_MANY_PENDING_TXS = 21506
    BELOW_MAINTENANCE_MARGIN = 21507
    BELOW_INITIAL_MARGIN = 21508
    BATCH_TOO_LONG = 21514
    NOT_ALLOWED = 21515
    INVALID_MARKET = 21602
    INVALID_MARKET_STATUS = 21605
    INVALID_MARGIN_MODE = 21613
    NO_POSITION = 21614
    INVALID_MARGIN_DIRECTION = 21615
    INVALID_ORDER_INDEX = 21700
    INVALID_BASE_AMOUNT = 21701
    INVALID_PRICE = 21702
    INVALID_TIME_IN_FORCE = 21705
    INVALID_BASE_OR_QUOTE_AMOUNT = 21706
    NOT_OWNER_OF_ORDER = 21707
    UNSUPPORTED_ORDER_TYPE = 21710
    INVALID_EXPIRY = 21711
    CANCEL_ALL_QUEUED = 21712
    INVALID_CANCEL_ALL_TIME_IN_FORCE = 21713
    INVALID_CANCEL_ALL_TIME = 21714
    ORDER_NOT_ACTIVE = 21715
    TOO_MANY_ORDERS = 21717
    TOO_MANY_ORDERS_IN_MARKET = 21718
    TOO_MANY_PENDING_ORDERS = 21719
    TOO_MANY_PENDING_ORDERS_IN_MARKET = 21720
    INVALID_CLIENT_ORDER_INDEX = 21727
    CLIENT_ORDER_INDEX_EXISTS = 21728
    INVALID_TRIGGER_PRICE = 21729
    REDUCE_ONLY_INCREASES = 21732
    ACCIDENTAL_PRICE = 21733
    TOO_FAR_FROM_MARK = 21734
    TOO_FAR_FROM_TRIGGER = 21735
    INVALID_REDUCE_ONLY_DIRECTION = 21738
    NOT_ENOUGH_MARGIN = 21739
    INVALID_ORDER_INFO = 21743
    TOO_MANY_REQUESTS = 23000
    INVALID_TIER = 62002
    ALREADY_IN_TIER = 62003
    TIER_WITH_POSITIONS = 62004
    TIER_WITH_ORDERS = 62005
    TIER_CHANGED_LATELY = 62006


_TEXTS: dict[Code, str] = {
    Code.ACCOUNT_NOT_FOUND: "account not found",
    Code.INVALID_NONCE: "invalid nonce",
    Code.BATCH_NONCE_NOT_INCREASING: "batch transaction nonce is not increasing",
    Code.API_KEY_NOT_FOUND: "api key not found",
    Code.INVALID_INITIAL_MARGIN_FRACTION: "invalid initial margin fraction",
    Code.BATCH_OF_MANY_KEYS: (
        "all transactions in the batch must have use same account and apikey"
    ),
    Code.DEAD_MANS_SWITCH_DUE: "dead man's switch should be triggered",
    Code.INVALID_TX_INFO: "invalid tx info",
    Code.UNSUPPORTED_TX_TYPE: "unsupported tx type",
    Code.TOO_MANY_PENDING_TXS: "too many pending txs. Please try again later",
    Code.BELOW_INITIAL_MARGIN: "account is below initial margin, can't execute transaction",
    Code.BATCH_TOO_LONG: "maximum 50 transactions allowed per batch",
    Code.INVALID_MARKET: "invalid market index",
    Code.INVALID_MARKET_STATUS: "invalid market status",
    Code.INVALID_MARGIN_MODE: "invalid margin mode",
    Code.INVALID_ORDER_INDEX: "invalid order index",
    Code.INVALID_BASE_AMOUNT: "invalid base amount",
    Code.INVALID_PRICE: "invalid price",
    Code.INVALID_TIME_IN_FORCE: "invalid OrderTimeInForce",
    Code.INVALID_BASE_OR_QUOTE_AMOUNT: "invalid order base or quote amount",
    Code.NOT_OWNER_OF_ORDER: "account is not owner of the order",
    Code.UNSUPPORTED_ORDER_TYPE: "unsupported order type",
    Code.INVALID_EXPIRY: "invalid expiry",
    Code.CANCEL_ALL_QUEUED: "account has a queued cancel all orders request",
    Code.INVALID_CANCEL_ALL_TIME_IN_FORCE: "invalid cancel all time in force",
    Code.INVALID_CANCEL_ALL_TIME: "invalid cancel all time",
    Code.ORDER_NOT_ACTIVE: "given order is not an active order",
    Code.TOO_MANY_ORDERS: "maximum active limit order count reached",
    Code.TOO_MANY_ORDERS_IN_MARKET: "maximum active limit order count per market reached",
    Code.INVALID_CLIENT_ORDER_INDEX: "invalid client order index",
    Code.CLIENT_ORDER_INDEX_EXISTS: "client order index already exists",
    Code.REDUCE_ONLY_INCREASES: "reduce only increases position",
    Code.ACCIDENTAL_PRICE: "order price flagged as an accidental price",
    Code.TOO_FAR_FROM_MARK: "limit order price is too far from the mark price",
    Code.INVALID_REDUCE_ONLY_DIRECTION: "invalid reduce only direction",
    Code.NOT_ENOUGH_MARGIN: "not enough margin to create the order",
    Code.INVALID_ORDER_INFO: "invalid order info",
    Code.PRE_LIQUIDATION: (
        "account is in pre-liquidation and the transaction doesn't increase the account health"
    ),
    Code.IN_LIQUIDATION: "account is in liquidation",
    Code.INVALID_API_KEY_INDEX: "invalid api key index",
    Code.INVALID_ACCOUNT_TYPE: "invalid account type",
    Code.MARGIN_MODE_LOCKED: (
        "margin mode change on a market with position or open order is not allowed"
    ),
    Code.NOT_ENOUGH_COLLATERAL: "not enough collateral",
    Code.BELOW_MAINTENANCE_MARGIN: "account is below maintenance margin, can't execute transaction",
    Code.NOT_ALLOWED: "transaction is not allowed",
    Code.NO_POSITION: "no position found",
    Code.INVALID_MARGIN_DIRECTION: "invalid update margin direction",
    Code.TOO_MANY_PENDING_ORDERS: "maximum pending order count reached",
    Code.TOO_MANY_PENDING_ORDERS_IN_MARKET: "maximum pending order count per market reached",
    Code.INVALID_TRIGGER_PRICE: "invalid order trigger price",
    Code.TOO_FAR_FROM_TRIGGER: "SL/TP order price is too far from the trigger price",
    Code.INVALID_TIER: "invalid tier",
    Code.ALREADY_IN_TIER: "account already part of requested tier",
    Code.TIER_WITH_POSITIONS: "account has open positions",
    Code.TIER_WITH_ORDERS: "account has open orders",
    Code.TIER_CHANGED_LATELY: "too frequent tier change request",
    Code.TOO_MANY_REQUESTS: "Too Many Requests!",
}

_REFUSALS = {code: Refusal(code=int(code), message=text) for code, text in _TEXTS.items()}


def refuse(code: Code) -> Refusal:
    return _REFUSALS[code]
