"""Members that a club brings along from another system: written as those who join are, and written to by nobody yet.

Whoever has accepted the terms is a member; everybody else is open and is asked for them by the terms chase.
"""

from collections.abc import Sequence
from copy import replace
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.members.admission import Admission, Change, with_account
from stamkunde.members.brought_files import BroughtFiles
from stamkunde.members.consents import ONE_TICK, ConsentRecord, Evidence, PermissionKind, new_record_id
from stamkunde.members.importing import FIRST_ROW, Lack, Newcomer, Proof, Reader, ReadRow, Trouble, Wish
from stamkunde.members.model import Member
from stamkunde.members.stops import Stops
from stamkunde.shared.clock import Clock
from stamkunde.shared.ids import new_id
from stamkunde.shared.patience import Patience
from stamkunde.shared.terms import NOT_ACCEPTED


class Fate(StrEnum):
    """What becomes of a row."""

    MEMBER = "member"
    OPEN = "open"
    NEWSLETTER = "newsletter"
    ALREADY_THERE = "already_there"
    """The number is somebody's already: they stay as they are."""

    GONE_SINCE = "gone_since"
    """The same file was brought along before, and they were deleted since: they stay away."""

    REFUSED = "refused"


class BroughtRow(Struct, frozen=True):
    """What became of a row, or would.

    Parameters
    ----------
    phone
        E.164, as far as it could be read: whoever puts parts of a file together finds numbers that stand twice.
    """

    number: int
    fate: Fate
    phone: str | None
    troubles: tuple[Trouble, ...]


class Importing(Struct, frozen=True):
    """Brings members into one club."""

    club: Club
    outlets: Sequence[str]
    admission: Admission
    stops: Stops
    files: BroughtFiles
    clock: Clock
    patience: Patience

    def bring(self, text: str, by: str, *, writes: bool, first_row: int = FIRST_ROW) -> list[BroughtRow]:
        """What becomes of each row of a file; nothing of it happens unless it `writes`.

        The same file again finds everybody there already, so one that was broken off is simply sent again. Once all
        of it is written, it brings only those who were refused: who else isn't there any more was deleted.

        Parameters
        ----------
        by
            Who brings it along; their name stays with the evidence.
        first_row
            The number of the first row below the columns' names, in a part of a larger file.

        Raises
        ------
        Refusal
            ``invalid_field``: see `Reader.read`. ``try_again``: others write a number too; rows before it are done.
        """
        rows = Reader(self.club, self.outlets, by, self.clock.now()).read(text, first_row)
        refused = self.files.refused(text)
        brought = [
            self._bring(row, writes=writes, came=refused is not None and row.number - first_row not in refused)
            for row in rows
        ]
        if writes:
            refused_now = {row.number - first_row for row in brought if row.fate is Fate.REFUSED}
            # Whoever came once has come, also if their row is refused today.
            self.files.add(text, refused_now if refused is None else refused_now & refused)
        return brought

    def _bring(self, row: ReadRow, *, writes: bool, came: bool) -> BroughtRow:
        if row.newcomer is None:
            return BroughtRow(row.number, Fate.REFUSED, None, row.troubles)
        newcomer, stopped = row.newcomer.without(self.stops.of(row.newcomer.phone, self.clock.now()))
        troubles = (*row.troubles, *stopped)
        if newcomer.wish is Wish.NEWSLETTER and not newcomer.may_be_written_to:
            return BroughtRow(row.number, Fate.REFUSED, None, (*troubles, Trouble("wish", Lack.PERMISSION_MISSING)))
        fate = self.patience.until_done(lambda: self._admit(newcomer, writes=writes, came=came))
        return BroughtRow(row.number, fate, newcomer.phone, troubles)

    def _admit(self, newcomer: Newcomer, *, writes: bool, came: bool) -> Fate:
        if self.admission.members.find_by_phone(newcomer.phone, consistent=True) is not None:
            return Fate.ALREADY_THERE
        if came:
            return Fate.GONE_SINCE
        now = self.clock.now()
        member = _member(newcomer, now)
        if writes:
            records = self._records(newcomer, now)
            others = [self.admission.members.consent_write(member.member_id, record) for record in records[1:]]
            change = Change(None, member, records[0] if records else None, is_told=False)
            self.admission.write(change, now, also=others)
        return Fate(member.state.value)

    def _records(self, newcomer: Newcomer, now: datetime) -> list[ConsentRecord]:
        """What somebody agreed to: one record for everything that was one act."""
        acts: dict[Evidence, list[Proof]] = {}
        # What lapses first comes first: by that one they are made due to be looked at.
        for proof in sorted(newcomer.proofs, key=lambda each: (not each.given, each.evidence.given_at)):
            acts.setdefault(proof.evidence, []).append(proof)
        return [self._record(newcomer, act, now + number * ONE_TICK) for number, act in enumerate(acts.values())]

    def _record(self, newcomer: Newcomer, act: Sequence[Proof], recorded_at: datetime) -> ConsentRecord:
        given = tuple(wording for proof in act for wording in proof.given)
        by_email = any(wording.kind is PermissionKind.EMAIL for wording in given) or act[0].confirms_email
        return ConsentRecord(
            new_record_id(recorded_at),
            replace(act[0].evidence, recorded_at=recorded_at),
            terms=next((proof.terms for proof in act if proof.terms), None),
            given=given,
            address_hash=self.admission.members.address_hash(newcomer.email) if by_email and newcomer.email else None,
        )


def _member(newcomer: Newcomer, now: datetime) -> Member:
    person = Member(
        member_id=new_id("m"),
        account_id=None,
        phone=newcomer.phone,
        first_name=newcomer.first_name,
        terms_version=NOT_ACCEPTED,
        joined_at=now,
        language=newcomer.language,
        email=newcomer.email,
        email_confirmed_at=newcomer.email_confirmed_at,
        birth_date=newcomer.birth_date,
        own_outlet=newcomer.own_outlet,
    )
    if newcomer.wish is Wish.NEWSLETTER:
        return person
    accepted = newcomer.accepted
    return with_account(person, accepted.version if accepted else NOT_ACCEPTED)
