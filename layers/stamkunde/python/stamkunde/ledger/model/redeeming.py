"""What rewards and coupons take off a receipt, and why one can't be used.

The order in which things were named doesn't matter: whole units come off first, then percentages, then amounts, each
time what fits fewest goods before what fits more. So a customer gets the most that the offers say together, and the
same at every till.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import replace
from datetime import date

from msgspec import Struct, field

from stamkunde.ledger.model.accounts import Account, CouponUse, RewardKey
from stamkunde.ledger.model.coupons import BenefitKind, Coupon, CouponAudience, FoundCode
from stamkunde.ledger.model.earning import Occasion
from stamkunde.ledger.model.entries import Benefit, BenefitSource
from stamkunde.ledger.model.receipts import Basket, Line, LineKind, Redemption, RedemptionKind
from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.programme import EVERYTHING, FULL_RATE, Selection, StampProgramme
from stamkunde.shared.terms import NOT_ACCEPTED

_TURNS = {BenefitKind.FREE_ITEM: 0, BenefitKind.PERCENT_OFF: 1, BenefitKind.AMOUNT_OFF: 2}


class Offers(Struct, frozen=True):
    """What can be redeemed in a club, as far as a receipt asks for it.

    Parameters
    ----------
    stamp_programmes
        By id, also those that give no more stamps: their rewards live on.
    coupons
        By id, in the version that is valid.
    codes
        By the code as it was typed.
    left
        Of coupons with a total, as far as it is known: how many may be used beyond what is held for the receipt. What
        isn't known is decided by the write itself.
    """

    stamp_programmes: Mapping[str, StampProgramme] = field(default_factory=dict)
    coupons: Mapping[str, Coupon] = field(default_factory=dict)
    codes: Mapping[str, FoundCode] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)


NO_OFFERS = Offers()


class Counter(Struct):
    """Takes one redemption after the other off a basket.

    Parameters
    ----------
    account
        None where there is no member; what is held for others is respected, what this receipt captures is not in it.
    held_coupons
        What was held for this receipt: judged and taken from the total when it was.
    held_rewards, held_on
        The stamp programmes whose rewards were held for it, a name for each, and the club's day on which they were.
    nets
        By line: what is left of its amount.
    """

    lines: Sequence[Line]
    account: Account | None
    member_id: str | None
    offers: Offers
    occasion: Occasion
    held_coupons: Sequence[str] = ()
    held_rewards: Sequence[str] = ()
    held_on: date | None = None
    nets: list[int] = field(default_factory=list)
    free_units: dict[int, int] = field(default_factory=dict)
    benefits: list[Benefit] = field(default_factory=list)
    uses: dict[str, CouponUse] = field(default_factory=dict)
    rewards: dict[RewardKey, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nets = [line.amount for line in self.lines]

    def in_turn(self, redemptions: Iterable[Redemption]) -> list[Redemption]:
        """Redemptions in the order they come off, however they were named."""
        return sorted(redemptions, key=self._turn)

    def _turn(self, redemption: Redemption) -> tuple[int, int, str, str]:
        benefit, items = BenefitKind.FREE_ITEM, EVERYTHING
        if redemption.kind is RedemptionKind.REWARD:
            programme = self.offers.stamp_programmes.get(redemption.name)
            items = programme.reward if programme else EVERYTHING
        else:
            coupon = self._named(redemption)
            benefit, items = (coupon.benefit, coupon.items) if coupon else (benefit, items)
        fitting = sum(max(1, self.lines[place].quantity) for place in self._places(items))
        return _TURNS[benefit], fitting, redemption.kind.value, redemption.name

    def _named(self, redemption: Redemption) -> Coupon | None:
        if redemption.kind is RedemptionKind.COUPON:
            return self.offers.coupons.get(redemption.name)
        code = self.offers.codes.get(redemption.name)
        return self.offers.coupons.get(code.coupon_id) if code else None

    def redeem(self, redemption: Redemption) -> None:
        """Take one redemption off.

        Raises
        ------
        Refusal
            ``terms_not_accepted``, ``no_reward``, ``coupon_unknown``, ``coupon_not_now``, ``coupon_not_here``,
            ``coupon_conditions``, ``coupon_used``, ``coupon_no_voucher``, ``coupon_sold_out``, ``coupon_too_many``,
            ``coupon_item_missing``, ``code_unknown``, ``code_used``. Nothing is taken off then.
        """
        by_kind: dict[RedemptionKind, Callable[[str], None]] = {
            RedemptionKind.REWARD: self._reward,
            RedemptionKind.COUPON: self._coupon,
            RedemptionKind.CODE: self._code,
        }
        by_kind[redemption.kind](redemption.name)

    def may_use(self, coupon: Coupon) -> bool:
        """Whether the member can use a coupon here and now, with goods that fit."""
        try:
            self._check_circumstances(coupon)
            self._use(self._members_account(), coupon)
        except Refusal:
            return False
        return coupon.audience is not CouponAudience.CODE

    def _reward(self, stamp_programme_id: str) -> None:
        account = self._members_account()
        programme = self.offers.stamp_programmes.get(stamp_programme_id)
        key = self._next_reward(account, stamp_programme_id)
        if programme is None or key is None:
            raise Refusal("no_reward")
        place = self._cheapest(programme.reward)
        if place is None:
            raise Refusal("coupon_item_missing", {"coupon": programme.reward_name})
        discounts, units = self._free_unit(place)
        self.rewards[key] = self.rewards.get(key, 0) - 1
        self.benefits.append(
            Benefit(
                BenefitSource.REWARD,
                stamp_programme_id,
                discounts,
                units,
                key.expires_on,
                title=programme.reward_name,
                reward_stamps=key.stamps,
            )
        )

    def _next_reward(self, account: Account, stamp_programme_id: str) -> RewardKey | None:
        used = {key: -n for key, n in self.rewards.items() if key.stamp_programme_id == stamp_programme_id}
        today = local_date(self.occasion.at, self.occasion.time_zone)
        if self.held_on is not None and sum(used.values()) < self.held_rewards.count(stamp_programme_id):
            today = self.held_on
        taken = sum(n for key, n in used.items() if key.expires_on >= today)
        if account.rewards_left(stamp_programme_id, today, self.occasion.at) <= taken:
            return None
        alive = (
            key
            for key in sorted(account.rewards)
            if key.stamp_programme_id == stamp_programme_id and key.expires_on >= today
        )
        return next((key for key in alive if account.rewards[key] + self.rewards.get(key, 0) > 0), None)

    def _coupon(self, coupon_id: str) -> None:
        account = self._members_account()
        coupon = self.offers.coupons.get(coupon_id)
        if coupon is None or coupon.audience is CouponAudience.CODE:
            raise Refusal("coupon_unknown")
        self._check_circumstances(coupon)
        use = self._use(account, coupon)
        benefit = self._benefit(coupon, BenefitSource.COUPON)
        self.uses[coupon_id] = use
        self.benefits.append(benefit)

    def _use(self, account: Account, coupon: Coupon) -> CouponUse:
        """The member's use of a coupon with one more counted."""
        stored = account.uses.get((coupon.coupon_id, str(self.member_id)), CouponUse(0))
        use = self.uses.get(coupon.coupon_id, stored)
        more = replace(use, used=use.used + 1)
        if self._is_held(coupon):
            # It was judged when it was held: what was found of the member since then takes no promise back.
            return more
        held = sum(
            hold.coupons.count(coupon.coupon_id)
            for hold in account.live_holds(self.occasion.at).values()
            if hold.member_id == self.member_id
        )
        taken = use.used + held
        if coupon.audience is CouponAudience.VOUCHER:
            today = local_date(self.occasion.at, self.occasion.time_zone)
            if use.vouchers == 0 or use.lapsed(today):
                raise Refusal("coupon_no_voucher", {"coupon": coupon.name})
            if taken >= use.vouchers:
                raise Refusal("coupon_used", {"coupon": coupon.name})
        if coupon.uses_per_member is not None and taken >= coupon.uses_per_member:
            raise Refusal("coupon_used", {"coupon": coupon.name})
        return more

    def _code(self, code: str) -> None:
        found = self.offers.codes.get(code)
        coupon = self.offers.coupons.get(found.coupon_id) if found else None
        if found is None or coupon is None or coupon.audience is not CouponAudience.CODE:
            raise Refusal("code_unknown")
        if found.used or any(each.code_hash == found.code_hash for each in self.benefits):
            raise Refusal("code_used")
        self._check_circumstances(coupon)
        self.benefits.append(replace(self._benefit(coupon, BenefitSource.CODE), code_hash=found.code_hash))

    def _members_account(self) -> Account:
        if self.account is None or self.member_id is None:
            raise Refusal("unknown_member", pointer="/member_id")
        if self.account.members[self.member_id].terms_version == NOT_ACCEPTED:
            raise Refusal("terms_not_accepted", pointer="/redemptions")
        return self.account

    def _check_circumstances(self, coupon: Coupon) -> None:
        """When, where, and how many; what was held for this receipt was in time when it was."""
        if not coupon.in_time(self.occasion.at, self.occasion.time_zone) and not self._is_held(coupon):
            raise Refusal("coupon_not_now", {"coupon": coupon.name})
        if coupon.outlets and self.occasion.outlet_id not in coupon.outlets:
            raise Refusal("coupon_not_here", {"coupon": coupon.name})
        here = self._uses_here(coupon)
        most = _most_on_a_receipt(coupon)
        if most is not None and here >= most:
            raise Refusal("coupon_too_many", {"coupon": coupon.name, "most": most})
        left = self.offers.left.get(coupon.coupon_id)
        if left is not None and here >= left + self.held_coupons.count(coupon.coupon_id):
            raise Refusal("coupon_sold_out", {"coupon": coupon.name})

    def _uses_here(self, coupon: Coupon) -> int:
        """How often this receipt has used it so far."""
        return sum(
            each.name == coupon.coupon_id and each.source is not BenefitSource.REWARD for each in self.benefits
        )

    def _is_held(self, coupon: Coupon) -> bool:
        """Whether its next use on this receipt is one that was held for it."""
        return self._uses_here(coupon) < self.held_coupons.count(coupon.coupon_id)

    def _benefit(self, coupon: Coupon, source: BenefitSource) -> Benefit:
        benefit = Benefit(source, coupon.coupon_id, (), title=coupon.name, limited=coupon.total is not None)
        if coupon.benefit is BenefitKind.FREE_ITEM:
            place = self._cheapest(coupon.items)
            self._check_basket(coupon, place)
            if place is None:
                raise Refusal("coupon_item_missing", {"coupon": coupon.name})
            discounts, units = self._free_unit(place)
            return replace(benefit, discounts=discounts, free_units=units)
        self._check_basket(coupon, None)
        places = self._places(coupon.items)
        reducible = sum(self.nets[place] for place in places)
        if coupon.benefit is BenefitKind.AMOUNT_OFF:
            taken = min(coupon.value, reducible)
        else:
            taken = reducible * coupon.value // FULL_RATE
        if not taken:
            raise Refusal("coupon_item_missing", {"coupon": coupon.name})
        return replace(benefit, discounts=self._take_off(places, taken, reducible))

    def _check_basket(self, coupon: Coupon, free_place: int | None) -> None:
        """What else must be bought: goods only, as they are before any benefit; a unit that is free isn't bought."""
        bought = sum(line.amount for line in self.lines if line.kind is LineKind.GOODS)
        required = coupon.required_items
        if bought < coupon.minimum_amount or (required is not None and not self._buys(required, free_place)):
            raise Refusal("coupon_conditions", {"coupon": coupon.name})

    def _buys(self, items: Selection, free_place: int | None) -> bool:
        return any(
            max(1, self.lines[place].quantity) - self.free_units.get(place, 0) - (place == free_place) > 0
            for place in self._places(items)
        )

    def _places(self, items: Selection) -> list[int]:
        """Lines that a benefit may make cheaper: nobody gets money for a gift card or a deposit."""
        return [
            place
            for place, line in enumerate(self.lines)
            if line.kind is LineKind.GOODS and items.takes(line.item_number, line.item_group)
        ]

    def _take_off(self, places: Sequence[int], amount: int, reducible: int) -> tuple[tuple[int, int], ...]:
        """Spread an amount over lines by what they cost, without losing an øre."""
        discounts = []
        before = so_far = 0
        for place in places:
            so_far += self.nets[place]
            share = amount * so_far // reducible - amount * before // reducible
            before = so_far
            if share:
                discounts.append((place, share))
        for place, share in discounts:
            self.nets[place] -= share
        return tuple(discounts)

    def _cheapest(self, items: Selection) -> int | None:
        """Where the cheapest unit lies of some goods that isn't free yet; the first line of those that cost alike."""
        prices = [(price, place) for place in self._places(items) if (price := self._unit_price(place))]
        return min(prices)[1] if prices else None

    def _unit_price(self, place: int) -> int:
        """What one more unit of a line would save; nothing for goods that aren't counted, or that cost nothing."""
        left = self.lines[place].quantity - self.free_units.get(place, 0)
        return self.nets[place] // left if left > 0 else 0

    def _free_unit(self, place: int) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        price = self._unit_price(place)
        self.nets[place] -= price
        self.free_units[place] = self.free_units.get(place, 0) + 1
        return ((place, price),), ((place, 1),)


def _most_on_a_receipt(coupon: Coupon) -> int | None:
    """A percentage isn't taken of what it left, and what must be bought is bought for one use.

    Codes know no member, so their limit is the receipt's.
    """
    if coupon.benefit is BenefitKind.PERCENT_OFF or coupon.required_items is not None or coupon.minimum_amount:
        return 1
    return coupon.uses_per_member if coupon.audience is CouponAudience.CODE else None


def redemptions_of(basket: Basket, held_rewards: Sequence[str], held_coupons: Sequence[str]) -> list[Redemption]:
    """What a receipt redeems: what was held for it, and what it asks for itself."""
    held = [Redemption(RedemptionKind.REWARD, name) for name in held_rewards]
    held += [Redemption(RedemptionKind.COUPON, name) for name in held_coupons]
    return [*held, *basket.redemptions]
