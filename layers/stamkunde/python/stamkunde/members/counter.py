"""What customers say at the counter about being written to, on paper or on a screen: given, renewed or taken back."""

from collections.abc import Iterator, Mapping, Sequence
from copy import replace
from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.clubs.model import Club
from stamkunde.ledger.model.receipts import CLOCK_TOLERANCE
from stamkunde.members.admission import Admission, Change
from stamkunde.members.choices import Choice, choices
from stamkunde.members.codes import PROOFS_LIMIT, PROOFS_TO_LIMIT
from stamkunde.members.consents import (
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    PermissionText,
    new_record_id,
    next_instant,
)
from stamkunde.members.model import CONSENT_AGE, Member, MemberState
from stamkunde.members.permission import said_too_young
from stamkunde.members.wordings import asked_kinds, club_permission
from stamkunde.shared.clock import Clock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy, ConditionFailed


class CounterWord(Struct, frozen=True):
    """What somebody said at a counter.

    Parameters
    ----------
    given
        The sentence that stood beside each box that they ticked.
    language
        The one that they read it in.
    said_at
        As the till reports it by its own clock, at once or after it had no connection.
    outlet_id, till_id
        Where.
    """

    given: Mapping[PermissionKind, str]
    withdrawn: frozenset[PermissionKind]
    method: ConsentMethod
    language: str
    said_at: datetime
    outlet_id: str
    till_id: str


class Said(Struct, frozen=True):
    """How it stands with a member's permissions now; `new` is false where nothing had to be written down."""

    member: Member
    choices: Mapping[PermissionKind, Choice]
    new: bool


class CounterPermissions(Struct, frozen=True):
    """One club's counters."""

    club: Club
    admission: Admission
    clock: Clock
    patience: Patience

    def sentences(self) -> Iterator[tuple[str, PermissionText]]:
        """What may be asked, by language, word for word as it has to stand beside a box."""
        for kind in asked_kinds(self.club):
            for language in LANGUAGES:
                yield language, club_permission(self.club, kind, language)

    def say(self, member_id: str, word: CounterWord) -> Said:
        """Write down what a member said, with evidence.

        A word that is no newer than what the member last said of the same changes nothing: a till may send the same
        again, or send late what they have thought better of since. A no is written down also where nothing counts
        now: an older yes may still wait in another till's queue.

        Raises
        ------
        Refusal
            ``unknown_member``, ``acceptance_in_future``, ``permission_not_asked``: not asked for in these words,
            ``email_missing``, ``too_young_to_say_yes``, ``try_again``.
        """
        if word.said_at > self.clock.now() + CLOCK_TOLERANCE:
            raise Refusal("acceptance_in_future", pointer="/said_at")
        return self.patience.until_done(lambda: self._try_to_say(member_id, word))

    def _try_to_say(self, member_id: str, word: CounterWord) -> Said:
        now = self.clock.now()
        member = self.admission.members.find(member_id, consistent=True)
        if member is None or member.state is MemberState.NEWSLETTER or member.is_gone(now):
            raise Refusal("unknown_member")
        records = self.admission.members.consent_records(member.member_id)
        given = self._given(member, records, word, now)
        withdrawn = tuple(
            kind for kind in PermissionKind if kind in word.withdrawn and _is_newer_no(records, kind, word, now)
        )
        if not given and not withdrawn:
            return Said(member, choices(self.club, member, records, now), new=False)
        said_at = next_instant(records, now)
        by_email = any(text.kind is PermissionKind.EMAIL for text in given)
        record = ConsentRecord(
            new_record_id(said_at),
            Evidence(
                word.method,
                given_at=min(word.said_at, now),
                recorded_at=said_at,
                language=word.language,
                outlet_id=word.outlet_id,
                till_id=word.till_id,
                till_clock=word.said_at if word.said_at > now else None,
            ),
            given=given,
            withdrawn=withdrawn,
            address_hash=self.admission.members.address_hash(member.email) if by_email and member.email else None,
        )
        # Nobody but its owner can say that the address is theirs: whoever reads it there is asked.
        asked = member.unproved_email if by_email else None
        self._write(Change(member, member, record, unproved_email=asked), now)
        return Said(member, choices(self.club, member, [*records, record], now), new=True)

    def _write(self, change: Change, now: datetime) -> None:
        """Write it; an address that was asked often enough today isn't asked again, and its yes waits."""
        if change.unproved_email is None:
            self.admission.write(change, now)
            return
        limits = {PROOFS_LIMIT: change.after.member_id, PROOFS_TO_LIMIT: change.unproved_email}
        counted = [self.admission.access.limit_write(limit, asked, now) for limit, asked in limits.items()]
        try:
            self.admission.write(change, now, also=counted)
        except Busy as busy:
            failed = busy.__cause__
            if not isinstance(failed, ConditionFailed) or not any(limit.purpose in failed.found for limit in limits):
                raise
            self.admission.write(replace(change, unproved_email=None), now)

    def _given(
        self, member: Member, records: Sequence[ConsentRecord], word: CounterWord, now: datetime
    ) -> tuple[PermissionText, ...]:
        kinds = [kind for kind in PermissionKind if kind in word.given and _is_newer_yes(records, kind, word, now)]
        given = tuple(self._as_read(kind, word) for kind in kinds)
        if PermissionKind.EMAIL in kinds and member.email is None:
            raise Refusal("email_missing", pointer="/given")
        if given and said_too_young(member.birth_date, min(word.said_at, now), self.club.time_zone):
            raise Refusal("too_young_to_say_yes", {"age": CONSENT_AGE}, "/given")
        return given

    def _as_read(self, kind: PermissionKind, word: CounterWord) -> PermissionText:
        """The club's own sentence, if that is what the customer read: nobody agrees to other words than their own."""
        if kind in asked_kinds(self.club):
            ours = club_permission(self.club, kind, word.language)
            if " ".join(word.given[kind].split()) == ours.wording:
                return ours
        raise Refusal("permission_not_asked", pointer="/given")


def _is_newer_yes(records: Sequence[ConsentRecord], kind: PermissionKind, word: CounterWord, now: datetime) -> bool:
    """Whether a yes was said after everything known of it; after a no by more than two clocks may differ."""
    return all(
        _later_by(word, record, now) > (_clocks_differ_by(word, record) if kind in record.withdrawn else timedelta())
        for record in records
        if kind in record.withdrawn or record.gives(kind)
    )


def _is_newer_no(records: Sequence[ConsentRecord], kind: PermissionKind, word: CounterWord, now: datetime) -> bool:
    """Whether a no was said after each no known of it, and not before a yes.

    Of two words of one instant the no counts, and so it does where two clocks differ too little to tell, or one that
    was ahead may have been set right in between.
    """
    return all(
        _later_by(word, record, now) > timedelta()
        if kind in record.withdrawn
        else _later_by(word, record, now)
        >= -(CLOCK_TOLERANCE if record.evidence.till_clock else _clocks_differ_by(word, record))
        for record in records
        if kind in record.withdrawn or record.gives(kind)
    )


def _later_by(word: CounterWord, record: ConsentRecord, now: datetime) -> timedelta:
    """How much later a word was said than an act: by their own clock, if both were said at one till.

    By it the same call again is known, also of a till whose clock is ahead.
    """
    if record.evidence.till_id == word.till_id:
        return word.said_at - record.evidence.by_own_clock
    return min(word.said_at, now) - record.evidence.given_at


def _clocks_differ_by(word: CounterWord, record: ConsentRecord) -> timedelta:
    return timedelta() if record.evidence.till_id == word.till_id else CLOCK_TOLERANCE
