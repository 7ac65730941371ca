"""Who a campaign goes to: everybody whom a criterion takes on one day of the club's, and why others are left out."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain

from msgspec import Struct

from stamkunde.campaigns.facts_store import FACT_SHARDS, FactsStore, block_of
from stamkunde.campaigns.model.criteria import Criterion, check
from stamkunde.campaigns.model.facts import MemberFacts, Standing, without_weighed
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.clubs.model import Club
from stamkunde.shared.channel import Channel

PAGES = FACT_SHARDS
"""Into so many parts an audience is divided: numbers from 0."""


class Sifted(Struct, frozen=True):
    """One part of the club, looked through.

    Parameters
    ----------
    chosen
        Whom the criterion takes, by member id.
    left_out
        Of whom it can't be said, because what they bought may not be looked at (R12): member id and reason.
    seen
        How many were looked at.
    """

    chosen: tuple[MemberFacts, ...]
    left_out: tuple[tuple[str, LeftOut], ...]
    seen: int


class Counted(Struct, frozen=True):
    """How many a criterion takes.

    Parameters
    ----------
    chosen
        All of them, whether they can be written to or not.
    left_out
        Others, by reason.
    seen
        How many there are in the club.
    reachable
        Of the chosen, how many can be sent advertising, by channel.
    """

    chosen: int
    left_out: Mapping[LeftOut, int]
    seen: int
    reachable: Mapping[Channel, int]


class Audience(Struct, frozen=True):
    """The members whom a criterion takes on one day; asked again on that day of the same facts, the same ones.

    Parameters
    ----------
    today
        The club's day that it is asked for: a campaign's audience keeps the day on which it was frozen.
    """

    club: Club
    store: FactsStore
    criterion: Criterion
    today: date

    @property
    def is_known(self) -> bool:
        """Whether the club's facts were made at least once: before that, an empty audience means nothing."""
        rebuilt = self.store.rebuilt()
        return rebuilt is not None and rebuilt.whole

    def sift(self, shard: int) -> Sifted:
        """One of `PAGES` parts of the club, looked through; in the order of member ids."""
        answer = check(self.criterion, self.today)
        chosen, left_out, seen = [], [], 0
        for facts in self._facts(shard):
            seen += 1
            said = answer(facts)
            if said:
                chosen.append(facts)
            elif said is None:
                left_out.append((facts.member_id, LeftOut.PURCHASES_NOT_ALLOWED))
        chosen.sort(key=lambda each: each.member_id)
        return Sifted(tuple(chosen), tuple(sorted(left_out)), seen)

    def page(self, shard: int) -> Sequence[MemberFacts]:
        """The chosen of one of `PAGES` parts; who of them can be written to, `why_not` says."""
        return self.sift(shard).chosen

    def find(self, member_id: str) -> MemberFacts | None:
        """One member's facts, as the audience looks at them; None for nobody, whether chosen or not."""
        facts = self.store.load(block_of(member_id)).members.get(member_id)
        return facts if facts is None or self.club.uses_purchases_unasked else without_weighed(facts)

    def count(self) -> Counted:
        """How many it takes, and how many of them can be written to."""
        answer, countries = check(self.criterion, self.today), frozenset(self.club.join_countries)
        chosen = seen = unknown = 0
        reachable: Counter[Channel] = Counter()
        for facts in chain.from_iterable(map(self._facts, range(PAGES))):
            seen += 1
            said = answer(facts)
            unknown += said is None
            if not said:
                continue
            chosen += 1
            for channel in Channel:
                reachable[channel] += why_not(facts, channel, self.today, countries) is None
        left_out = {LeftOut.PURCHASES_NOT_ALLOWED: unknown} if unknown else {}
        return Counted(chosen, left_out, seen, reachable)

    def _facts(self, shard: int) -> Iterator[MemberFacts]:
        facts = self.store.of_shard(shard)
        return facts if self.club.uses_purchases_unasked else map(without_weighed, facts)


def why_not(facts: MemberFacts, channel: Channel, today: date, countries: Collection[str]) -> LeftOut | None:
    """Why somebody can't be sent advertising by a channel on a day of the club's; None: nothing stands in the way.

    In the order of `stamkunde.members.permission.may_write`, which decides when the message is sent.

    Parameters
    ----------
    countries
        To whose numbers the club sends text messages (ISO 3166).
    """
    if facts.leaving:
        return LeftOut.LEAVING
    if facts.standing is Standing.OPEN:
        return LeftOut.TERMS_NOT_ACCEPTED
    if channel is Channel.SMS and facts.country not in countries:
        return LeftOut.COUNTRY
    if channel is Channel.EMAIL and not facts.email_confirmed:
        return LeftOut.NO_ADDRESS
    if channel in facts.stopped:
        return LeftOut.STOPPED
    return None if facts.may_be_sent(channel, today) else LeftOut.NO_PERMISSION
