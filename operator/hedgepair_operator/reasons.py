"""The words of conditions and Events: closed lists (design §9, operators.md §4.3–4.4)."""

from __future__ import annotations

from enum import StrEnum


class ConditionType(StrEnum):
    ACCEPTED = "Accepted"
    READY = "Ready"
    HEDGED = "Hedged"
    DEGRADED = "Degraded"
    SUSPENDED = "Suspended"
    COMPLETED = "Completed"
    HALTED = "Halted"
    RECONCILING = "Reconciling"
    """kstatus: present only while it is so. `Stalled` likewise."""
    STALLED = "Stalled"


ALWAYS = (
    ConditionType.ACCEPTED,
    ConditionType.READY,
    ConditionType.HEDGED,
    ConditionType.DEGRADED,
    ConditionType.SUSPENDED,
    ConditionType.COMPLETED,
    ConditionType.HALTED,
)


class Truth(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Why a condition stands as it does."""

    # Accepted
    ACCEPTED = "Accepted"
    INVALID_SPEC = "InvalidSpec"
    CHANGE_REFUSED = "ChangeRefused"
    ACCOUNT_IN_USE = "AccountInUse"
    SECRET_MISSING = "SecretMissing"
    SECRET_KEY_MISSING = "SecretKeyMissing"
    UNKNOWN_MARKET = "UnknownMarket"
    MAINNET_NOT_ALLOWED = "MainnetNotAllowed"
    NO_PAPER_EXCHANGE = "NoPaperExchange"
    TOO_MANY_PAIRS = "TooManyPairs"
    NOTIONAL_TOO_LARGE = "NotionalTooLarge"
    PRICE_MISSING = "ReferencePriceMissing"

    # Ready
    RUNNERS_UP = "RunnersUp"
    NOT_ACCEPTED = "NotAccepted"
    POD_PENDING = "PodPending"
    IMAGE_PULL = "ImagePull"
    CRASH_LOOP = "CrashLoop"
    NODE_UNREACHABLE = "NodeUnreachable"
    AWAITING_FLAT = "AwaitingFlat"
    ROLLING_OUT = "RollingOut"
    ROLLOUT_PENDING = "RolloutPending"
    CONFIG_PENDING = "ConfigPending"
    LEASE_HELD_ELSEWHERE = "LeaseHeldElsewhere"
    RUNNER_UNREACHABLE = "RunnerUnreachable"
    RUNNER_STARTING = "RunnerStarting"
    APPLY_FAILED = "ApplyFailed"
    HANDS_OFF = "HandsOff"
    TERMINATING = "Terminating"

    # Hedged
    NET_FLAT = "NetFlat"
    FILL_PENDING = "FillPending"
    UNHEDGED = "Unhedged"
    LEG_UNKNOWN = "LegUnknown"
    HEDGED_ELSEWHERE = "HedgedElsewhere"

    # Degraded
    HEALTHY = "Healthy"
    UNHEDGED_TOO_LONG = "UnhedgedTooLong"
    RISK_BREACHED = "RiskBreached"
    VENUE_UNREACHABLE = "VenueUnreachable"
    REDIS_UNREACHABLE = "RedisUnreachable"
    REDIS_NOT_DURABLE = "RedisNotDurable"
    REDIS_MAY_EVICT = "RedisMayEvict"
    REDIS_ALMOST_FULL = "RedisAlmostFull"
    REDIS_USERS_NOT_SAVED = "RedisUsersNotSaved"
    REDIS_REFUSED = "RedisRefused"
    HEDGE_REJECTED = "HedgeRejected"
    STALE_REPORT = "StaleReport"
    FENCING_DEGRADED = "FencingDegraded"
    HOLDING = "Holding"

    # Suspended, Completed, Halted
    SUSPENDED = "Suspended"
    FLATTENED = "Flattened"
    CANCELLING_ORDERS = "CancellingOrders"
    FLATTENING = "Flattening"
    NOT_SUSPENDED = "NotSuspended"
    STOP_AFTER_REACHED = "StopAfterReached"
    NOT_COMPLETED = "NotCompleted"
    NO_HALT = "NoHalt"
    FOREIGN_ORDERS = "ForeignOrders"
    FOREIGN_POSITION = "ForeignPosition"
    LIQUIDATED = "Liquidated"

    # Reconciling, Stalled
    DRAINING = "Draining"
    SCALING_AWAY = "ScalingAway"
    """Everything is proved; the runners go, makers first."""
    TEARDOWN_TIMED_OUT = "TeardownTimedOut"

    NOT_YET_KNOWN = "NotYetKnown"


class EventReason(StrEnum):
    """What an Event tells: transitions and acts, nothing else."""

    ACCEPTED = "Accepted"
    NOT_ACCEPTED = "NotAccepted"
    RUNNERS_UP = "RunnersUp"
    NOT_READY = "NotReady"
    SUSPENDED = "Suspended"
    SUSPENDING = "Suspending"
    FLATTENED = "Flattened"
    RESUMED = "Resumed"
    ROLLOUT_DEFERRED = "RolloutDeferred"
    ROLLOUT_STARTED = "RolloutStarted"
    RUNNER_RESTARTED = "RunnerRestarted"
    ROLLED_OUT = "RolledOut"
    UNHEDGED = "Unhedged"
    HEDGE_RESTORED = "HedgeRestored"
    HEDGE_UNKNOWN = "HedgeUnknown"
    DEGRADED = "Degraded"
    RECOVERED = "Recovered"
    HALTED = "Halted"
    ACKNOWLEDGED = "HaltAcknowledged"
    COMPLETED = "Completed"
    TEARDOWN_STARTED = "TeardownStarted"
    TEARDOWN_TIMED_OUT = "TeardownTimedOut"
    TORN_DOWN = "TornDown"
    RELEASED_UNPROVEN = "ReleasedUnproven"
    FORCE_DELETED = "ForceDeleted"
    HANDS_OFF = "HandsOff"
