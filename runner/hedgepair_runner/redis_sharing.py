"""Sharing over Redis (design §8). Times are those of Redis, so that hosts' clocks do not matter.

Hash `hp:budget:…`: field `<member>|<resource>` → JSON {at, held, until, reserve, spent}, field
`quota` → JSON. Hash `hp:dms:…`: `armed` → Unix ms, `turn` → JSON {member, until}, `member:<name>` →
Unix ms until which it counts. Hash `…:starts:…`: Unix µs of starts → 1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import redis.asyncio as redis

from hedgepair_runner.budgeting import HOLD_S, LAG_MS, WINDOW_MS, Claim, Grant, QuotaWord, Resource
from hedgepair_runner.contract import keys
from hedgepair_runner.contract.identity import PairId, Role, VenueId
from hedgepair_runner.redis_bus import asked
from hedgepair_runner.starting import WINDOW_S
from hedgepair_runner.switching import LIVES_S, TURN_S, Tended

_KEPT_MS = 3_600_000
"""A shared record that nobody touches for so long is of nobody any more."""

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# `budgeting.grant`, atomically. Each script touches one key.
CLAIM = (
    _NOW
    + """
local me, resource = ARGV[1], ARGV[2]
local claim = cjson.decode(ARGV[3])
local window, hold = tonumber(ARGV[4]), tonumber(ARGV[5])
local free, short, members, mine = claim.capacity, 0, 1, {}
for _, spent in ipairs(claim.spent) do
  if spent[1] < window then
    free = free - spent[2]
    table.insert(mine, {now - spent[1], spent[2]})
  end
end
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local member, of = string.match(fields[i], '^(.*)|(.-)$')
  if of == resource and member ~= me then
    local other = cjson.decode(fields[i + 1])
    local lives = other['until'] > now
    for _, spent in ipairs(other.spent) do
      if spent[1] > now - window then
        free = free - spent[2]
      end
    end
    if lives then
      members = members + 1
      free = free - other.held
      short = short + math.max(0, other.reserve - other.held)
    elseif other.at + window < now then
      redis.call('HDEL', KEYS[1], fields[i])
    end
  end
end
local first = math.max(0, math.min(claim.reserve, free))
local held = first + math.max(0, math.min(claim.working, free - first - short))
local record = {at = now, held = held, reserve = claim.reserve, spent = mine}
record['until'] = now + hold
if #mine == 0 then record.spent = cjson.decode('[]') end
redis.call('HSET', KEYS[1], me .. '|' .. resource, cjson.encode(record))
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return {held, members}
"""
)
QUOTA = (
    _NOW
    + """
local word = cjson.decode(ARGV[1])
local kept = cjson.decode(redis.call('HGET', KEYS[1], 'quota') or '{}')
local at = now - word.age_ms
if word.remaining ~= cjson.null and (kept.remaining == nil or at >= kept.at) then
  kept.remaining, kept.at = word.remaining, at
end
if word.freed_age_ms ~= cjson.null then
  kept.freed = math.max(kept.freed or 0, now - word.freed_age_ms)
end
if kept.remaining ~= nil or kept.freed ~= nil then
  redis.call('HSET', KEYS[1], 'quota', cjson.encode(kept))
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {kept.remaining or -1, kept.at and now - kept.at or 0, kept.freed and now - kept.freed or -1}
"""
)
TEND = (
    _NOW
    + """
local me, wants = 'member:' .. ARGV[1], ARGV[2] == '1'
redis.call('HSET', KEYS[1], me, string.format('%d', now + tonumber(ARGV[3])))
local others, turn, armed = 0, nil, 0
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if name == 'armed' then armed = tonumber(value)
  elseif name == 'turn' then turn = cjson.decode(value)
  elseif name ~= me then
    if tonumber(value) > now then others = 1 else redis.call('HDEL', KEYS[1], name) end
  end
end
local mine = 0
if wants and (turn == nil or turn['until'] <= now or turn.member == ARGV[1]) then
  mine = 1
  local taken = {member = ARGV[1]}
  taken['until'] = now + tonumber(ARGV[4])
  redis.call('HSET', KEYS[1], 'turn', cjson.encode(taken))
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {string.format('%d', armed), mine, others}
"""
)
ARMED = """
redis.call('HSET', KEYS[1], 'armed', ARGV[1])
redis.call('HDEL', KEYS[1], 'turn')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
LEAVE = (
    _NOW
    + """
redis.call('HDEL', KEYS[1], 'member:' .. ARGV[1])
local others = 0
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 7) == 'member:' and tonumber(fields[i + 1]) > now then others = 1 end
  if fields[i] == 'turn' and cjson.decode(fields[i + 1]).member == ARGV[1] then
    redis.call('HDEL', KEYS[1], 'turn')
  end
end
return others
"""
)
START = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('HSET', KEYS[1], string.format('%d', now), 1)
local starts = 0
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if tonumber(fields[i]) > now - tonumber(ARGV[1]) * 1000 then starts = starts + 1
  else redis.call('HDEL', KEYS[1], fields[i]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return starts
"""

Script = Callable[..., Awaitable[Any]]


class RedisSharing:
    """The shared records of one venue, as far as a namespace may share them."""

    def __init__(self, client: redis.Redis, *, venue: VenueId, namespace: str) -> None:
        self._venue = venue
        self._namespace = namespace
        self._claim: Script = client.register_script(CLAIM)
        self._quota: Script = client.register_script(QUOTA)
        self._tend: Script = client.register_script(TEND)
        self._armed: Script = client.register_script(ARMED)
        self._leave: Script = client.register_script(LEAVE)
        self._start: Script = client.register_script(START)

    async def claim_budget(
        self, l1_address: str, resource: Resource, *, member: str, claim: Claim
    ) -> Grant:
        key = keys.budget(self._venue, self._namespace, l1_address)
        window_ms, hold_ms = WINDOW_MS + LAG_MS, _ms(HOLD_S)
        args = [member, resource.value, orjson.dumps(claim), window_ms, hold_ms, _KEPT_MS]
        held, members = await asked(self._claim(keys=[key], args=args))
        return Grant(held=int(held), members=int(members))

    async def share_quota(self, l1_address: str, word: QuotaWord) -> QuotaWord:
        key = keys.budget(self._venue, self._namespace, l1_address)
        remaining, age_ms, freed_ms = await asked(
            self._quota(keys=[key], args=[orjson.dumps(word), _KEPT_MS])
        )
        return QuotaWord(
            remaining=None if remaining < 0 else int(remaining),
            age_ms=int(age_ms),
            freed_age_ms=None if freed_ms < 0 else int(freed_ms),
        )

    async def tend_switch(self, account_index: int, *, member: str, wants_turn: bool) -> Tended:
        key = keys.dead_mans_switch(self._venue, account_index)
        args = [member, int(wants_turn), _ms(LIVES_S), _ms(TURN_S), _KEPT_MS]
        armed, mine, others = await asked(self._tend(keys=[key], args=args))
        return Tended(armed_until_ms=int(armed), is_my_turn=bool(mine), has_others=bool(others))

    async def switch_armed(self, account_index: int, *, until_ms: int) -> None:
        key = keys.dead_mans_switch(self._venue, account_index)
        await asked(self._armed(keys=[key], args=[until_ms, _KEPT_MS]))

    async def leave_switch(self, account_index: int, *, member: str) -> bool:
        key = keys.dead_mans_switch(self._venue, account_index)
        return bool(await asked(self._leave(keys=[key], args=[member])))

    async def note_start(self, pair: PairId, role: Role) -> int:
        return int(await asked(self._start(keys=[keys.starts(pair, role)], args=[_ms(WINDOW_S)])))


def _ms(seconds: float) -> int:
    return int(seconds * 1_000)
