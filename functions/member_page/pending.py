"""What the member page remembers, in the visitor's own browser, between the number and the code."""

import msgspec

from stamkunde.web.cookies import Pending

PURPOSE = Pending.OPEN_CARD


class PendingCard(msgspec.Struct, frozen=True):
    """A number that waits for its code; whether it has a card, nobody learns before the code is right."""

    challenge_id: str
    phone: str
