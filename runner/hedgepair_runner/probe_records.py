"""Records of probes, and whether they let a pair quote on Mainnet (design §11).

One record speaks for one account, on one network, with one version of the SDK, for thirty days.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hedgepair_runner.probing import NOT_REACHED, Check, Finding, Status

GOOD_FOR_DAYS = 30
_DAY_MS = 86_400_000
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRecord:
    """`left` says what the probe could not take away; empty: no order, and the position as before.

    `made_ms` is Unix milliseconds; `cost_quote` a decimal as text, in quote currency.
    """

    made_ms: int
    made_at: str
    hedgepair_version: str
    sdk_version: str
    network: str
    chain_id: int
    account_index: int
    api_key_index: int
    market: str
    findings: tuple[Finding, ...]
    cost_quote: str = "0"
    left: str = ""

    @property
    def file_name(self) -> str:
        """The same for the next probe of the same thing: the newest one counts."""
        return f"{self.network}-{self.chain_id}-{self.account_index}-{self.sdk_version}.json"

    @property
    def is_whole(self) -> bool:
        """Whether the probe came to its end: one that broke off speaks for nothing."""
        return all(finding.saw != NOT_REACHED for finding in self.findings)

    @property
    def all_hold(self) -> bool:
        """Nothing is left, nothing differs, and what Mainnet needs was seen."""
        return not self.left and not any(
            finding.blocks or finding.status is Status.DIFFERS for finding in self.findings
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Whose record is asked for."""

    sdk_version: str
    network: str
    chain_id: int
    account_index: int
    requires_fencing: bool = True


def objection(records: Iterable[ProbeRecord], wanted: Wanted, *, now_ms: int) -> str | None:
    """Why Mainnet may not quote by these records; None: it may. No full stop."""
    account = f"account {wanted.account_index}"
    own = [
        record
        for record in records
        if record.account_index == wanted.account_index
        and (record.network, record.chain_id) == (wanted.network, wanted.chain_id)
    ]
    if not own:
        return f"{account} has no probe record for {wanted.network}"
    fitting = [record for record in own if record.sdk_version == wanted.sdk_version]
    if not fitting:
        return (
            f"the probe of {account} was made with lighter-sdk {own[-1].sdk_version}, "
            f"this is {wanted.sdk_version}"
        )
    newest = max(fitting, key=lambda record: record.made_ms)
    age_ms = now_ms - newest.made_ms
    if age_ms < -_DAY_MS:
        return f"the probe of {account} is dated {newest.made_at}, which is yet to come"
    if age_ms > GOOD_FOR_DAYS * _DAY_MS:
        return (
            f"the probe of {account} is {age_ms // _DAY_MS} days old; it counts for {GOOD_FOR_DAYS}"
        )
    return _finding_against(newest, wanted, account)


def _finding_against(record: ProbeRecord, wanted: Wanted, account: str) -> str | None:
    found = {finding.check: finding for finding in record.findings}
    for check in Check:
        finding = found.get(check)
        if finding is None:
            return f"the probe of {account} did not check {check.value}"
        if check is Check.FENCING and not wanted.requires_fencing:
            continue
        if finding.blocks:
            return f"the probe of {account} says of {check.value}: {finding.saw}"
    return None


def write_record(record: ProbeRecord) -> str:
    """JSON text, for people, too."""
    findings = [
        {"check": each.check.value, "status": each.status.value, "saw": each.saw}
        for each in record.findings
    ]
    return json.dumps({"schema_version": SCHEMA_VERSION, **_head(record), "findings": findings})


def read_record(text: str) -> ProbeRecord:
    """Raises ValueError for what is no record."""
    try:
        raw = json.loads(text)
        return ProbeRecord(
            **{name: kind(raw[name]) for name, kind in _HEAD.items()},
            findings=tuple(_read_finding(each) for each in raw["findings"]),
        )
    except (KeyError, TypeError, AttributeError) as wrong:
        raise ValueError(f"not a probe record: {wrong!r}") from wrong


_HEAD: Mapping[str, Any] = {
    "made_ms": int,
    "made_at": str,
    "hedgepair_version": str,
    "sdk_version": str,
    "network": str,
    "chain_id": int,
    "account_index": int,
    "api_key_index": int,
    "market": str,
    "cost_quote": str,
    "left": str,
}


def _head(record: ProbeRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _HEAD}


def _read_finding(raw: Mapping[str, Any]) -> Finding:
    return Finding(check=Check(raw["check"]), status=Status(raw["status"]), saw=str(raw["saw"]))
