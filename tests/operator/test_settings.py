"""The operator's settings: read whole, or refused with a sentence for each wrong value."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from hedgepair_operator.settings import (
    PREFIX,
    VARIABLES,
    RedisAcl,
    SettingsRefused,
    read_settings,
)

REQUIRED = {
    "HEDGEPAIR_RUNNER_IMAGE": "hedgepair-runner@sha256:00",
    "HEDGEPAIR_NAMESPACE": "hedgepair",
    "HEDGEPAIR_REDIS_URL_FILE": "/etc/redis/url",
    "HEDGEPAIR_REDIS_MASTER_FILE": "/etc/redis/master",
}


def test_the_required_values_are_enough() -> None:
    settings = read_settings(REQUIRED)

    assert settings.runner_image == "hedgepair-runner@sha256:00"
    assert settings.redis_url_file == Path("/etc/redis/url")
    assert settings.watches("anywhere")
    assert not settings.mainnet_allowed
    assert settings.ceilings.pairs is None


def test_everything_can_be_given() -> None:
    settings = read_settings(
        REQUIRED
        | {
            "HEDGEPAIR_WATCH_NAMESPACES": "b, a",
            "HEDGEPAIR_REFERENCE_PRICES": "ETH=4000,BTC=100000.5",
            "HEDGEPAIR_MAX_NOTIONAL": "250000",
            "HEDGEPAIR_MAX_PAIRS": "20",
            "HEDGEPAIR_EXTRA_EGRESS_CIDRS": "10.0.0.0/8",
            "HEDGEPAIR_REDIS_ACL": "Preprovisioned",
            "HEDGEPAIR_HTTP": "127.0.0.1:0",
            "HEDGEPAIR_LEADER_ELECTION": "true",
        }
    )

    assert settings.watch_namespaces == ("a", "b")
    assert not settings.watches("c")
    assert settings.ceilings.prices == {"ETH": Decimal(4000), "BTC": Decimal("100000.5")}
    assert settings.ceilings.notional == Decimal(250_000)
    assert settings.ceilings.pairs == 20
    assert settings.extra_egress_cidrs == ("10.0.0.0/8",)
    assert settings.redis_acl is RedisAcl.PREPROVISIONED
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 0)
    assert settings.leader_election


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WATCH_NAMESPACES", "Team_A"),
        ("MAX_PAIRS", "0"),
        ("MAX_PAIRS", "some"),
        ("MAX_NOTIONAL", "-1"),
        ("MAX_NOTIONAL_PER_PAIR", "NaN"),
        ("REFERENCE_PRICES", "SOLANA"),
        ("EXTRA_EGRESS_CIDRS", "10.0.0.1/8"),
        ("MAINNET_ALLOWED", "yes"),
        ("PAPER_EXCHANGE_URL", "exchange:8080"),
        ("REDIS_RUNNER_URL", "redis://user:word@host:6379/0"),
        ("REDIS_ACL", "None"),
        ("RUNNER_PULL_POLICY", "Sometimes"),
        ("HTTP", "8080"),
        ("WORKERS", "-2"),
        ("POLL_SECONDS", "0"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(variable: str, value: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        read_settings(REQUIRED | {PREFIX + variable: value})

    assert PREFIX + variable in str(refused.value)
    assert value not in str(refused.value)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsRefused) as refused:
        read_settings({})

    assert all(variable in str(refused.value) for variable in REQUIRED)


def test_each_variable_says_what_it_is() -> None:
    assert all(VARIABLES.values())
