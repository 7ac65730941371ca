"""What a member has right now: what the till tells when somebody is looked up."""

from collections.abc import Iterable, Mapping
from datetime import date

from msgspec import Struct

from stamkunde.ledger.model.accounts import Account, Balance
from stamkunde.ledger.model.coupons import Coupon
from stamkunde.ledger.model.earning import Occasion
from stamkunde.ledger.model.redeeming import Counter, Offers
from stamkunde.ledger.model.stamping import running_card
from stamkunde.shared.clock import local_date
from stamkunde.shared.programme import BonusProgramme, StampProgramme
from stamkunde.shared.terms import NOT_ACCEPTED

WORTH_TELLING = 2_000
"""Bonus that pays for so much, in minor units, is worth a sentence."""


class CardStanding(Struct, frozen=True):
    """One stamp card as it runs.

    Parameters
    ----------
    stamps
        On it; below 0 after a refund of stamps whose reward was used.
    rewards
        Ready to be used, by their last day, soonest first; what is held for a receipt is not among them.
    """

    programme: StampProgramme
    stamps: int
    needed: int
    rewards: tuple[tuple[date, int], ...]

    @property
    def missing(self) -> int:
        """Stamps until the next reward."""
        return self.needed - self.stamps


class Standing(Struct, frozen=True):
    """What a member has right now.

    Parameters
    ----------
    expiring
        By last day, soonest first: units of bonus that can be spent until then, what is held for a receipt included.
    coupons
        Those the member can use here and now, with goods that fit.
    accepted
        Whether the terms are: until then nothing can be used.
    """

    today: date
    balance: Balance
    expiring: tuple[tuple[date, int], ...]
    cards: tuple[CardStanding, ...]
    coupons: tuple[Coupon, ...]
    accepted: bool

    @property
    def expiring_this_month(self) -> int:
        """Units of bonus that are gone when the month is."""
        this_month = (self.today.year, self.today.month)
        return sum(amount for day, amount in self.expiring if (day.year, day.month) == this_month)


def standing(
    account: Account,
    member_id: str,
    programme: BonusProgramme,
    known: Mapping[str, StampProgramme],
    coupons: Iterable[Coupon],
    occasion: Occasion,
) -> Standing:
    """What a member has at an outlet and an instant.

    Parameters
    ----------
    known
        Stamp programmes by id, also those that give no more stamps: their rewards live on.
    """
    today = local_date(occasion.at, occasion.time_zone)
    accepted = account.members[member_id].terms_version != NOT_ACCEPTED
    counter = Counter((), account, member_id, Offers(), occasion)
    expiring: dict[date, int] = {}
    for lot, amount in account.spendable_lots(today).items():
        expiring[lot.expires_on] = expiring.get(lot.expires_on, 0) + amount
    return Standing(
        today=today,
        balance=account.balance(occasion.at, occasion.time_zone),
        expiring=tuple(expiring.items()),
        cards=_cards(account, programme, known, occasion, today),
        coupons=tuple(coupon for coupon in coupons if counter.may_use(coupon)) if accepted else (),
        accepted=accepted,
    )


def _cards(
    account: Account,
    programme: BonusProgramme,
    known: Mapping[str, StampProgramme],
    occasion: Occasion,
    today: date,
) -> tuple[CardStanding, ...]:
    running = [_card(account, each, occasion, today) for each in programme.stamp_programmes]
    ids = {each.programme.stamp_programme_id for each in running}
    ended = [_card(account, each, occasion, today) for name, each in sorted(known.items()) if name not in ids]
    return (*running, *(each for each in ended if each.rewards))


def _card(account: Account, programme: StampProgramme, occasion: Occasion, today: date) -> CardStanding:
    name = programme.stamp_programme_id
    card = running_card(account, programme, programme)
    held = sum(hold.rewards.count(name) for hold in account.live_holds(occasion.at).values())
    rewards: dict[date, int] = {}
    for key in sorted(account.rewards):
        if key.stamp_programme_id == name and key.expires_on >= today:
            free = max(0, account.rewards[key] - held)
            held -= account.rewards[key] - free
            if free:
                rewards[key.expires_on] = rewards.get(key.expires_on, 0) + free
    return CardStanding(programme, card.stamps, card.needed, tuple(rewards.items()))


class Worth(Struct, frozen=True):
    """The one thing worth saying to a customer.

    Parameters
    ----------
    key
        Of the text: ``say.<key>``.
    amount
        Units of bonus, if it is about bonus.
    """

    key: str
    card: CardStanding | None = None
    amount: int = 0


def worth_saying(standing: Standing, programme: BonusProgramme) -> Worth | None:
    """What a cashier had best say, if anything: what makes the customer want one more comes first."""
    if not standing.accepted:
        return Worth("pending", amount=standing.balance.pending) if standing.balance.pending else None
    almost = next((card for card in standing.cards if card.missing == 1), None)
    if almost is not None:
        return Worth("missing_one", almost)
    ready = next((card for card in standing.cards if card.rewards), None)
    if ready is not None:
        return Worth("reward_ready", ready)
    soon = min(standing.expiring_this_month, standing.balance.available)
    if soon:
        return Worth("expiring", amount=soon)
    if standing.balance.available * programme.point_value >= WORTH_TELLING:
        return Worth("bonus", amount=standing.balance.available)
    return None
