"""What the member page remembers, in the visitor's own browser, between the number and the code."""

import msgspec

from stamkunde.web.cookies import Pending

PURPOSE = Pending.OPEN_CARD
NUMBER_PURPOSE = Pending.CHANGE_NUMBER


class PendingCard(msgspec.Struct, frozen=True):
    """A number that waits for its code; whether it has a card, nobody learns before the code is right."""

    challenge_id: str
    phone: str


class PendingNumber(msgspec.Struct, frozen=True):
    """A number that a member wants instead of theirs, and the challenges of both codes."""

    phone: str
    old_challenge: str
    new_challenge: str
