"""Why an amount is what it is, in a sentence: what tills print and members read."""

from stamkunde.ledger.model import Earned, Entry, EntryKind, PurchaseFacts
from stamkunde.shared.language import text
from stamkunde.shared.money import Money, percent_text


def explain_earned(earned: Earned, currency: str, language: str) -> str:
    """How a purchase came to earn what it earned."""
    return text(
        language,
        "earned.percent",
        rate=percent_text(earned.rate, language),
        base=Money(earned.base, currency),
        amount=Money(earned.amount, currency),
    )


def explain_spent(asked: int, amount: int, currency: str, language: str) -> str:
    """How much bonus paid for something, and why it may be less than was asked."""
    key = "spent.none" if amount == 0 else "spent.capped" if amount < asked else "spent.all"
    return text(language, key, asked=Money(asked, currency), amount=Money(amount, currency))


def explain_entry(entry: Entry, currency: str, language: str) -> str:
    """What an entry of the ledger did, and why."""
    if entry.kind is EntryKind.FORFEIT:
        return text(language, "entry.forfeit", amount=Money(-entry.amount, currency))
    if entry.purchase is None:
        alive = (change for change in entry.changes if change.lot.expires_on >= entry.day)
        released = sum(change.amount for change in alive if not change.lot.pending)
        return text(language, "entry.release", amount=Money(released, currency))
    return _explain_purchase(entry.purchase, currency, language)


def _explain_purchase(purchase: PurchaseFacts, currency: str, language: str) -> str:
    earned = explain_earned(purchase.earned, currency, language)
    spent = explain_spent(purchase.asked_to_spend, purchase.spent, currency, language)
    return f"{earned} {spent}" if purchase.spent else earned
