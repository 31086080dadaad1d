"""The directory of probe records, and the gate before Mainnet (design §11).

In a pod it is a mounted ConfigMap; on a laptop it lies in the user's state directory.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from hedgepair_runner import environment
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.spec import Network
from hedgepair_runner.probe_records import ProbeRecord, Wanted, objection, read_record, write_record
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.venues.lighter.signer import SDK_VERSION

logger = logging.getLogger(__name__)


def probes_dir_of(named: Path | None, environ: Mapping[str, str]) -> Path:
    """The directory that was named, that of the environment, or the user's own."""
    if named is not None:
        return named
    if environ.get(environment.PROBES):
        return Path(environ[environment.PROBES])
    state = environ.get("XDG_STATE_HOME")
    home = Path(state) if state else Path(environ.get("HOME") or "/") / ".local" / "state"
    return home / "hedgepair" / "probes"


def load_records(directory: Path) -> tuple[ProbeRecord, ...]:
    """All records there. What cannot be read is no record: it is said, and passed over."""
    records: list[ProbeRecord] = []
    try:
        files = sorted(directory.glob("*.json"))
    except OSError:
        return ()
    for file in files:
        try:
            records.append(read_record(file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            reason = type(error).__name__
            logger.warning("probe record cannot be read", extra={"file": str(file), "why": reason})
    return tuple(records)


def save_record(directory: Path, record: ProbeRecord) -> Path:
    """Where it lies now; an older one of the same account is replaced. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / record.file_name
    draft = path.with_suffix(".tmp")
    draft.write_text(write_record(record) + "\n", encoding="utf-8")
    os.replace(draft, path)
    return path


def refuse_unprobed(
    manifest: HedgePair,
    roles: Iterable[Role],
    *,
    probes_dir: Path | None,
    environ: Mapping[str, str],
    file: str = "pair.yaml",
    secrets_dir: Path | None = None,
) -> None:
    """Raises StartRefused for a Mainnet pair without a good record of each role's account."""
    spec = manifest.spec
    if spec.exchange.network is not Network.MAINNET:
        return
    directory = probes_dir_of(probes_dir, environ)
    records = load_records(directory)
    legs = {Role.MAKER: spec.maker, Role.HEDGER: spec.hedger}
    for role in roles:
        leg = legs[role]
        if leg is None:
            continue
        wanted = Wanted(
            sdk_version=SDK_VERSION,
            network=spec.exchange.network.value,
            chain_id=spec.exchange.effective_chain_id,
            account_index=leg.account.account_index,
            requires_fencing=spec.exchange.require_fencing,
        )
        against = objection(records, wanted, now_ms=time.time_ns() // 1_000_000)
        if against is not None:
            secrets = "" if secrets_dir is None else f" --secrets {secrets_dir}"
            raise StartRefused(
                f"spec.exchange.network Mainnet: {against} (looked in {directory}). Real money "
                "is traded only where the exchange was seen to behave as HedgePair counts on. "
                f"Run `hedgepair probe -f {file}{secrets} --probes {directory}` first; "
                "it trades the smallest sizes and takes a few minutes."
            )
