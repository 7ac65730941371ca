"""Whom a segment takes: a tree of criteria, and what each says of a member's facts. Pure rules.

Whatever follows from purchases is answered only of those whose purchases may be looked at (R12). Of all others such a
criterion says neither yes nor no: turned round by `Not` it doesn't choose them either.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from stamkunde.campaigns.model.facts import LOOKS_BACK_DAYS, Bought, MemberFacts, Standing, day_number
from stamkunde.shared.channel import Channel
from stamkunde.shared.errors import Refusal

MOST_CRITERIA = 50
DEEPEST = 6

type Days = Annotated[int, Meta(ge=1, le=LOOKS_BACK_DAYS)]
"""So many of the club's days back, the day on which it is asked among them."""

type Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
type Name = Annotated[str, Meta(min_length=1, max_length=64)]
type Names = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=100)]

type Answer = bool | None
"""Whether somebody is meant; None: it can't be said, because their purchases may not be looked at."""

type Check = Callable[[MemberFacts], Answer]


class _Said(Struct, frozen=True, tag_field="is", forbid_unknown_fields=True, omit_defaults=True):
    """How a criterion is written down: an object whose ``is`` says which one it is."""


class AllOf(_Said, frozen=True, tag="all"):
    """Whoever all of these take; with nothing in it, everybody."""

    of: "tuple[Criterion, ...]" = ()


class AnyOf(_Said, frozen=True, tag="any"):
    """Whoever one of these takes; with nothing in it, nobody."""

    of: "tuple[Criterion, ...]" = ()


class Not(_Said, frozen=True, tag="not"):
    """Whoever this doesn't take."""

    of: "Criterion"


class Outlet(_Said, frozen=True, tag="outlet"):
    """Whose own outlet is one of these; of who chose none, where they joined."""

    outlets: Names


class Joined(_Said, frozen=True, tag="joined"):
    """Who joined between two days, both included, and within the last days; what isn't said is no bound."""

    first: date | None = None
    last: date | None = None
    within_days: Annotated[int, Meta(ge=1, le=36_500)] | None = None


class Birthday(_Said, frozen=True, tag="birthday"):
    """Whose birthday is today or within so many days after it, and in that month; what isn't said is no bound.

    Who was born on 29 February has it on 1 March in a year without that day, as in `stamkunde.members.model.age_on`.
    """

    within_days: Annotated[int, Meta(ge=0, le=60)] | None = None
    month: Annotated[int, Meta(ge=1, le=12)] | None = None


class Interest(_Said, frozen=True, tag="interest"):
    """Who gave one of these answers to a question of the club's own."""

    question: Name
    answers: Names


class Language(_Said, frozen=True, tag="language"):
    """Who is written to in one of these languages."""

    languages: Names


class Country(_Said, frozen=True, tag="country"):
    """Whose number is of one of these countries (ISO 3166)."""

    countries: Names


class Permitted(_Said, frozen=True, tag="permission"):
    """Who may be sent advertising by a channel today, or whose purchases may be looked at."""

    what: Literal["sms", "email", "purchases"]


class EmailConfirmed(_Said, frozen=True, tag="email_confirmed"):
    """Who has shown that an e-mail address is theirs."""


class Kind(_Said, frozen=True, tag="kind"):
    """What somebody is to the club: a member, one who hasn't accepted the terms, or there for the news only."""

    standing: Standing


class Visits(_Said, frozen=True, tag="visits"):
    """Who bought something on so many of the last days; `at_most` 0: on none of them."""

    days: Days
    at_least: Count | None = None
    at_most: Count | None = None


class LastPurchase(_Said, frozen=True, tag="last_purchase"):
    """Who bought something last so many days ago, at least, at most; who never bought anything is never meant."""

    at_least_days: Count | None = None
    at_most_days: Count | None = None


class Spend(_Said, frozen=True, tag="spend"):
    """Who paid so much within the last days: minor units, after benefits and refunds."""

    days: Days
    at_least: Count | None = None
    at_most: Count | None = None


class BoughtAt(_Said, frozen=True, tag="bought_at"):
    """Who bought something at one of these outlets within the last days."""

    outlets: Names
    days: Days


class BoughtItem(_Said, frozen=True, tag="bought_item"):
    """Who bought one of these item numbers within the last days, and kept it."""

    items: Names
    days: Days


class StampsMissing(_Said, frozen=True, tag="stamps_missing"):
    """Whose running card has a stamp, and lacks at most so many."""

    programme: Name
    at_most: Annotated[int, Meta(ge=1, le=100)]


class BonusAtLeast(_Said, frozen=True, tag="bonus"):
    """Who can spend so much bonus, in the club's units."""

    at_least: Annotated[int, Meta(ge=1, le=1_000_000_000)]


type Criterion = (
    AllOf
    | AnyOf
    | Not
    | Outlet
    | Joined
    | Birthday
    | Interest
    | Language
    | Country
    | Permitted
    | EmailConfirmed
    | Kind
    | Visits
    | LastPurchase
    | Spend
    | BoughtAt
    | BoughtItem
    | StampsMissing
    | BonusAtLeast
)

EVERYBODY = AllOf()
OF_PURCHASES = (Visits, LastPurchase, Spend, BoughtAt, BoughtItem, StampsMissing, BonusAtLeast)
"""What follows from purchases: what, when, where, how much, and what was earned by them (R12)."""


def read_criterion(written: bytes | str) -> Criterion:
    """A criterion from its JSON.

    Raises
    ------
    Refusal
        ``invalid_field``: no such criterion, a value out of its bounds, more than 50 criteria, or more than six deep.
    """
    try:
        criterion: Criterion = _DECODER.decode(written)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Refusal("invalid_field", {"expected": str(error)}, "/criteria") from error
    return check_size(criterion)


def write_criterion(criterion: Criterion) -> bytes:
    """Its JSON, which `read_criterion` reads; the same criterion always gives the same bytes."""
    return msgspec.json.encode(criterion, order="deterministic")


def check_size(criterion: Criterion) -> Criterion:
    """A criterion that is small enough to be looked at for everybody.

    Raises
    ------
    Refusal
        As in `read_criterion`.
    """
    if sum(1 for _ in every_criterion(criterion)) > MOST_CRITERIA:
        raise Refusal("invalid_field", {"expected": f"1-{MOST_CRITERIA}"}, "/criteria")
    if _depth(criterion) > DEEPEST:
        raise Refusal("invalid_field", {"expected": f"1-{DEEPEST}"}, "/criteria")
    return criterion


def every_criterion(criterion: Criterion) -> Iterator[Criterion]:
    """A criterion and all that lie in it."""
    yield criterion
    for part in _parts(criterion):
        yield from every_criterion(part)


def uses_purchases(criterion: Criterion) -> bool:
    """Whether it looks at anything that follows from purchases (R12)."""
    return any(isinstance(each, OF_PURCHASES) for each in every_criterion(criterion))


def matches(criterion: Criterion, facts: MemberFacts, today: date) -> bool:
    """Whether somebody is surely meant on a day of the club's."""
    return check(criterion, today)(facts) is True


def check(criterion: Criterion, today: date) -> Check:
    """What tells of each member whether they are meant on a day of the club's: made once, asked 50,000 times."""
    return _CHECKS[type(criterion)](criterion, today)


def _parts(criterion: Criterion) -> "tuple[Criterion, ...]":
    if isinstance(criterion, AllOf | AnyOf):
        return criterion.of
    return (criterion.of,) if isinstance(criterion, Not) else ()


def _depth(criterion: Criterion) -> int:
    return 1 + max(map(_depth, _parts(criterion)), default=0)


def _all_of(criterion: AllOf, today: date) -> Check:
    checks = [check(each, today) for each in criterion.of]

    def answer(facts: MemberFacts) -> Answer:
        known: Answer = True
        for each in checks:
            said = each(facts)
            if said is False:
                return False
            known = known and said
        return known

    return answer


def _any_of(criterion: AnyOf, today: date) -> Check:
    checks = [check(each, today) for each in criterion.of]

    def answer(facts: MemberFacts) -> Answer:
        known: Answer = False
        for each in checks:
            said = each(facts)
            if said:
                return True
            known = None if said is None else known
        return known

    return answer


def _not(criterion: Not, today: date) -> Check:
    inner = check(criterion.of, today)

    def answer(facts: MemberFacts) -> Answer:
        said = inner(facts)
        return None if said is None else not said

    return answer


def _outlet(criterion: Outlet, _today: date) -> Check:
    outlets = frozenset(criterion.outlets)
    return lambda facts: facts.outlet in outlets


def _joined(criterion: Joined, today: date) -> Check:
    since = today - timedelta(days=criterion.within_days - 1) if criterion.within_days else date.min
    first, last = max(since, criterion.first or date.min), criterion.last or date.max
    return lambda facts: first <= facts.joined_on <= last


def _birthday(criterion: Birthday, today: date) -> Check:
    days = None
    if criterion.within_days is not None:
        ahead = [today + timedelta(days=each) for each in range(criterion.within_days + 1)]
        days = {birthday for day in ahead for birthday in _birthdays_on(day)}
    month = criterion.month

    def answer(facts: MemberFacts) -> Answer:
        born = facts.birthday
        return born is not None and (days is None or born in days) and (month is None or born[0] == month)

    return answer


def _birthdays_on(day: date) -> Iterator[tuple[int, int]]:
    yield day.month, day.day
    if (day.month, day.day) == (3, 1) and (day - timedelta(days=1)).day != _LEAP_DAY[1]:
        yield _LEAP_DAY


_LEAP_DAY = (2, 29)


def _interest(criterion: Interest, _today: date) -> Check:
    question, answers = criterion.question, frozenset(criterion.answers)
    return lambda facts: any(asked == question and said in answers for asked, said in facts.interests)


def _language(criterion: Language, _today: date) -> Check:
    languages = frozenset(criterion.languages)
    return lambda facts: facts.language in languages


def _country(criterion: Country, _today: date) -> Check:
    countries = frozenset(criterion.countries)
    return lambda facts: facts.country in countries


def _permitted(criterion: Permitted, today: date) -> Check:
    if criterion.what == "purchases":
        return lambda facts: facts.purchases(today) is not None
    channel = Channel(criterion.what)
    return lambda facts: facts.may_be_sent(channel, today)


def _email_confirmed(_criterion: EmailConfirmed, _today: date) -> Check:
    return lambda facts: facts.email_confirmed


def _kind(criterion: Kind, _today: date) -> Check:
    return lambda facts: facts.standing is criterion.standing


def _of_purchases(look: Callable[[Bought], Answer], today: date) -> Check:
    """Asked only of those whose purchases may be looked at."""

    def answer(facts: MemberFacts) -> Answer:
        bought = facts.purchases(today)
        return None if bought is None else look(bought)

    return answer


def _first_of(days: int, today: date) -> int:
    return day_number(today) - days + 1


def _within(amount: int, at_least: int | None, at_most: int | None) -> bool:
    return (at_least is None or amount >= at_least) and (at_most is None or amount <= at_most)


def _visits(criterion: Visits, today: date) -> Check:
    first, at_least, at_most = _first_of(criterion.days, today), criterion.at_least, criterion.at_most
    return _of_purchases(lambda bought: _within(bought.visits_since(first), at_least, at_most), today)


def _last_purchase(criterion: LastPurchase, today: date) -> Check:
    at_least, at_most, day = criterion.at_least_days, criterion.at_most_days, day_number(today)
    return _of_purchases(lambda bought: bought.last > 0 and _within(day - bought.last, at_least, at_most), today)


def _spend(criterion: Spend, today: date) -> Check:
    first, at_least, at_most = _first_of(criterion.days, today), criterion.at_least, criterion.at_most
    return _of_purchases(lambda bought: _within(bought.spend_since(first), at_least, at_most), today)


def _bought_at(criterion: BoughtAt, today: date) -> Check:
    first, outlets = _first_of(criterion.days, today), criterion.outlets
    return _of_purchases(lambda bought: any(bought.outlets.get(each, 0) >= first for each in outlets), today)


def _bought_item(criterion: BoughtItem, today: date) -> Check:
    first, items = _first_of(criterion.days, today), criterion.items

    def look(bought: Bought) -> Answer:
        if any(bought.items.get(each, 0) >= first for each in items):
            return True
        # Of what else was bought before that day the item numbers aren't known any more.
        return None if first < bought.items_since else False

    return _of_purchases(look, today)


def _stamps_missing(criterion: StampsMissing, today: date) -> Check:
    programme, at_most = criterion.programme, criterion.at_most

    def answer(facts: MemberFacts) -> Answer:
        if facts.purchases(today) is None:
            return None
        have, needed = facts.stamps.get(programme, (0, 0))
        return have > 0 and needed - have <= at_most

    return answer


def _bonus(criterion: BonusAtLeast, today: date) -> Check:
    at_least = criterion.at_least
    return lambda facts: None if facts.purchases(today) is None else facts.bonus >= at_least


_CHECKS: dict[type, Callable[..., Check]] = {
    AllOf: _all_of,
    AnyOf: _any_of,
    Not: _not,
    Outlet: _outlet,
    Joined: _joined,
    Birthday: _birthday,
    Interest: _interest,
    Language: _language,
    Country: _country,
    Permitted: _permitted,
    EmailConfirmed: _email_confirmed,
    Kind: _kind,
    Visits: _visits,
    LastPurchase: _last_purchase,
    Spend: _spend,
    BoughtAt: _bought_at,
    BoughtItem: _bought_item,
    StampsMissing: _stamps_missing,
    BonusAtLeast: _bonus,
}
_DECODER: msgspec.json.Decoder[Criterion] = msgspec.json.Decoder(Criterion)
