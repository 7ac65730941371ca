"""What a segment may look at of a member: facts taken from what is kept elsewhere, and made anew from it. Pure."""

from bisect import bisect_left
from copy import replace
from datetime import date
from enum import StrEnum

from msgspec import Struct

from stamkunde.shared.channel import Channel

LOOKS_BACK_DAYS = 731
"""How far back purchases are looked at, today included: two springs and two Christmases, no more than offers need."""

MOST_ITEM_NUMBERS = 200
"""Of one member, those bought last: a row holds the facts of many."""

_DAY_ZERO = date(2000, 1, 1).toordinal() - 1


class Standing(StrEnum):
    """What somebody is to the club."""

    OPEN = "open"
    """Joined at a till, terms not accepted: nothing that they bought is looked at, and nothing is sent."""
    MEMBER = "member"
    NEWSLETTER = "newsletter"


class Bought(Struct, frozen=True, array_like=True, gc=False):
    """What somebody bought in the last `LOOKS_BACK_DAYS`, less what they brought back.

    Days are numbers (`day_number`) of the club's own days.

    Parameters
    ----------
    days
        On which they bought something, oldest first, each once: their visits.
    amounts
        By day: what they paid after benefits, less what was refunded of it; minor units.
    outlets
        The last day on which they bought at each outlet.
    items
        The last day on which they bought each item number.
    items_since
        Of what was bought before this day not all item numbers are known; 0 if none is missing.
    earlier
        The day on which they bought something last, for whom that is longer ago; else 0.
    """

    days: tuple[int, ...] = ()
    amounts: tuple[int, ...] = ()
    outlets: dict[str, int] = {}
    items: dict[str, int] = {}
    items_since: int = 0
    earlier: int = 0

    @property
    def last(self) -> int:
        """The day on which they bought something last; 0: never."""
        return self.days[-1] if self.days else self.earlier

    def visits_since(self, first: int) -> int:
        """On how many days they bought something, from that day on."""
        return len(self.days) - bisect_left(self.days, first)

    def spend_since(self, first: int) -> int:
        """What they paid from that day on, in minor units."""
        return sum(self.amounts[bisect_left(self.days, first) :])


NOTHING_BOUGHT = Bought()


def with_items(bought: Bought, most: int = MOST_ITEM_NUMBERS) -> Bought:
    """What somebody bought with no more item numbers than that: those bought last."""
    if len(bought.items) <= most:
        return bought
    newest = sorted(bought.items, key=lambda item: (-bought.items[item], item))
    kept = {item: bought.items[item] for item in newest[:most]}
    return replace(bought, items=kept, items_since=bought.items[newest[most]] + 1)


def day_number(day: date) -> int:
    """A day as facts hold it: 1 is 1 January 2000, so that it takes three bytes for as long as any of us is there."""
    return day.toordinal() - _DAY_ZERO


class MemberFacts(Struct, frozen=True, array_like=True, gc=False):
    """One member, as segments and previews see them.

    Parameters
    ----------
    country
        ISO 3166 code of the country that their number is of; empty if it can't be told.
    outlet
        Their own outlet, else the one where they joined.
    birthday
        Month and day; the year is not kept here.
    interests
        Their answers to the club's questions: question id and answer.
    sms_until, email_until
        The club's first day on which they may no longer be sent advertising so, if nothing changes; None: not now.
    purchases_until
        The same of choosing offers by what they bought; None where that needs no yes of theirs, or isn't allowed.
    purchases_weighed
        Whether it is allowed by the club's written reason, not by a yes (R12, Denmark).
    stopped
        Channels by which they said that they want nothing more.
    bought
        None: nothing that they bought may be looked at (R12). So it is for who is open, or under age (R14).
    stamps
        By stamp programme: how many they have, and how many a full card needs. For the text of a message; a segment
        looks at them only together with `bought`.
    bonus
        Units of bonus that can be spent; as `stamps`.
    email_hash
        Names the confirmed address within the club: of members who share one, one is written to.
    leaving
        They are to be deleted.
    """

    member_id: str
    first_name: str | None
    language: str
    country: str
    standing: Standing
    joined_on: date
    outlet: str | None = None
    birthday: tuple[int, int] | None = None
    interests: tuple[tuple[str, str], ...] = ()
    sms_until: date | None = None
    email_until: date | None = None
    stopped: tuple[Channel, ...] = ()
    email_confirmed: bool = False
    email_hash: str | None = None
    leaving: bool = False
    purchases_until: date | None = None
    purchases_weighed: bool = False
    bought: Bought | None = None
    stamps: dict[str, tuple[int, int]] = {}
    bonus: int = 0

    def until(self, channel: Channel) -> date | None:
        """The club's first day on which they may no longer be sent advertising by a channel; None: not now."""
        return self.sms_until if channel is Channel.SMS else self.email_until

    def may_be_sent(self, channel: Channel, today: date) -> bool:
        """Whether they may be sent advertising by a channel on a day of the club's."""
        until = self.until(channel)
        return until is not None and today < until

    def purchases(self, today: date) -> Bought | None:
        """What they bought, if it may be looked at on a day of the club's (R12)."""
        if self.purchases_until is not None and today >= self.purchases_until:
            return None
        return self.bought


def without_weighed(facts: MemberFacts) -> MemberFacts:
    """Facts in a club that no longer chooses offers by purchases unasked: only a yes lets them be looked at (R12)."""
    return replace(facts, bought=None) if facts.purchases_weighed else facts
