"""A pair's user as a rule: unique names, exact keys, harmless commands, no secret in it."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgepair_operator import acl_rules
from hedgepair_operator.redis_port import PairUser
from hedgepair_runner.contract import keys
from hedgepair_runner.contract.identity import PairId, Role
from tests.redis_admin.users import VENUE, user

MASTER = b"a master of at least sixteen characters"
labels = st.from_regex(r"\A[a-c]([-a-c]{0,3}[a-c])?\Z")


@pytest.mark.parametrize(
    "crafted",
    ["a}b", "a{b", "a/b", "a:b", "a.b", "a*b", "a?b", "a[b]", "a\\b", "a b", "A", "-a", "a-", ""],
)
@pytest.mark.parametrize("field", ["namespace", "pairing"])
def test_a_crafted_name_makes_no_user(field: str, crafted: str) -> None:
    pair = replace(user().pair, **{field: crafted})
    with pytest.raises(ValueError, match="no DNS label"):
        acl_rules.acl_rule(MASTER, replace(user(), pair=pair), rotation="1")


@pytest.mark.parametrize("crafted", ["", "a b", "a:b", "a@b", "a/b", "*"])
def test_a_crafted_uid_makes_no_user(crafted: str) -> None:
    with pytest.raises(ValueError, match="no uid"):
        acl_rules.username(replace(user(), uid=crafted))


@given(labels, labels, labels, labels)
def test_two_pairs_never_share_a_key(a: str, b: str, c: str, d: str) -> None:
    other = user(c, d, account=2)
    if (a, b) == (c, d):
        return
    for key in all_keys(a, b):
        assert not allowed(other, key)


def test_a_pair_may_touch_its_prefix_and_its_accounts_keys() -> None:
    for key in all_keys("trading", "eth"):
        assert allowed(user(), key)
    for key in (
        keys.lease(VENUE, 1, 4),
        keys.epoch(VENUE, 1, 4),
        keys.dead_mans_switch(VENUE, 1),
        keys.budget(VENUE, "trading", "0xABC"),
    ):
        assert allowed(user(), key)


def test_a_pair_may_not_touch_other_accounts_keys_or_namespaces() -> None:
    for key in (
        keys.lease(VENUE, 11, 4),
        keys.lease(VENUE, 1, 44),
        keys.epoch(VENUE, 2, 4),
        keys.dead_mans_switch(VENUE, 12),
        keys.budget(VENUE, "tradingdesk", "0xABC"),
        "hp:lease:",
        "anything",
    ):
        assert not allowed(user(), key)


def test_passwords_differ_by_uid_rotation_and_master() -> None:
    made = [
        acl_rules.password(MASTER, user(), rotation="1"),
        acl_rules.password(MASTER, user(), rotation="2"),
        acl_rules.password(MASTER, user(uid="another-life"), rotation="1"),
        acl_rules.password(MASTER + b"!", user(), rotation="1"),
    ]
    assert len(set(made)) == len(made)


def test_the_rule_holds_no_password_and_keeps_the_one_before() -> None:
    rule = acl_rules.acl_rule(MASTER, user(), rotation="4")
    assert acl_rules.password(MASTER, user(), rotation="4") not in " ".join(rule)
    hashes = {part for part in rule if part.startswith("#")}
    assert len(hashes) == 2
    assert hashes & set(acl_rules.acl_rule(MASTER, user(), rotation="3"))


def test_no_command_lists_keys_changes_users_or_settings_or_stops_the_server() -> None:
    for harmful in (
        *("acl", "config", "keys", "scan", "randomkey", "flushall", "flushdb", "shutdown"),
        *("debug", "monitor", "client|kill", "client|list", "script|flush", "rename", "migrate"),
        *("dump", "restore", "copy", "move", "sort", "object", "save", "bgsave", "swapdb"),
        *("replicaof", "slaveof", "module", "latency", "slowlog", "info", "publish", "subscribe"),
    ):
        assert harmful not in acl_rules.COMMANDS
    assert acl_rules.acl_rule(MASTER, user(), rotation="1")[1] == "reset"
    assert not [
        part for part in acl_rules.acl_rule(MASTER, user(), rotation="1") if part.startswith("+@")
    ]


def all_keys(namespace: str, pairing: str) -> list[str]:
    pair = PairId(namespace=namespace, pairing=pairing)
    by_role = [make(pair, role) for make in (keys.report, keys.desired) for role in Role]
    makers = (keys.fills, keys.quotes, keys.intents, keys.token, keys.halts, keys.acknowledged)
    return [*by_role, *(make(pair) for make in (*makers, keys.receipts, keys.alarm))]


def allowed(who: PairUser, key: str) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in acl_rules.key_patterns(who))
