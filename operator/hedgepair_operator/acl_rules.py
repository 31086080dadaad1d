"""What a pair's Redis user may do, its name and its passwords (design §8). Pure.

A user may touch its pair's prefix and the shared keys of the accounts that its resource signs for,
with the commands that runners send. It can list no keys, read no other pair, and change no user.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from hedgepair_operator.redis_port import PairUser
from hedgepair_runner.contract import keys

COMMANDS: Final = (
    # strings
    *("get", "getdel", "set", "incr", "incrby", "del", "exists", "expire", "pexpire", "pttl"),
    # hashes
    *("hget", "hmget", "hgetall", "hset", "hsetnx", "hdel", "hexists", "hincrby", "hlen"),
    # streams
    *("xadd", "xdel", "xlen", "xrange", "xrevrange", "xread", "xtrim"),
    # scripts: what they call is checked like everything else
    *("eval", "evalsha", "script|load"),
    # transactions and the connection itself
    *("multi", "exec", "discard", "watch", "unwatch", "ping", "select", "time", "client|setname"),
)
"""Of Redis 6.2, the oldest that is supported: a newer name would be refused there."""

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_UID: Final = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_PURPOSE: Final = b"hedgepair redis user v1\0"


def username(user: PairUser) -> str:
    """By the uid: unique for ever, over namespaces, releases and clusters, and the same in a URL.

    Raises ValueError for what no API server gives out.
    """
    if not _UID.match(user.uid):
        raise ValueError(f"{user.uid!r} is no uid: no Redis user is made of it")
    return f"hp-{user.uid}"


def password(master: bytes, user: PairUser, *, rotation: str) -> str:
    """64 hexadecimal digits that only the master's holder can make."""
    words = _PURPOSE + f"{user.uid}\0{rotation}".encode()
    return hmac.new(master, words, hashlib.sha256).hexdigest()


def key_patterns(user: PairUser) -> tuple[str, ...]:
    """The keys that the user may read and write, as patterns of Redis.

    Raises ValueError for a namespace or pairing that is no DNS label. Admission refuses such; were
    one to slip through with a brace, a slash or a wildcard, it could be read as another pair's.
    """
    for label in (user.pair.namespace, user.pair.pairing):
        if not _LABEL.match(label):
            raise ValueError(f"{label!r} is no DNS label: no Redis user is made of it")
    patterns = {f"hp:{{{user.pair}}}:*"}
    for account in user.accounts:
        venue, index, key = account.venue, account.account_index, account.api_key_index
        patterns |= {
            keys.lease(venue, index, key),
            keys.epoch(venue, index, key),
            keys.dead_mans_switch(venue, index),
            keys.budget(venue, user.pair.namespace, "*"),
        }
    return tuple(sorted(patterns))


def acl_rule(master: bytes, user: PairUser, *, rotation: str) -> tuple[str, ...]:
    """The arguments of `ACL SETUSER` that make the user exactly this, whatever it was before.

    Passwords stand as their hashes: the rule holds no secret and may be shown. Of a rotation that
    is a number, the one before stays good too, for runners that read their new password later.
    """
    rotations = [rotation]
    if rotation.isdecimal() and int(rotation) > 0:
        rotations.append(str(int(rotation) - 1))
    passwords = [password(master, user, rotation=each) for each in rotations]
    return (
        username(user),
        "reset",
        "on",
        *(f"#{hashlib.sha256(each.encode()).hexdigest()}" for each in passwords),
        *(f"~{pattern}" for pattern in key_patterns(user)),
        "resetchannels",
        "-@all",
        *(f"+{command}" for command in COMMANDS),
    )
