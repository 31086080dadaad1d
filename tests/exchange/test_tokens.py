"""Auth tokens: the recorded one, the times, the form, and the signature."""

from __future__ import annotations

import pytest

from hedgepair_runner.venues.paper import keys, tokens
from hedgepair_runner.venues.paper.tokens import AuthToken, TokenFault, TokenRefused

RECORDED = (
    "1795344767:65:4:107b89f5c6f025598d183ad8cf24b3fb41db9d9f30095e4c33d8e128483610365ec989458a3baf57"
    "0151a2bbb9993424271d8dfb691fd43960c32ab956fdf1c7dc5ecc394ce1e285b85119d5a217dc78"
)
PUBLIC_KEY = bytes.fromhex(
    "fe74df1150fef5bc3e58a01f2dde6f69764d701429f4dfbd1f8e636915174eb66fa5915becd8b5e9"
)
EXPIRY_S = 1795344767
SIGNATURE = RECORDED.rpartition(":")[2]


def parsed(text: str, *, now_s: int = EXPIRY_S - 600) -> AuthToken:
    token = tokens.parse_token(text, now_s=now_s)
    assert isinstance(token, AuthToken)
    return token


def test_the_recorded_token_is_read_and_its_signature_holds() -> None:
    token = parsed(RECORDED)

    assert (token.expiry_s, token.account_index, token.api_key_index) == (EXPIRY_S, 65, 4)
    assert tokens.holds(token, PUBLIC_KEY)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(RECORDED.replace(":65:", ":66:"), id="another account"),
        pytest.param(RECORDED.replace(":4:", ":5:"), id="another key index"),
        pytest.param(RECORDED.replace(str(EXPIRY_S), str(EXPIRY_S + 1)), id="a later expiry"),
        pytest.param(RECORDED[:-1] + "9", id="another signature"),
    ],
)
def test_a_changed_token_does_not_hold(text: str) -> None:
    assert not tokens.holds(parsed(text), PUBLIC_KEY)


@pytest.mark.parametrize(
    ("now_s", "fault"),
    [
        pytest.param(EXPIRY_S, TokenFault.EXPIRED, id="at its expiry"),
        pytest.param(EXPIRY_S + 1, TokenFault.EXPIRED, id="after its expiry"),
        pytest.param(EXPIRY_S - 1, None, id="a second before"),
        pytest.param(EXPIRY_S - 8 * 3600, None, id="eight hours before"),
        pytest.param(EXPIRY_S - 8 * 3600 - 1, TokenFault.TOO_LONG_LIVED, id="more than eight"),
    ],
)
def test_a_token_is_taken_within_eight_hours_of_its_expiry(
    now_s: int, fault: TokenFault | None
) -> None:
    answer = tokens.parse_token(RECORDED, now_s=now_s)

    assert (answer.fault if isinstance(answer, TokenRefused) else None) == fault


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("abc", id="one part"),
        pytest.param(f"{EXPIRY_S}:65:{SIGNATURE}", id="three parts"),
        pytest.param(f"{EXPIRY_S}:65:4:1:{SIGNATURE}", id="five parts"),
        pytest.param(f"{EXPIRY_S}:65::{SIGNATURE}", id="an empty part"),
        pytest.param(f"-{EXPIRY_S}:65:4:{SIGNATURE}", id="a sign"),
        pytest.param(f"{EXPIRY_S}:065:4:{SIGNATURE}", id="a leading zero"),
        pytest.param(f" {EXPIRY_S}:65:4:{SIGNATURE}", id="a space"),
        pytest.param(f"{EXPIRY_S}:65:٤:{SIGNATURE}", id="a digit of another script"),
        pytest.param(f"{'9' * 5000}:65:4:{SIGNATURE}", id="a huge number"),
        pytest.param(f"{EXPIRY_S}:65:4:{SIGNATURE[:-2]}", id="a short signature"),
        pytest.param(f"{EXPIRY_S}:65:4:{'g' * 160}", id="no hex"),
        pytest.param(f"{EXPIRY_S}:65:4:{SIGNATURE[:-2]} f", id="hex with a gap"),
    ],
)
def test_a_malformed_token_is_refused(text: str) -> None:
    answer = tokens.parse_token(text, now_s=EXPIRY_S - 600)

    assert answer == TokenRefused(fault=TokenFault.MALFORMED)


def test_a_read_only_token_is_refused_with_its_own_reason() -> None:
    answer = tokens.parse_token(f"ro:65:all:{EXPIRY_S}:abcd", now_s=EXPIRY_S - 600)

    assert answer == TokenRefused(fault=TokenFault.READ_ONLY)


def test_a_token_that_we_make_is_read_and_holds_for_its_key_only() -> None:
    private = keys.private_key("demo", 65, 4)
    text = tokens.make_token(
        expiry_s=EXPIRY_S, account_index=65, api_key_index=4, private_key=private
    )

    token = parsed(text)
    assert tokens.holds(token, keys.public_key("demo", 65, 4))
    assert not tokens.holds(token, keys.public_key("demo", 65, 5))
