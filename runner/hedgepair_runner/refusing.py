"""Why a runner cannot start at this venue: a sentence, and a word of the resource's conditions.

The operator sees no venue and no Secret: it shows what the runner's last report says.
"""

from __future__ import annotations

from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.venues.venue import KEY_REFUSED, NO_SUCH_ACCOUNT, VenueRefused

UNKNOWN_MARKET = "UnknownMarket"
KEY_REFUSED_CODE = "KeyRefused"
ACCOUNT_MISSING = "AccountMissing"
SECRET_MISSING = "SecretMissing"
FENCING_UNAVAILABLE = "FencingUnavailable"


def refusal_of(error: StartRefused | VenueRefused) -> StartRefused:
    """A venue's refusal as one of the start, with the remedy; a refused start as it is."""
    if isinstance(error, StartRefused):
        return error
    if error.code == 0:
        return StartRefused(
            f"spec.market: {error}; name one that the exchange lists", reason_code=UNKNOWN_MARKET
        )
    if error.code in KEY_REFUSED:
        return StartRefused(key_sentence(str(error)), reason_code=KEY_REFUSED_CODE)
    if error.code == NO_SUCH_ACCOUNT:
        return StartRefused(
            f"The exchange knows no such account ({error}): check spec.maker.account.accountIndex "
            "and spec.hedger.account.accountIndex.",
            reason_code=ACCOUNT_MISSING,
        )
    return StartRefused(f"The exchange refused this runner: {error}")


def key_sentence(said: str) -> str:
    return (
        f"The exchange refuses this runner's API key ({said}): put the private key that belongs "
        "to the public key registered at this index into the Secret."
    )
