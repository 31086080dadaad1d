"""What a runner process is told: the pair, its endpoints, where keys lie, and who it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hedgepair_runner.contract.identity import PairId, VenueId
from hedgepair_runner.contract.manifest import HedgePair


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueEndpoints:
    """Where a venue answers. A paper exchange's keys follow from its `paper_seed`."""

    rest_url: str
    ws_url: str
    chain_id: int
    paper_seed: str | None = None

    @property
    def venue_id(self) -> VenueId:
        return VenueId(chain_id=self.chain_id, url=self.rest_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """All that one runner (or a pair in one process) needs to start.

    `redis_url` may hold a password and never shows in `repr`; where it came from a file,
    `redis_url_file`, each connection takes its login from there anew. `holder` names this process
    in leases; it is new for every start. `http_port` 0 lets the system choose; None serves nothing.
    `manifest_file` is followed when it is edited, unless a `desired_file` says what is wanted;
    `state_dir` keeps halts where Redis may not.
    """

    manifest: HedgePair
    namespace: str
    endpoints: VenueEndpoints
    redis_url: str = field(repr=False)
    holder: str
    redis_url_file: Path | None = None
    secrets_dir: Path | None = None
    manifest_file: Path | None = None
    desired_file: Path | None = None
    state_dir: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    http_host: str = "127.0.0.1"
    http_port: int | None = None
    version: str = "0"
    only_withdraws: bool = False
    """This run quotes nothing: it takes orders away or closes, for which no probe is asked."""
    probes_dir: Path | None = None
    """Where records of probes lie; None: where `hedgepair probe` puts them by default."""

    @property
    def pair(self) -> PairId:
        return PairId(namespace=self.namespace, pairing=self.manifest.pairing)
