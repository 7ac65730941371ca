"""Making everybody in a club due: once something holds for all of them that they weren't looked at for."""

from collections.abc import Iterator
from copy import replace
from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.clubs.model import NOTICE_OF_NEW_VERSIONS, Club
from stamkunde.clubs.rounds import IsOver
from stamkunde.ledger.store import ACCOUNT_SHARDS, LedgerStore
from stamkunde.members.store import NEWSLETTER_SHARDS, MemberStore
from stamkunde.retention.facts import club_time
from stamkunde.retention.store import DueStore, Swept
from stamkunde.shared.ladder import Ladder

WAVE = 1_250
WAVES_A_DAY = 8
"""A large club's members aren't all made due at once: so many an hour, and so many hours a day."""


class Everybody(Struct, frozen=True):
    """Makes all of one club's members due when its newest terms are known, and when another ladder holds."""

    club: Club
    store: DueStore
    members: MemberStore
    ledger: LedgerStore

    def arm(self, swept: Swept, now: datetime, is_over: IsOver) -> tuple[int, int]:
        """Make everybody due who isn't for what holds now; a run goes on where the last one ended.

        That goes for the first terms and the first ladder too: so everybody is looked at who was there before.

        Returns
        -------
        How many were made due, and how many parts are left.
        """
        swept = self._with_what_holds(swept, now)
        armed = 0
        for part in swept.shards_left:
            if is_over():
                break
            members = list(self._members_of(part))
            at = club_time(self.club).next_opening(now + wave_of(part, len(members)))
            for member_id in members:
                self.store.arm(member_id, at)
            armed += len(members)
            swept = replace(swept, shards_left=tuple(each for each in swept.shards_left if each != part))
            self.store.note_swept(swept)
        return armed, len(swept.shards_left)

    def _with_what_holds(self, swept: Swept, now: datetime) -> Swept:
        """With all parts to be gone through, if something holds that wasn't when they were last."""
        calendar = club_time(self.club)
        version = max(swept.terms_version, self._newest_known_terms(now))
        ladder = ladder_name(calendar.ladder(calendar.day_of(now)))
        if (version, ladder) == (swept.terms_version, swept.ladder):
            return swept
        # Who only takes the news is told of no terms, and stands on no ladder.
        was_never = swept.terms_version == 0 or max(swept.shards_left, default=0) >= ACCOUNT_SHARDS
        parts = ACCOUNT_SHARDS + NEWSLETTER_SHARDS if was_never else ACCOUNT_SHARDS
        return replace(swept, terms_version=version, ladder=ladder, shards_left=tuple(range(parts)))

    def _newest_known_terms(self, now: datetime) -> int:
        """The newest version that everybody knows by now: until then somebody may still accept the one before it."""
        known = (terms for terms in self.club.terms if terms.published_at + NOTICE_OF_NEW_VERSIONS <= now)
        return max((terms.version for terms in known), default=0)

    def _members_of(self, part: int) -> Iterator[str]:
        """Part of a club: first those with an account, then those who only take the news."""
        if part >= ACCOUNT_SHARDS:
            yield from self.members.newsletter_ids(part - ACCOUNT_SHARDS)
            return
        for account_id in self.ledger.account_ids_of(part):
            account = self.ledger.load_account(account_id, consistent=False)
            yield from account.members if account else ()


def ladder_name(ladder: Ladder) -> str:
    """What tells a ladder from any other, such as ``36:18missed_you,24bonus,35last``."""
    rungs = ",".join(f"{rung.after_months}{rung.text}" for rung in ladder.rungs)
    return f"{ladder.months}:{rungs}"


def wave_of(part: int, members: int) -> timedelta:
    """How long the members of a part of a club wait; the club is taken to have as many in each other part."""
    waves = 1 + members * ACCOUNT_SHARDS // WAVE
    days, hours = divmod(part % waves, WAVES_A_DAY)
    return timedelta(days=days, hours=hours)
