"""When evidence is to be forgotten: two years after what it proves has ended, at the latest (R10). Pure rules.

A yes ends with the next word on the same, or when it lapses: a year after it was said, or last used. The last no
counts as long as its member is there, and so does the last proof of an e-mail address. What somebody accepted the
terms by stays as long as they are a member.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import replace
from datetime import date, datetime
from itertools import pairwise

from msgspec import Struct

from stamkunde.members.consents import ConsentRecord, PermissionKind
from stamkunde.members.permission import LASTS_MONTHS
from stamkunde.shared.clock import local_date, months_later

KEPT_MONTHS = 24
"""How long it may still have to be proved that somebody was rightly written to."""


class Outlived(Struct, frozen=True):
    """A record of which something is to be forgotten.

    Parameters
    ----------
    left
        What stays of it; None for nothing.
    """

    record: ConsentRecord
    left: ConsentRecord | None


class _Part(Struct, frozen=True):
    """One thing that a record proves, and the club's first day on which it is to be forgotten."""

    record_id: str
    name: str
    kind: PermissionKind | None
    forget_on: date


def forget_on(records: Iterable[ConsentRecord], time_zone: str) -> date | None:
    """The club's first day on which something of these records is to be forgotten; None for nothing that ends."""
    return min((part.forget_on for part in _ending(list(records), time_zone)), default=None)


def look_on(record: ConsentRecord, time_zone: str) -> date | None:
    """The club's first day on which something is to be forgotten because of a new record; None for what ends nothing.

    What it proves is itself forgotten one day, and what stood before it on the same is ended by it.
    """
    days = [forget_on([record], time_zone)]
    if record.given or record.withdrawn or _proves_an_address_only(record):
        days.append(_kept_until(_day_of(record, time_zone)))
    return min((day for day in days if day), default=None)


def outlived(records: Sequence[ConsentRecord], time_zone: str, now: datetime) -> list[Outlived]:
    """The records of one person of which something is to be forgotten by now."""
    today = local_date(now, time_zone)
    over = [part for part in _ending(records, time_zone) if part.forget_on <= today]
    names = {part.record_id for part in over}
    return [
        Outlived(record, _without(record, [part for part in over if part.record_id == record.record_id]))
        for record in records
        if record.record_id in names
    ]


def _ending(records: Sequence[ConsentRecord], time_zone: str) -> Iterator[_Part]:
    told = sorted(records, key=lambda each: each.evidence.recorded_at)
    for kind in PermissionKind:
        words = [each for each in told if each.gives(kind) or kind in each.withdrawn]
        stops = [each for each in told if kind in each.withdrawn]
        for record in told:
            if record.gives(kind):
                yield _part(record, "given", kind, words, time_zone)
            if kind in record.soft_opt_in:
                yield _part(record, "soft_opt_in", kind, stops, time_zone)
        for older, newer in pairwise(stops):
            yield _Part(older.record_id, "withdrawn", kind, _kept_until(_day_of(newer, time_zone)))
    for older, newer in pairwise(each for each in told if _proves_an_address_only(each)):
        yield _Part(older.record_id, "address", None, _kept_until(_day_of(newer, time_zone)))


def _part(
    record: ConsentRecord, name: str, kind: PermissionKind, ends_by: Sequence[ConsentRecord], time_zone: str
) -> _Part:
    """What let somebody be written to: until the next word on it, or a year after it was said or last used."""
    used_at = record.last_use(kind) if name == "given" else None
    counted_from = max(record.evidence.given_at, used_at or record.evidence.given_at)
    ended_on = months_later(local_date(counted_from, time_zone), LASTS_MONTHS)
    said_at = record.evidence.recorded_at
    next_word = next((each for each in ends_by if each is not record and each.evidence.recorded_at >= said_at), None)
    if next_word is not None:
        ended_on = min(ended_on, _day_of(next_word, time_zone))
    return _Part(record.record_id, name, kind, _kept_until(ended_on))


def _kept_until(ended_on: date) -> date:
    return months_later(ended_on, KEPT_MONTHS)


def _day_of(record: ConsentRecord, time_zone: str) -> date:
    return local_date(record.evidence.recorded_at, time_zone)


def _proves_an_address_only(record: ConsentRecord) -> bool:
    return not (record.terms or record.given or record.withdrawn or record.soft_opt_in) and bool(record.address_hash)


def _without(record: ConsentRecord, parts: Sequence[_Part]) -> ConsentRecord | None:
    gone = {(part.name, part.kind) for part in parts}
    given = tuple(text for text in record.given if ("given", text.kind) not in gone)
    proves_address = ("address", None) not in gone and _proves_an_address_only(record)
    by_email = any(text.kind is PermissionKind.EMAIL for text in given)
    left = replace(
        record,
        given=given,
        withdrawn=tuple(kind for kind in record.withdrawn if ("withdrawn", kind) not in gone),
        soft_opt_in=tuple(kind for kind in record.soft_opt_in if ("soft_opt_in", kind) not in gone),
        address_hash=record.address_hash if by_email or proves_address else None,
        used=tuple((kind, at) for kind, at in record.used if ("given", kind) not in gone),
    )
    return left if left.terms or left.given or left.withdrawn or left.soft_opt_in or left.address_hash else None
