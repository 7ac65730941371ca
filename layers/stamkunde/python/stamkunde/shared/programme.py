"""The bonus programme: what a club promises for a purchase. Clubs publish its versions, the ledger applies them.

Everything here is data with pure questions to it, and is stored as msgspec writes it.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

FULL_RATE = 10_000
SAME_FACTOR = 10_000
"""A factor in basis points that changes nothing; double is 20,000."""

LARGEST_FACTOR = 100_000
LONGEST_EXPIRY_MONTHS = 120
SHORTEST_UNSAID_EXPIRY_MONTHS = 36
"""Bonus may expire sooner only if the accepted terms say so (R26)."""


class Unit(StrEnum):
    """What bonus is counted in (feature 17)."""

    MONEY = "money"
    POINTS = "points"


class Selection(Struct, frozen=True):
    """Some goods: those with one of the item numbers, or in one of the till's item groups.

    With neither it is all goods.
    """

    item_numbers: tuple[str, ...] = ()
    item_groups: tuple[str, ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether it leaves nothing out."""
        return not self.item_numbers and not self.item_groups

    def takes(self, item_number: str, item_group: str | None) -> bool:
        """Whether goods are among them."""
        return self.is_everything or item_number in self.item_numbers or item_group in self.item_groups

    def includes(self, other: "Selection") -> bool:
        """Whether it names all that another one does."""
        if self.is_everything or other.is_everything:
            return self.is_everything
        return set(other.item_numbers) <= set(self.item_numbers) and set(other.item_groups) <= set(self.item_groups)


EVERYTHING = Selection()


class Hours(Struct, frozen=True):
    """Part of a week in the club's time zone, such as Tuesdays from 14:00 to 16:00.

    Parameters
    ----------
    weekdays
        ISO numbers, Monday is 1; none means every day.
    from_time, until_time
        Wall-clock times of the day, the end exclusive; None is the day's own begin or end. An end that isn't after
        the begin lies on the next day, and the hours past midnight belong to the day they began on.
    """

    weekdays: tuple[int, ...] = ()
    from_time: time | None = None
    until_time: time | None = None

    def hold(self, at: datetime, time_zone: str) -> bool:
        """Whether an instant lies in them."""
        local = at.astimezone(ZoneInfo(time_zone))
        begin = self.from_time or time.min
        now = local.time()
        if self.until_time is None:
            return now >= begin and self._on(local)
        if begin < self.until_time:
            return begin <= now < self.until_time and self._on(local)
        if now >= begin:
            return self._on(local)
        return now < self.until_time and self._on(local - timedelta(days=1))

    def _on(self, local: datetime) -> bool:
        return not self.weekdays or local.isoweekday() in self.weekdays


ALWAYS = Hours()


class EarningRule(Struct, frozen=True):
    """A rate of its own for some goods, outlets or hours; of the rules that fit a line, the first one counts.

    Parameters
    ----------
    rule_id
        A short name such as ``chokolade``.
    rate
        In place of the programme's own rate; 0 earns nothing.
    """

    rule_id: str
    rate: int
    items: Selection = EVERYTHING
    outlets: tuple[str, ...] = ()
    hours: Hours = ALWAYS


class Multiplier(Struct, frozen=True):
    """A factor on the rate between two wall-clock times: "3 % becomes 6 % this evening" (feature 18).

    Parameters
    ----------
    factor
        Basis points: 20,000 doubles.
    starts_at, ends_at
        Instants in UTC, the end exclusive.
    cumulative
        Whether it is multiplied with the others; of those that aren't, only the highest counts.
    """

    multiplier_id: str
    factor: int
    starts_at: datetime
    ends_at: datetime
    items: Selection = EVERYTHING
    outlets: tuple[str, ...] = ()
    hours: Hours = ALWAYS
    cumulative: bool = False


class Exclusions(Struct, frozen=True):
    """What earns neither bonus nor stamps. Gift cards and deposits never do.

    Parameters
    ----------
    items
        Goods that don't earn.
    never_recorded
        Goods that don't earn and whose item numbers are not kept either.
    payment_kinds
        Kinds of payment that don't earn, such as ``invoice``.
    """

    items: Selection | None = None
    never_recorded: Selection | None = None
    payment_kinds: tuple[str, ...] = ()

    def excludes(self, item_number: str, item_group: str | None) -> bool:
        """Whether goods don't earn."""
        named = self.items is not None and self.items.takes(item_number, item_group)
        return named or self.hides(item_number, item_group)

    def hides(self, item_number: str, item_group: str | None) -> bool:
        """Whether a purchase of these goods is not to be remembered."""
        return self.never_recorded is not None and self.never_recorded.takes(item_number, item_group)


NOTHING_EXCLUDED = Exclusions()


class StampKind(StrEnum):
    """What a stamp is given for."""

    ITEM = "item"
    VISIT = "visit"


class StampProgramme(Struct, frozen=True):
    """A promise such as "every 10th rye bread free" (feature 16), or a stamp a visit.

    Parameters
    ----------
    stamp_programme_id, name
        A short name such as ``rugbrod``, and the one that people read, such as "Rugbrød".
    kind
        `StampKind.ITEM`: one stamp a unit of `items`. `StampKind.VISIT`: one a purchase.
    needed
        Stamps that make a full card.
    reward_name, reward
        What a full card gives, in the club's language, and the goods one unit of which it makes free.
    expiry_months
        A reward can be used to the end of the month so many months after the card was full.
    minimum_gap_minutes, minimum_amount
        For visits: since the last stamp, and what must be paid in minor units.
    most_carried_over
        Stamps from a paper card that a member may bring along, once.
    """

    stamp_programme_id: str
    name: str
    needed: int
    reward_name: str
    kind: StampKind = StampKind.ITEM
    items: Selection = EVERYTHING
    reward: Selection = EVERYTHING
    expiry_months: int = 12
    minimum_gap_minutes: int = 60
    minimum_amount: int = 0
    most_carried_over: int = 0


class BonusProgramme(Struct, frozen=True):
    """One version of what a club promises: bonus and stamps (features 16-19).

    Parameters
    ----------
    version
        1, 2, 3 …
    valid_from
        Instant in UTC from which purchases are judged by it, until the next version's.
    rate
        Units of bonus for 10,000 minor units paid: 300 is 3 %, or 300 points for 100 kr.
    expiry_months
        Bonus lives to the end of the month that lies so many months after the purchase.
    unit, point_value
        What bonus is counted in, the same in all versions, and what one unit pays for in minor units.
    most_bonus_carried_over
        Old bonus that a member may bring along from before, once.
    """

    version: int
    valid_from: datetime
    rate: int
    expiry_months: int
    unit: Unit = Unit.MONEY
    point_value: int = 1
    rules: tuple[EarningRule, ...] = ()
    multipliers: tuple[Multiplier, ...] = ()
    exclusions: Exclusions = NOTHING_EXCLUDED
    stamp_programmes: tuple[StampProgramme, ...] = ()
    most_bonus_carried_over: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= FULL_RATE:
            raise ValueError("a rate lies between 0 and 10,000 basis points")
        if not 1 <= self.expiry_months <= LONGEST_EXPIRY_MONTHS:
            raise ValueError("bonus lives 1 to 120 months")

    def stamp_programme(self, stamp_programme_id: str) -> StampProgramme | None:
        """One of its stamp programmes."""
        return next((each for each in self.stamp_programmes if each.stamp_programme_id == stamp_programme_id), None)


def stamp_programme_in(
    versions: Sequence[BonusProgramme], version: int, stamp_programme_id: str
) -> StampProgramme | None:
    """A stamp programme as a version has it, or as the last version before that had it."""
    having = [
        (each.version, found)
        for each in versions
        if each.version <= version and (found := each.stamp_programme(stamp_programme_id)) is not None
    ]
    return max(having, key=lambda each: each[0])[1] if having else None


def programme_at(versions: Sequence[BonusProgramme], at: datetime) -> BonusProgramme:
    """The version valid at an instant; the first one for anything older (a club's first receipts)."""
    valid = [version for version in versions if version.valid_from <= at]
    return max(valid or versions[:1], key=lambda version: (version.valid_from, version.version))
