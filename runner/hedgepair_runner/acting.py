"""The right to act on a gap: one side at a time, whatever becomes of Redis (design §6, §14.6).

The hedger has the right by default and asks nobody while it has it: what it may do follows from
its own memory. It lends the right to the maker by a record in Redis, the token, and takes it back
by another. The record may be lost, or go back in time; it is never believed against memory:

* A hedger's epoch is proved by its fence. It acts only after a maker has acknowledged that very
  epoch, with every unwinding order of its own closed (†). Where the venue's nonces prove that the
  last maker there was has retired in order, or that there never was one, it asks nobody.
* It lends only when its intents are closed, from then on does not act whatever becomes of the
  write, and names the one maker's epoch that may act (†). A successor of that maker has fenced A
  before it acknowledges; nobody takes the right from a dead hedger, as nobody else may lend it (†).
* After a hand-back it acts only once its ledger holds the chain position named in it (†).
* A record that vanished or went backwards ends the hedger's epoch (†).
* A maker acts on one record only: of the newest hedger that it acknowledged, lent to its own
  epoch, and not handed back before (†).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

from hedgepair_runner.ledger import Chain


class Owner(Enum):
    HEDGER = "hedger"
    MAKER = "maker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A's chain position: its newest trade that is known (0: none), and the lots after it."""

    trade_id: int
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What the maker is lent the right for: this net, as the hedger's ledger proves it.

    `gap_lots` = A + `hedger_lots` − `accepted_net_lots`, signed.
    """

    gap_lots: int
    hedger_account: int
    hedger_lots: int
    accepted_net_lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One record. `sequence` counts the changes within a hedger's epoch.

    `maker_epoch` is the newest maker's epoch that is known: who acknowledged, or whom it is lent
    to. `position` is what its writer knew of A. `is_retired`: that maker stopped in order, with
    nothing of its own open, and no other has been heard of since.
    """

    hedger_epoch: int
    sequence: int
    owner: Owner
    maker_epoch: int = 0
    is_acknowledged: bool = False
    is_retired: bool = False
    position: Position = field(default_factory=lambda: Position(trade_id=0, lots=0))
    errand: Errand | None = None

    @property
    def version(self) -> tuple[int, int]:
        return self.hedger_epoch, self.sequence


class RightLost(Exception):
    """The record vanished or went backwards: a new epoch, and a new acknowledgement (†)."""


class Stance(Enum):
    """A hedger's, toward its right."""

    UNACKNOWLEDGED = "unacknowledged"
    ACTING = "acting"
    LENDING = "lending"
    """It has decided to lend, and the record is not known to be written."""
    LENT = "lent"
    RETURNED = "returned"
    """It has the right again, and its ledger may not hold what the maker did with it."""


@dataclass(slots=True, kw_only=True)
class HedgerRight:
    """One hedger's epoch. Without a partner that could unwind it acts at once, and for ever."""

    epoch: int
    has_partner: bool = True
    stance: Stance = Stance.UNACKNOWLEDGED
    known: Token | None = None
    """The newest record of this epoch that was seen in Redis."""
    claim: Token | None = None
    """What it asks to be acknowledged, as seen in Redis."""
    _wanted: Token | None = None
    _must_prove: bool = False
    _is_alone: bool = False

    def __post_init__(self) -> None:
        if not self.has_partner:
            self.stance = Stance.ACTING

    def may_act(self, maker: Chain) -> bool:
        """Whether a hedge may be opened now. `maker` is the ledger of A."""
        if self.stance is Stance.ACTING:
            return True
        if self.stance is Stance.RETURNED and self._holds(maker):
            self.stance = Stance.ACTING
            return True
        return False

    def _holds(self, maker: Chain) -> bool:
        if self.known is None or not maker.is_sound or self._must_prove:
            return False
        named = self.known.position
        newer = sum(trade.signed_lots for trade in maker.since(named.trade_id))
        return maker.head_id >= named.trade_id and named.lots + newer == maker.head_lots

    def is_proved(self) -> None:
        """A's position was read anew, twice, since the hand-back: the ledger holds it all."""
        if self.stance is Stance.RETURNED:
            self.stance, self._must_prove = Stance.ACTING, False

    @property
    def may_lend(self) -> bool:
        """To the maker that answered last, unless that one has retired."""
        known = self.known
        if known is None or known.is_retired or self.stance is not Stance.ACTING:
            return False
        return known.maker_epoch > 0

    def lend(self, position: Position, errand: Errand) -> None:
        """From here on the hedger does not act, whatever becomes of the write.

        The caller has closed every intent, and opens none before `may_act` says so again.
        """
        if self.known is None or not self.may_lend:
            raise AssertionError("only a right that one has is lent")
        self._wanted = replace(
            self.known,
            sequence=self.known.sequence + 1,
            owner=Owner.MAKER,
            position=position,
            errand=errand,
        )
        self.stance = Stance.LENDING

    def hear(self, stored: Token | None) -> Token | None:
        """What Redis holds now; returns the record to write in its place, if any.

        Raises RightLost where the record contradicts what was seen before.
        """
        if not self.has_partner:
            return None
        if self.known is None:
            return self._first(stored)
        if stored == self.known:
            return self._wanted if self.stance is Stance.LENDING else None
        if stored is None or stored.version <= self.known.version:
            raise RightLost("the token went backwards")
        if stored.hedger_epoch != self.epoch:
            raise RightLost("a later hedger claims the right to act")
        if stored == self._wanted:
            self.known, self.stance = stored, Stance.LENT
        elif stored.owner is Owner.HEDGER and stored.is_acknowledged:
            self._take_back(stored)
        else:
            raise RightLost("the token was lent by somebody else")
        return None

    def _first(self, stored: Token | None) -> Token | None:
        if stored is None:
            return Token(hedger_epoch=self.epoch, sequence=1, owner=Owner.HEDGER)
        if stored.hedger_epoch != self.epoch:
            return replace(
                stored,
                hedger_epoch=self.epoch,
                sequence=1,
                owner=Owner.HEDGER,
                is_acknowledged=False,
                errand=None,
            )
        if not stored.is_acknowledged:
            self.claim = stored
            alone = replace(stored, sequence=stored.sequence + 1, is_acknowledged=True)
            return alone if self._is_alone else None
        if stored.owner is not Owner.HEDGER:
            raise RightLost("the token was lent by somebody else")
        self.known, self.stance = stored, Stance.RETURNED
        if stored.maker_epoch == 0:
            self.stance = Stance.ACTING
        return None

    @property
    def wants_makers_epoch(self) -> bool:
        """The venue's word on the makers that there were would spare the acknowledgement."""
        claim = self.claim
        if claim is None or self._is_alone or self.stance is not Stance.UNACKNOWLEDGED:
            return False
        return claim.is_retired or claim.maker_epoch == 0

    def is_told_makers_epoch(self, epoch: int) -> None:
        """By A's nonces at the venue: the newest epoch of any maker, 0 if none ever fenced.

        Redis cannot hide a maker that has fenced since: nobody else can have been lent the right.
        """
        claim = self.claim
        if claim is not None:
            has_retired = claim.is_retired and claim.maker_epoch == epoch
            self._is_alone = has_retired or epoch == 0

    def _take_back(self, stored: Token) -> None:
        """A hand-back, or a successor's acknowledgement."""
        is_successor = self.known is not None and stored.maker_epoch != self.known.maker_epoch
        self.known, self._wanted = stored, None
        if self.stance in (Stance.LENDING, Stance.LENT):
            # What a dead maker did with the right is known to nobody: the venue tells.
            self.stance, self._must_prove = Stance.RETURNED, is_successor


@dataclass(slots=True, kw_only=True)
class MakerRight:
    """One maker's epoch, which has fenced A: nothing of earlier ones can execute."""

    epoch: int
    lent: Token | None = None
    """The record that it may act on."""
    _answered: tuple[int, int] = (0, 0)
    """Version of the newest record that this maker wrote, or meant to."""

    def hear(
        self, stored: Token | None, *, is_clear: bool, is_done: bool, position: Position | None
    ) -> Token | None:
        """What Redis holds now; returns the record to write in its place, if any.

        `is_clear`: no unwinding order is open and nothing rests that a new hedger might meet.
        `is_done`: nothing is left to undo, or it cannot be undone. `position`: A's, if known.
        """
        if stored is None or stored.hedger_epoch < self._answered[0]:
            # Vanished, or of a hedger that was succeeded: the present one will claim it anew.
            self.lent = None
            return None
        is_mine = stored.owner is Owner.MAKER and stored.maker_epoch == self.epoch
        if is_mine and stored.hedger_epoch == self._answered[0] and stored.version > self._answered:
            self.lent = stored
            may_answer = is_done and is_clear
        else:
            self.lent = None
            is_answered = stored.is_acknowledged and stored.maker_epoch == self.epoch
            may_answer = is_clear and (is_mine or not is_answered)
        if not may_answer or position is None or stored.maker_epoch > self.epoch:
            return None
        self.lent = None
        return self._answer(stored, position)

    def retire(self, stored: Token | None, position: Position) -> Token | None:
        """The last word of a maker that stops in order, with nothing of its own open."""
        if stored is None:
            stored = Token(hedger_epoch=self._answered[0], sequence=0, owner=Owner.HEDGER)
        if stored.hedger_epoch < self._answered[0] or stored.maker_epoch > self.epoch:
            return None
        if stored.is_retired and stored.maker_epoch == self.epoch:
            return None
        self.lent = None
        return replace(self._answer(stored, position), is_retired=True)

    def _answer(self, stored: Token, position: Position) -> Token:
        """Hands back, or acknowledges: either says that no unwinding order of ours is open."""
        answer = Token(
            hedger_epoch=stored.hedger_epoch,
            sequence=stored.sequence + 1,
            owner=Owner.HEDGER,
            maker_epoch=self.epoch,
            is_acknowledged=True,
            position=position,
        )
        self._answered = max(self._answered, answer.version)
        return answer


def position_of(chain: Chain) -> Position | None:
    """What a ledger knows of A, for a record; None while it is unknown."""
    if chain.position_lots is None:
        return None
    return Position(trade_id=chain.newest_id, lots=chain.position_lots)
