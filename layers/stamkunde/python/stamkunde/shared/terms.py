"""What every context says of accepted terms, and of what somebody was told of those they haven't accepted."""

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

NOT_ACCEPTED = 0
"""The terms version of somebody who hasn't accepted any: what they earn is pending."""


class Arrival(StrEnum):
    """What became of a notice that was written to somebody, as far as we can know."""

    SENT = "sent"
    PERHAPS = "perhaps"
    """The gateway's answer was lost: it may have been sent."""

    NOT_SENT = "not_sent"


class TermsReminder(Struct, frozen=True):
    """A reminder of the terms.

    Parameters
    ----------
    written_at, message_id
        When it was written into the outbox, and as what.
    names
        The club's day on which it says that they are deleted.
    arrival
        None until somebody has looked what became of it: when the next thing is due.
    """

    written_at: datetime
    message_id: str
    names: date
    arrival: Arrival | None = None


class TermsChase(Struct, frozen=True):
    """What an open member was told of the terms that they haven't accepted (feature 40).

    Parameters
    ----------
    began_at
        When they joined at a till or were imported.
    reminders
        The oldest first, also those that were never sent.
    """

    began_at: datetime
    reminders: tuple[TermsReminder, ...] = ()

    @property
    def latest(self) -> TermsReminder | None:
        """The latest reminder, which names the day that counts."""
        return self.reminders[-1] if self.reminders else None

    @property
    def heard(self) -> int:
        """How many reminders were sent, or may have been."""
        return sum(each.arrival is not Arrival.NOT_SENT for each in self.reminders)


class TermsTold(Struct, frozen=True):
    """That a member was written to about a version of the terms.

    Parameters
    ----------
    times
        How often: what was never sent is written again.
    arrival
        None until somebody looks what became of it; kept nowhere.
    """

    version: int
    written_at: datetime
    message_id: str
    times: int = 1
    arrival: Arrival | None = None
