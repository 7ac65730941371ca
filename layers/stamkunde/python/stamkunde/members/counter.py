"""What customers say at the counter about being written to, on paper or on a screen: given, renewed or taken back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from stamkunde.clubs.model import Club
from stamkunde.ledger.model.receipts import CLOCK_TOLERANCE
from stamkunde.members.admission import Admission, Change
from stamkunde.members.choices import Choice, choices
from stamkunde.members.consents import (
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    PermissionText,
    last_word_at,
    new_record_id,
    next_instant,
)
from stamkunde.members.model import CONSENT_AGE, Member, MemberState, age_on
from stamkunde.members.wordings import asked_kinds, club_permission
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.patience import Patience


@dataclass(frozen=True, slots=True)
class CounterWord:
    """What somebody said at a counter.

    Parameters
    ----------
    given
        The sentence that stood beside each box that they ticked.
    language
        The one that they read it in.
    said_at
        As the till reports it, at once or after it had no connection.
    """

    given: Mapping[PermissionKind, str]
    withdrawn: frozenset[PermissionKind]
    method: ConsentMethod
    language: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """How it stands with a member's permissions now; `new` is false where nothing had to be written down."""

    member: Member
    choices: Mapping[PermissionKind, Choice]
    new: bool


@dataclass(frozen=True, slots=True)
class CounterPermissions:
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

    def say(self, member_id: str, word: CounterWord, outlet_id: str, till_id: str) -> Said:
        """Write down what a member said, with evidence.

        A word that is no newer than what the member last said of the same changes nothing: a till may send the same
        again, or send late what they have thought better of since.

        Raises
        ------
        Refusal
            ``unknown_member``, ``acceptance_in_future``, ``permission_not_asked``: not asked for in these words,
            ``email_missing``, ``too_young``, ``try_again``.
        """
        if word.said_at > self.clock.now() + CLOCK_TOLERANCE:
            raise Refusal("acceptance_in_future", pointer="/said_at")
        return self.patience.until_done(lambda: self._try_to_say(member_id, word, outlet_id, till_id))

    def _try_to_say(self, member_id: str, word: CounterWord, outlet_id: str, till_id: str) -> Said:
        now = self.clock.now()
        member = self.admission.members.find(member_id, consistent=True)
        if member is None or member.state is MemberState.NEWSLETTER or member.is_gone(now):
            raise Refusal("unknown_member")
        records = self.admission.members.consent_records(member.member_id)
        stands = choices(self.club, member, records, now)
        given = self._given(member, records, word, now)
        withdrawn = tuple(
            kind
            for kind in PermissionKind
            if kind in word.withdrawn and stands[kind].can_be_stopped and _is_news(records, kind, word, or_same=True)
        )
        if not given and not withdrawn:
            return Said(member, stands, new=False)
        said_at = next_instant(records, now)
        by_email = any(text.kind is PermissionKind.EMAIL for text in given)
        record = ConsentRecord(
            new_record_id(said_at),
            Evidence(
                word.method,
                given_at=min(word.said_at, now),
                recorded_at=said_at,
                language=word.language,
                outlet_id=outlet_id,
                till_id=till_id,
            ),
            given=given,
            withdrawn=withdrawn,
            address_hash=self.admission.members.address_hash(member.email) if by_email and member.email else None,
        )
        # Nobody but its owner can say that the address is theirs: whoever reads it there is asked.
        asked = member.unproved_email if by_email else None
        self.admission.write(Change(member, member, record, unproved_email=asked), now)
        return Said(member, choices(self.club, member, [*records, record], now), new=True)

    def _given(
        self, member: Member, records: Sequence[ConsentRecord], word: CounterWord, now: datetime
    ) -> tuple[PermissionText, ...]:
        kinds = [kind for kind in PermissionKind if kind in word.given and _is_news(records, kind, word)]
        given = tuple(self._as_read(kind, word) for kind in kinds)
        if PermissionKind.EMAIL in kinds and member.email is None:
            raise Refusal("email_missing", pointer="/given")
        today = local_date(now, self.club.time_zone)
        if given and member.birth_date is not None and age_on(member.birth_date, today) < CONSENT_AGE:
            raise Refusal("too_young", {"age": CONSENT_AGE})
        return given

    def _as_read(self, kind: PermissionKind, word: CounterWord) -> PermissionText:
        """The club's own sentence, if that is what the customer read: nobody agrees to other words than their own."""
        if kind in asked_kinds(self.club):
            ours = club_permission(self.club, kind, word.language)
            if " ".join(word.given[kind].split()) == ours.wording:
                return ours
        raise Refusal("permission_not_asked", pointer="/given")


def _is_news(
    records: Sequence[ConsentRecord], kind: PermissionKind, word: CounterWord, *, or_same: bool = False
) -> bool:
    """Whether nothing was said of it since; of two words of one instant the no counts."""
    last = last_word_at(records, kind)
    return last is None or last < word.said_at or (or_same and last == word.said_at)
