"""What a member does on their own page: open the card on a device, look, change their mind. One use case a method."""

from collections.abc import Sequence, Set
from copy import replace
from datetime import date, timedelta

from msgspec import Struct

from stamkunde.clubs.model import Club, TermsVersion
from stamkunde.ledger.explanations import explain_entry
from stamkunde.ledger.known_coupons import ClubCoupons, CouponMemory
from stamkunde.ledger.model.accounts import Account, Balance
from stamkunde.ledger.model.coupons import Coupon
from stamkunde.ledger.model.earning import Occasion
from stamkunde.ledger.model.entries import Entry, EntryKind
from stamkunde.ledger.model.standing import CardStanding, standing
from stamkunde.ledger.service import Ledger
from stamkunde.members.admission import Admission, Change, accepted_on_page
from stamkunde.members.choices import Choice, choices
from stamkunde.members.code_service import Codes
from stamkunde.members.codes import Challenge, CodePurpose
from stamkunde.members.consents import (
    Caller,
    ConsentMethod,
    ConsentRecord,
    Evidence,
    Permission,
    PermissionKind,
    new_record_id,
    next_instant,
    permissions,
    taken_back,
)
from stamkunde.members.device import Device
from stamkunde.members.devices import Devices
from stamkunde.members.model import Member, MemberState
from stamkunde.members.own_data import ids_of, is_own, since_they_share
from stamkunde.members.permission import counted
from stamkunde.members.wordings import Shown, permission_as_shown
from stamkunde.shared.clock import Clock, local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.pagination import decode_cursor, encode_cursor
from stamkunde.shared.patience import Patience
from stamkunde.shared.phone import parse_mobile
from stamkunde.shared.transaction import Busy

LINES_A_PAGE = 20
SOONEST_SHOWN = 3
"""Of the last days of bonus: the others are far away, and the page is a phone's."""

ANYWHERE = ""
"""A page is open at no outlet."""

ENTRY_SORT_KEYS = "ENTRY#"


class Asked(Struct, frozen=True):
    """That somebody asked to open a card; says nothing of whether there is one."""

    phone: str
    challenge_id: str


class UsableCoupon(Struct, frozen=True):
    """A coupon that its member can use now.

    Parameters
    ----------
    last_day
        The club's day; it counts.
    everywhere
        Whether all outlets take it.
    """

    name: str
    last_day: date
    everywhere: bool


class Holdings(Struct, frozen=True):
    """What is on a card.

    Parameters
    ----------
    expiring
        By last day, soonest first: units of bonus that can be spent until then; the soonest few.
    accepted
        Whether the terms are: until then rewards wait.
    shared
        Whether others have the bonus and the stamps too, and keep them without this member.
    """

    balance: Balance
    expiring: tuple[tuple[date, int], ...]
    stamp_cards: tuple[CardStanding, ...]
    coupons: tuple[UsableCoupon, ...]
    accepted: bool
    shared: bool = False


class CardView(Struct, frozen=True):
    """What a member's page shows.

    Parameters
    ----------
    terms_due
        What an open member is still to accept, and a member of whose terms a worse version was published.
    holds
        None for whoever only takes the newsletter: there is no card, and the page is for their choices.
    permissions
        Those that were given and not taken back; of an e-mail permission that nobody has confirmed, that it waits.
    choices
        How it stands with each permission now.
    """

    member: Member
    holds: Holdings | None
    permissions: dict[PermissionKind, Permission]
    choices: dict[PermissionKind, Choice]
    devices: list[Device]
    terms_due: TermsVersion | None

    @property
    def balance(self) -> Balance | None:
        """The bonus on the card."""
        return self.holds.balance if self.holds else None


class HistoryLine(Struct, frozen=True):
    """One movement of a member's bonus, and the sentence that says why.

    Parameters
    ----------
    balance, explanation
        None of what was done to bonus that is shared, and not by them: no more of it is theirs to know.
    by_others
        Whether somebody else in the household did it.
    """

    day: date
    kind: EntryKind
    amount: int
    balance: Balance | None = None
    explanation: str | None = None
    by_others: bool = False


class HistoryPage(Struct, frozen=True):
    """Movements, newest first; `following` asks for the page after it."""

    lines: list[HistoryLine]
    following: str | None


class MemberCard(Struct, frozen=True):
    """One club's member pages.

    Parameters
    ----------
    coupon_memory
        Where the club's coupons are kept for a minute; None for a club whose clock is moved.
    """

    club: Club
    admission: Admission
    codes: Codes
    devices: Devices
    clock: Clock
    patience: Patience
    coupon_memory: CouponMemory | None = None

    def ask_code(self, typed_phone: str, language: str, caller: Caller, *, once: str = "") -> Asked:
        """Have a code sent that opens the page of whoever has this number; for nobody's number all is the same.

        For `once` see `Codes.ask`.

        Raises
        ------
        Refusal
            ``too_many_codes``, ``try_again``, and those of `parse_mobile`.
        """
        phone = parse_mobile(typed_phone, country=self.club.country, allowed_countries=self.club.join_countries)
        known = self.admission.members.find_by_own_phone(phone)
        asked = self.codes.ask(
            CodePurpose.OPEN_CARD,
            phone,
            caller,
            language=language,
            to_member=known is not None,
            once=once,
            member_id=known.member_id if known else None,
        )
        return Asked(phone, asked)

    def open(
        self,
        challenge_id: str,
        phone: str,
        typed_code: str,
        caller: Caller,
        *,
        language: str | None = None,
        present: str = "",
    ) -> str:
        """Open the card on this device, once the code is right: the token that the device is to keep.

        Parameters
        ----------
        present
            The device token that the browser keeps so far, if any; see `Devices.open`.

        Raises
        ------
        Refusal
            Those of `Codes.check`; ``code_expired`` too when the device that the code opened is closed again.
        """
        challenge = self.codes.check(challenge_id, CodePurpose.OPEN_CARD, phone, typed_code, language=language)
        return self.patience.until_done(
            lambda: self._try_to_open(self.codes.again(challenge), phone, caller, present)
        )

    def show(self, member_id: str) -> CardView:
        """Everything on the page of an opened card. Writes nothing.

        Raises
        ------
        Refusal
            ``unknown_member``, ``try_again``.
        """
        return self.patience.until_done(lambda: self._try_to_show(member_id))

    def history(self, member_id: str, language: str, after: str | None = None) -> HistoryPage:
        """A page of what happened to the bonus, newest first; `after` is `following` of the page before.

        It begins when the member came into the household whose bonus it is.

        Raises
        ------
        Refusal
            ``unknown_member``, ``bad_cursor``.
        """
        member = self._member(member_id)
        account = self.admission.account(member, consistent=False)
        start = decode_cursor(after, ENTRY_SORT_KEYS) if after else None
        page = self.admission.ledger.entries(account.account_id, most=LINES_A_PAGE, after=start)
        shared = [entry for entry in page.entries if since_they_share(entry, member)]
        lines = [self._line(entry, account, member, language) for entry in shared]
        goes_on = page.following is not None and len(shared) == len(page.entries)
        return HistoryPage(lines, encode_cursor(str(page.following)) if goes_on else None)

    def change_permissions(
        self,
        member_id: str,
        wanted: Set[PermissionKind],
        shown: Shown,
        caller: Caller,
        among: Set[PermissionKind],
    ) -> None:
        """Hold exactly these of some permissions, with evidence of what was given and taken back.

        One that has lapsed is given anew, and so is one that is about to: only their own yes renews it (R29). A no is
        written down also where nothing counts now: an older yes may still wait in a till, and a club may come to use
        purchases without asking.

        Parameters
        ----------
        among
            The permissions that were asked about; the others stay as they are.

        Raises
        ------
        Refusal
            ``unknown_member``, ``email_missing``: there is no address to write to. ``wording_changed``,
            ``try_again``.
        """
        self.patience.until_done(lambda: self._try_to_change_permissions(member_id, wanted, shown, caller, among))

    def accept_terms(self, member_id: str, shown: Shown, caller: Caller) -> None:
        """Accept the terms that the page showed: an open member becomes a member, and what was pending is released.

        Raises
        ------
        Refusal
            ``unknown_member``, ``terms_changed``, ``wording_changed``, ``try_again``.
        """
        self.patience.until_done(lambda: self._try_to_accept(member_id, shown, caller))

    def _try_to_show(self, member_id: str) -> CardView:
        member = self._member(member_id)
        records = self.admission.members.consent_records(member_id)
        return CardView(
            member=member,
            holds=self._holds(member),
            permissions=permissions(
                counted(records, member, self.club.time_zone), email_confirmed=member.email_confirmed
            ),
            choices=choices(self.club, member, records, self.clock.now()),
            devices=self.devices.list(member_id),
            terms_due=self.club.terms_due(member.terms_version) if member.account_id else None,
        )

    def _try_to_open(self, challenge: Challenge, phone: str, caller: Caller, present: str) -> str:
        if challenge.used_by is not None:
            return self._opened_before(challenge, phone)
        member = self.admission.members.find_by_own_phone(phone, consistent=True)
        if member is None:
            raise Refusal("code_expired", pointer="/code")
        token, opening = self.devices.open(challenge, member, caller, present)
        use = self.codes.use_write(challenge, member.member_id)
        # The member is written too: nobody's card is opened who is being deleted, and an old member gets a card.
        self.admission.write(Change(member, member), self.clock.now(), also=[use, *opening])
        return token

    def _opened_before(self, challenge: Challenge, phone: str) -> str:
        member = self.admission.members.find_by_own_phone(phone, consistent=True)
        token = self.devices.opened_by(challenge, member.member_id) if member else None
        if token is None:
            raise Refusal("code_expired", pointer="/code")
        return token

    def _try_to_change_permissions(
        self, member_id: str, wanted: Set[PermissionKind], shown: Shown, caller: Caller, among: Set[PermissionKind]
    ) -> None:
        member = self._member(member_id)
        records = self.admission.members.consent_records(member_id)
        stands = choices(self.club, member, records, self.clock.now())
        stopped = taken_back(counted(records, member, self.club.time_zone))
        asked = [kind for kind in PermissionKind if kind in among]
        given = [kind for kind in asked if kind in wanted and stands[kind].can_be_given]
        withdrawn = [kind for kind in asked if kind not in wanted and kind not in stopped]
        if PermissionKind.EMAIL in given and member.email is None:
            raise Refusal("email_missing", pointer="/email")
        if not given and not withdrawn:
            return
        now = next_instant(records, self.clock.now())
        address = member.email if PermissionKind.EMAIL in given else None
        record = ConsentRecord(
            new_record_id(now),
            Evidence.on_page(ConsentMethod.MEMBER_PAGE, now, shown.language, caller),
            given=tuple(permission_as_shown(self.club, kind, shown) for kind in given),
            withdrawn=tuple(withdrawn),
            address_hash=self.admission.members.address_hash(address) if address else None,
        )
        # With the member's row: two who change at once take turns, and the last one's word is what both can see.
        self.admission.write(Change(member, member, record), now)

    def _try_to_accept(self, member_id: str, shown: Shown, caller: Caller) -> None:
        member = self._member(member_id)
        if member.state is MemberState.NEWSLETTER:
            raise Refusal("unknown_member")
        if member.terms_version >= shown.terms_version:
            return
        now = self.clock.now()
        said_at = self.admission.word_at(member_id, now)
        change = accepted_on_page(self.club, member, ConsentMethod.MEMBER_PAGE, shown, caller, said_at)
        self.admission.write(change, now)

    def _holds(self, member: Member) -> Holdings | None:
        if member.state is MemberState.NEWSLETTER:
            return None
        account = self.admission.account(member, consistent=True)
        member_id = account.known_as(member.member_id)
        if member_id not in account.members:
            raise Busy  # They went to another account since they were loaded.
        now = self.clock.now()
        ledger = self._ledger()
        terms = ledger.terms_for(ANYWHERE, now)
        coupons = ledger.coupons.at(now)
        has = standing(
            account,
            member_id,
            terms.programme,
            terms.offers.stamp_programmes,
            [replace(coupon, outlets=()) for coupon in coupons.values()],
            Occasion(ANYWHERE, now, self.club.time_zone),
        )
        usable = (coupons[each.coupon_id] for each in has.coupons)
        return Holdings(
            has.balance,
            soonest(has.expiring, has.balance.available),
            has.cards,
            tuple(self._usable(coupon, account, member_id) for coupon in usable),
            has.accepted,
            shared=len(account.members) > 1,
        )

    def _usable(self, coupon: Coupon, account: Account, member_id: str) -> UsableCoupon:
        last_day = local_date(coupon.valid_until - timedelta(microseconds=1), self.club.time_zone)
        use = account.uses.get((coupon.coupon_id, member_id))
        if use is not None and use.last_day is not None:
            last_day = min(last_day, use.last_day)
        return UsableCoupon(coupon.name, last_day, not coupon.outlets)

    def _ledger(self) -> Ledger:
        store = self.admission.ledger
        return Ledger(
            store,
            self.club.programmes,
            self.club.time_zone,
            self.clock,
            self.patience,
            self.admission.members.find_account,
            ClubCoupons(store.coupons, self.clock, self.coupon_memory),
        )

    def _member(self, member_id: str) -> Member:
        member = self.admission.members.load(member_id, consistent=True)
        if member is None:
            raise Refusal("unknown_member")
        return member

    def _line(self, entry: Entry, account: Account, member: Member, language: str) -> HistoryLine:
        if not is_own(entry, account, ids_of(member)):
            return HistoryLine(entry.day, entry.kind, entry.amount, by_others=entry.member_id is not None)
        return HistoryLine(
            entry.day,
            entry.kind,
            entry.amount,
            entry.balance,
            explain_entry(entry, self.club.currency, language, self.club.unit, self.club.programmes),
        )


def soonest(expiring: Sequence[tuple[date, int]], available: int) -> tuple[tuple[date, int], ...]:
    """The last days that come first, of what can really be spent: what is held or owed comes off the oldest bonus."""
    gone = max(0, sum(amount for _, amount in expiring) - available)
    left = []
    for day, amount in expiring:
        taken = min(gone, amount)
        gone -= taken
        if amount > taken:
            left.append((day, amount - taken))
    return tuple(left[:SOONEST_SHOWN])
