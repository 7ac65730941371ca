"""What a visit does by itself, without a case: nobody is told anything by it, and done again it changes nothing."""

from copy import replace
from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.ledger.expiry import Expiry
from stamkunde.members.birthdays import BirthdayNotes, birthday_from
from stamkunde.members.model import Member
from stamkunde.retention.expiry import lapse_day
from stamkunde.retention.model import Facts
from stamkunde.shared.clock import local_date

_A_DAY = timedelta(days=1)


class AtOnce(Struct, frozen=True):
    """Posts what has lapsed in a club's accounts, and notes its members' birthdays."""

    club: Club
    expiry: Expiry
    birthdays: BirthdayNotes

    def tend(self, member: Member, facts: Facts, now: datetime) -> Facts:
        """Do what is due of it for somebody, and say what is known of them then.

        Raises
        ------
        Refusal
            ``try_again``: others keep writing the account.
        """
        today = local_date(now, self.club.time_zone)
        if facts.birthday is not None and facts.birthday <= today:
            self.birthdays.note(member.member_id, today)
            facts = replace(facts, birthday=birthday_from(member, today + _A_DAY))
        if member.account_id is None or facts.expires_from is None or facts.expires_from > today:
            return facts
        posted = self.expiry.post(member.account_id)
        return replace(facts, expires_from=lapse_day(posted.expires_from, self.club, today))
