"""Why an amount is what it is, in a sentence: what tills print and members read."""

from collections.abc import Sequence

from stamkunde.ledger.model.entries import (
    Benefit,
    Earned,
    EarnedShare,
    Entry,
    EntryKind,
    Grounds,
    PurchaseFacts,
    RefundFacts,
)
from stamkunde.shared.language import text
from stamkunde.shared.money import Money, Points, percent_text
from stamkunde.shared.programme import BonusProgramme, Unit


def bonus_amount(amount: int, currency: str, unit: Unit) -> Money | Points:
    """Units of bonus as people read them: a club that counts points never tells kroner."""
    return Points(amount) if unit is Unit.POINTS else Money(amount, currency)


def explain_earned(earned: Earned, currency: str, language: str, unit: Unit = Unit.MONEY) -> str:
    """How a purchase came to earn what it earned: by one rate, or by several, each with its reason."""
    amount, base = bonus_amount(earned.amount, currency, unit), Money(earned.base, currency)
    if not earned.shares:
        rate = _rate_text(earned.rate, language, unit)
        return text(language, "earned.percent", rate=rate, base=base, amount=amount)
    parts = _listed([_share_text(share, earned.rate, currency, language, unit) for share in earned.shares], language)
    all_counts = sum(share.base for share in earned.shares) == earned.base
    key = "earned.shares" if all_counts else "earned.shares_in_part"
    return text(language, key, parts=parts, base=base, amount=amount)


def explain_guest(language: str) -> str:
    """Why a receipt without membership earned nothing."""
    return text(language, "earned.guest")


def _rate_text(rate: int, language: str, unit: Unit) -> str:
    if unit is Unit.MONEY:
        return percent_text(rate, language)
    return text(language, "earned.points_rate", points=Points(rate))


def _share_text(share: EarnedShare, own_rate: int, currency: str, language: str, unit: Unit) -> str:
    reasons = [share.rule_id] if share.rule_id else []
    if share.multipliers:
        usual = {2 * own_rate: "double", 3 * own_rate: "triple"} if share.rule_id is None else {}
        reasons.append(text(language, f"earned.{usual.get(share.rate, 'more')}"))
    rate = _rate_text(share.rate, language, unit)
    key = "earned.share_with_reason" if reasons else "earned.share"
    return text(language, key, rate=rate, reason=", ".join(reasons), base=Money(share.base, currency))


def _listed(parts: list[str], language: str) -> str:
    *first, last = parts
    return text(language, "earned.listed", first=", ".join(first), last=last) if first else last


def explain_spent(asked: int, amount: int, currency: str, language: str, unit: Unit = Unit.MONEY) -> str:
    """How much bonus paid for something, and why it may be less than was asked."""
    key = "spent.none" if amount == 0 else "spent.capped" if amount < asked else "spent.all"
    return text(language, key, amount=bonus_amount(amount, currency, unit))


def explain_benefit(benefit: Benefit, currency: str, language: str) -> str:
    """What a reward, a coupon or a code took off."""
    title = benefit.title or benefit.name
    told = title[:1].upper() + title[1:]
    return text(language, "benefit.taken", title=told, amount=Money(benefit.amount, currency))


def explain_entry(
    entry: Entry,
    currency: str,
    language: str,
    unit: Unit = Unit.MONEY,
    programmes: Sequence[BonusProgramme] = (),
) -> str:
    """What an entry of the ledger did, and why.

    Parameters
    ----------
    programmes
        The club's, oldest first: they know what rewards are called.
    """
    if entry.purchase is not None:
        return _explain_purchase(entry, entry.purchase, currency, language, unit)
    if entry.refund is not None:
        return explain_refund(entry.refund, currency, language, unit)
    if entry.kind is EntryKind.RELEASE:
        return _explain_release(entry, currency, language, unit)
    if entry.kind is EntryKind.EXPIRE:
        return _explain_expired(entry, currency, language, unit, programmes)
    if entry.grounds is not None:
        return _explain_by_hand(entry, entry.grounds, currency, language, unit)
    return text(language, f"entry.{entry.kind.value}", amount=bonus_amount(abs(entry.amount), currency, unit))


def explain_refund(refund: RefundFacts, currency: str, language: str, unit: Unit = Unit.MONEY) -> str:
    """What came back, and what that did to the member's bonus."""
    sentences = [text(language, "refund.goods", amount=Money(refund.amount, currency))]
    bonus = {"given": refund.spent_back, "taken": refund.taken_back, "owed": refund.owed}
    for key, amount in bonus.items():
        if amount:
            told = bonus_amount(amount, currency, unit)
            sentences.append(text(language, _told_in(unit, f"refund.{key}"), amount=told))
    if refund.benefits_back:
        names = ", ".join(benefit.title or benefit.name for benefit in refund.benefits_back)
        sentences.append(text(language, "refund.benefits", names=names))
    return " ".join(sentences)


_POINTS_OF_THEIR_OWN = {"refund.given", "refund.taken", "entry.expire"}


def _told_in(unit: Unit, key: str) -> str:
    """The text for a unit: points are not called bonus besides."""
    return f"{key}.points" if unit is Unit.POINTS and key in _POINTS_OF_THEIR_OWN else key


def _explain_expired(
    entry: Entry, currency: str, language: str, unit: Unit, programmes: Sequence[BonusProgramme]
) -> str:
    """What lapsed: bonus, what it paid of what was owed, rewards, and vouchers."""
    owed, sentences = -entry.movement.deficit, []
    if entry.amount or not (owed or entry.stamps or entry.uses):
        lost = bonus_amount(abs(entry.amount), currency, unit)
        sentences.append(text(language, _told_in(unit, "entry.expire"), amount=lost))
    if owed:
        sentences.append(text(language, "entry.expire.owed", amount=bonus_amount(owed, currency, unit)))
    names = {each.stamp_programme_id: each.reward_name for one in programmes for each in one.stamp_programmes}
    for change in entry.stamps:
        count = -sum(number for _, number in change.rewards)
        cards = "card" if count == 1 else "cards"
        reward = names.get(change.stamp_programme_id)
        key = "entry.expire.reward" if reward else f"entry.expire.{cards}"
        sentences.append(text(language, key, count=count, reward=reward or ""))
    if vouchers := -sum(use.vouchers for use in entry.uses):
        sentences.append(_counted("entry.expire.voucher", vouchers, language))
    return " ".join(sentences)


_GIVING = {EntryKind.GIFT_GIVEN, EntryKind.MOVED_OUT}
_MOVING = {EntryKind.MOVED_OUT, EntryKind.MOVED_IN}


def _explain_by_hand(entry: Entry, grounds: Grounds, currency: str, language: str, unit: Unit) -> str:
    """What people did, in words that don't tell who: notes and names are the shop's."""
    if entry.kind is EntryKind.CORRECTION:
        return _explain_correction(entry, grounds, currency, language, unit)
    key, kind = f"entry.{entry.kind.value}", entry.kind
    sign = -1 if kind in _GIVING else 1
    stamps = sum(change.stamps for change in entry.stamps)
    rewards = sum(count for change in entry.stamps for _, count in change.rewards)
    parts = [bonus_amount(sign * entry.amount, currency, unit).text(language)] if entry.amount else []
    parts += [_counted("moved.stamp", sign * stamps, language)] if stamps else []
    parts += [_counted("moved.reward", sign * rewards, language)] if rewards else []
    what = _listed(parts, language) if parts else text(language, "moved.nothing")
    if kind in _MOVING:
        return text(language, f"{key}.{grounds.reason}", what=what)
    return text(language, key, what=what, amount=bonus_amount(abs(entry.amount), currency, unit))


def _explain_correction(entry: Entry, grounds: Grounds, currency: str, language: str, unit: Unit) -> str:
    """What was added and what was taken off; full cards are told as the stamps on them."""
    added: list[str] = []
    taken: list[str] = []
    if entry.amount:
        told = bonus_amount(abs(entry.amount), currency, unit).text(language)
        (added if entry.amount > 0 else taken).append(told)
    rewards = [(key.stamps, count) for change in entry.stamps for key, count in change.rewards]
    stamps = sum(change.stamps for change in entry.stamps) + sum(on_it * count for on_it, count in rewards)
    unknown = sum(count for on_it, count in rewards if not on_it)
    for key, count in (("moved.stamp", stamps), ("moved.reward", unknown)):
        if count:
            (added if count > 0 else taken).append(_counted(key, abs(count), language))
    reason = text(language, f"correction.{grounds.reason}")
    directions = {"added": added, "taken": taken}
    sentences = [
        text(language, f"entry.correction.{way}", what=_listed(parts, language), reason=reason)
        for way, parts in directions.items()
        if parts
    ]
    return " ".join(sentences) or text(language, "entry.correction.nothing", reason=reason)


def _counted(key: str, count: int, language: str) -> str:
    return text(language, key if abs(count) == 1 else f"{key}s", count=count)


def _explain_release(entry: Entry, currency: str, language: str, unit: Unit) -> str:
    alive = (change for change in entry.changes if change.lot.expires_on >= entry.day)
    released = sum(change.amount for change in alive if not change.lot.pending)
    return text(language, "entry.release", amount=bonus_amount(released, currency, unit))


def _explain_purchase(entry: Entry, purchase: PurchaseFacts, currency: str, language: str, unit: Unit) -> str:
    earned = explain_earned(purchase.earned, currency, language, unit)
    sentences = [earned if entry.member_id is not None else explain_guest(language)]
    if purchase.spent:
        sentences.append(explain_spent(purchase.asked_to_spend, purchase.spent, currency, language, unit))
    sentences += [explain_benefit(each, currency, language) for each in purchase.benefits]
    return " ".join(sentences)
