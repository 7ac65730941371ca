"""Members at the till: look up, join, and what there is to say to them."""

from datetime import date
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from stamkunde.bootstrap import TillSession
from stamkunde.clubs.model import Club, Till
from stamkunde.http import Request, Response
from stamkunde.ledger.explanations import bonus_amount
from stamkunde.ledger.model.coupons import Coupon
from stamkunde.ledger.model.standing import CardStanding, Standing, worth_saying
from stamkunde.ledger.service import OnOffer
from stamkunde.members.consents import ConsentMethod, PermissionKind
from stamkunde.members.model import MemberState
from stamkunde.members.service import MemberAtTill
from stamkunde.shared.clock import believable_instant, iso_instant
from stamkunde.shared.language import text
from stamkunde.shared.programme import programme_at
from till_api import answers, requests
from till_api.paths import id_in_path

if TYPE_CHECKING:
    from stamkunde.members.counter import CounterWord

type LastDay = Annotated[str, Meta(description="A day of the club's; it counts", examples=["2027-11-30"])]


class ExpiringShown(Struct, frozen=True):
    """Bonus that can be spent up to a day; what is held for a receipt is included."""

    last_day: LastDay
    amount: int


class RewardShown(Struct, frozen=True):
    """Rewards that are ready to be used up to a day."""

    last_day: LastDay
    count: int


class CardShown(Struct, frozen=True):
    """One stamp card."""

    stamp_programme_id: str
    name: str
    stamps: Annotated[int, Meta(description="Below 0 after a refund of stamps whose reward was used")]
    needed: int
    reward: Annotated[str, Meta(description="What a full card gives")]
    rewards: Annotated[list[RewardShown], Meta(description="Ready to be used, soonest last day first")]


class CouponShown(Struct, frozen=True):
    """A coupon that the member can use here and now, with goods that fit; others may be quicker to take the last."""

    coupon_id: str
    name: str
    until: Annotated[str, Meta(description="From this instant on it is over")]


class MemberShown(Struct, frozen=True):
    """Who stands at the till, and what they have."""

    member_id: str
    account_id: str
    first_name: str | None
    state: Literal["open", "member"]
    terms_version: Annotated[int, Meta(description="The version to show somebody who hasn't accepted any")]
    currency: str
    unit: answers.UnitShown
    balance: answers.BalanceShown
    expiring: Annotated[
        list[ExpiringShown],
        Meta(description="All that can be spent, soonest last day first; what is held is included"),
    ]
    stamps: list[CardShown]
    coupons: list[CouponShown]
    say: Annotated[str | None, Meta(description="One line for the cashier to say, if there is something to say")]


class SentenceShown(Struct, frozen=True):
    """What has to stand beside a box, word for word."""

    kind: requests.PermissionName
    language: Literal["da", "nb", "en"]
    wording: str


class SentencesShown(Struct, frozen=True):
    """What the club asks its customers for; empty while it hasn't said what its advertising would be about."""

    permissions: list[SentenceShown]


class PermissionShown(Struct, frozen=True):
    """How it stands with one permission.

    `waits`: until the member has shown that the e-mail address is theirs. `lapsed`: a year has passed since they said
    yes, or were last sent advertising by it. `unasked`: the club may without having asked, until they say no.
    """

    kind: requests.PermissionName
    state: Literal["yes", "waits", "lapsed", "unasked", "no"]
    given_on: Annotated[str | None, Meta(description="The club's day on which they last said yes")]
    lapses_on: Annotated[
        str | None, Meta(description="From this day on that yes doesn't count, unless it is used or renewed before")
    ]


class PermissionsShown(Struct, frozen=True):
    """How it stands with a member's permissions now."""

    member_id: str
    permissions: list[PermissionShown]


def look_up_member(session: TillSession, request: Request) -> Response:
    """Who has this phone number or card, and what they have to use."""
    body = request.body(requests.LookUp)
    found = (
        session.membership.look_up_by_card(body.card) if body.card else session.membership.look_up(body.phone or "")
    )
    return Response(HTTPStatus.OK, show_member(session, found, session.ledger.on_offer(session.till.outlet_id)))


def join_member(session: TillSession, request: Request) -> Response:
    """Join with a phone number; 201 for somebody new, 200 for somebody who was there."""
    body = request.body(requests.Join)
    acceptance = body.terms_acceptance.to_acceptance() if body.terms_acceptance else None
    # Read before anything is written: whoever can't be shown what they have has not joined.
    on_offer = session.ledger.on_offer(session.till.outlet_id)
    joined = session.membership.join(
        body.phone,
        body.first_name,
        acceptance,
        session.till.outlet_id,
        session.till.till_id,
        in_a_sale=body.soft_opt_in is not None,
    )
    status = HTTPStatus.CREATED if joined.new else HTTPStatus.OK
    return Response(status, show_member(session, joined.at_till, on_offer))


def show_permission_texts(session: TillSession, _request: Request) -> Response:
    """The sentences that may be shown on paper or on the counter's screen, in every language."""
    shown = [
        SentenceShown(sentence.kind.value, language, sentence.wording)  # type: ignore[arg-type]
        for language, sentence in session.counter.sentences()
    ]
    return Response(HTTPStatus.OK, SentencesShown(shown))


def say_permissions(session: TillSession, request: Request) -> Response:
    """Book what a member said at the counter; 201 if it changes anything, 200 if it was known or is overtaken."""
    member_id = id_in_path(request, "member_id", requests.MEMBER_ID, "unknown_member")
    word = _word(request.body(requests.PermissionsSaid), session.till)
    said = session.counter.say(member_id, word)
    shown = [
        PermissionShown(
            kind.value,
            choice.state.value,
            _day(choice.given_on),
            _day(choice.lapses_on),
        )
        for kind, choice in said.choices.items()
    ]
    return Response(HTTPStatus.CREATED if said.new else HTTPStatus.OK, PermissionsShown(said.member.member_id, shown))


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _word(body: requests.PermissionsSaid, till: Till) -> "CounterWord":
    # Few calls need these, and no start.
    from stamkunde.members.counter import CounterWord  # noqa: PLC0415
    from stamkunde.members.email_address import read_email  # noqa: PLC0415

    return CounterWord(
        given={PermissionKind(each.kind): each.wording for each in body.given},
        withdrawn=frozenset(PermissionKind(kind) for kind in body.withdrawn),
        method=ConsentMethod(body.method),
        language=body.language,
        said_at=believable_instant(body.said_at, "/said_at"),
        outlet_id=till.outlet_id,
        till_id=till.till_id,
        email=read_email(body.email) if body.email else None,
    )


def show_member(session: TillSession, at_till: MemberAtTill, on_offer: OnOffer) -> MemberShown:
    """A member, as this till sees them."""
    club, member = session.club, at_till.member
    has = on_offer.standing(at_till.account, member.member_id)
    return MemberShown(
        member_id=member.member_id,
        account_id=at_till.account.account_id,
        first_name=at_till.first_name,
        state="member" if member.state is MemberState.MEMBER else "open",
        terms_version=club.current_terms().version,
        currency=club.currency,
        unit=club.unit.value,
        balance=answers.show_balance(has.balance),
        expiring=[ExpiringShown(day.isoformat(), amount) for day, amount in has.expiring],
        stamps=[_card(card) for card in has.cards],
        coupons=[_coupon(coupon) for coupon in has.coupons],
        say=_say(session, club, has),
    )


def _card(card: CardStanding) -> CardShown:
    return CardShown(
        card.programme.stamp_programme_id,
        card.programme.name,
        card.stamps,
        card.needed,
        card.programme.reward_name,
        [RewardShown(day.isoformat(), count) for day, count in card.rewards],
    )


def _coupon(coupon: Coupon) -> CouponShown:
    return CouponShown(coupon.coupon_id, coupon.name, iso_instant(coupon.valid_until))


def _say(session: TillSession, club: Club, has: Standing) -> str | None:
    worth = worth_saying(has, programme_at(club.programmes, session.clock.now()))
    if worth is None:
        return None
    reward = worth.card.programme.reward_name if worth.card else ""
    amount = bonus_amount(worth.amount, club.currency, club.unit)
    return text(club.language, f"say.{worth.key}", reward=reward, amount=amount)
