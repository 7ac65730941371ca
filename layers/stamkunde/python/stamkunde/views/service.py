"""Keeping projections: note what entries mean, recompute the days they touch, rebuild from the ledger."""

from collections.abc import Iterable, Iterator
from copy import replace
from datetime import datetime
from itertools import chain

from stamkunde.ledger.anonymous_store import GONE_SHARDS
from stamkunde.ledger.model.entries import Entry, PurchaseFacts, RefundFacts
from stamkunde.ledger.store import LedgerStore
from stamkunde.views.model import OutletDay, SaleFact, total_of
from stamkunde.views.store import ProjectionStore

ENTRIES_A_PAGE = 100


def sale_fact(club_id: str, entry: Entry) -> SaleFact | None:
    """What an entry means for its outlet's day: purchases and refunds count, other movements are zero.

    None for what happened at no outlet, such as accepting the terms on a phone.
    """
    if entry.outlet_id is None:
        return None
    nothing = SaleFact(club_id, entry.outlet_id, entry.day, entry.entry_id, 0, 0, 0, 0)
    if entry.purchase is not None:
        return _of_purchase(nothing, entry.purchase)
    return _of_refund(nothing, entry.refund) if entry.refund is not None else nothing


def _of_purchase(fact: SaleFact, purchase: PurchaseFacts) -> SaleFact:
    return replace(
        fact,
        purchases=1,
        turnover=purchase.total - purchase.discount,
        earned=purchase.earned.amount,
        spent=purchase.spent,
    )


def _of_refund(fact: SaleFact, refund: RefundFacts) -> SaleFact:
    return replace(
        fact,
        turnover=-refund.amount,
        earned=-refund.taken_back,
        spent=-refund.spent_back,
        refunds=1,
        refunded=refund.amount,
    )


def note_entries(store: ProjectionStore, written: Iterable[SaleFact], removed: Iterable[SaleFact]) -> int:
    """Take in what the ledger's stream tells; repeatable, in any order. Returns how many days are to recompute."""
    touched = set()
    for fact in written:
        store.put_fact(fact)
        touched.add(OutletDay(fact.club_id, fact.outlet_id, fact.day))
    for fact in removed:
        store.delete_fact(fact)
        touched.add(OutletDay(fact.club_id, fact.outlet_id, fact.day))
    store.mark_dirty(touched)
    return len(touched)


def recompute_dirty_days(store: ProjectionStore) -> int:
    """Recompute every marked day from its facts. Returns how many."""
    return sum(
        store.put_total(mark, total_of(mark.outlet_day.day, store.facts(mark.outlet_day))) for mark in store.dirty()
    )


def rebuild_facts(ledger: LedgerStore, store: ProjectionStore, time_zone: str, since: datetime, now: datetime) -> int:
    """Note all entries booked since an instant anew, for events that were lost. Returns how many.

    Those of members who are gone too, which lie by the club's days.
    """
    of_nobody = ledger.gone(time_zone)
    places = chain(
        (_entries_since(ledger, account_id, since) for account_id in ledger.account_ids()),
        (of_nobody.entries_booked(since, now, shard) for shard in range(GONE_SHARDS)),
    )
    noted = 0
    for entries in places:
        booked = (sale_fact(ledger.club_id, entry) for entry in entries)
        facts = [fact for fact in booked if fact is not None]
        note_entries(store, facts, [])
        noted += len(facts)
    return noted


def _entries_since(ledger: LedgerStore, account_id: str, since: datetime) -> Iterator[Entry]:
    after: str | None = None
    while True:
        page = ledger.entries(account_id, most=ENTRIES_A_PAGE, after=after)
        for entry in page.entries:
            if entry.booked_at < since:
                return
            yield entry
        if page.following is None:
            return
        after = page.following
