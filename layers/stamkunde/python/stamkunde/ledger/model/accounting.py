"""What an accountant sees of a month: what moved bonus, and what was given away (R28). No names, no numbers.

Every cell is text, as the file has it; amounts are in the club's language.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from stamkunde.ledger.model.coupons import Coupon
from stamkunde.ledger.model.entries import Benefit, BenefitSource, Entry, EntryKind
from stamkunde.shared.clock import local_date
from stamkunde.shared.language import text
from stamkunde.shared.spreadsheet import disarmed

COLUMNS = (
    "booked_on",
    "day",
    "outlet",
    "till",
    "receipt",
    "kind",
    "earned",
    "spent",
    "change",
    "unit",
    "paid_with_bonus",
    "item",
    "units",
    "origin",
    "discount",
    "own_range",
    "cost",
    "gift",
    "currency",
)
BONUS_COLUMNS = ("earned", "spent", "change")
MONEY_COLUMNS = ("paid_with_bonus", "discount", "cost")
SUMMED = (*BONUS_COLUMNS, *MONEY_COLUMNS)

BENEFIT = "benefit"
RETURNED = "returned"
EARNED = "earned"
GIVEN = "given"

GIFT_LIMITS = {"DK": 12_500}
"""Gifts from 100 kr. excl. VAT are listed in Denmark (R28): 125 kr. as the shelf says it, at 25 % VAT."""

type Cells = tuple[str, ...]
type Cell = str | int
type CouponAt = Callable[[str, datetime], Coupon | None]
"""A coupon as it was at an instant."""


class Reading(Struct, frozen=True):
    """How a club's figures are written.

    Parameters
    ----------
    in_points
        Whether bonus is counted in points, and not in minor units.
    """

    country: str
    currency: str
    language: str
    time_zone: str
    in_points: bool


class Row(Struct, frozen=True):
    """One line of the file before it is written; amounts are whole, and what isn't there is empty."""

    cells: Mapping[str, Cell]

    @property
    def sums(self) -> Counter[str]:
        """What it adds to the file's sums, and to those of its kind."""
        kind = self.cells["kind"]
        sums = Counter({name: value for name in SUMMED if isinstance(value := self.cells.get(name), int)})
        sums[f"{kind}.change"] = sums["change"]
        sums[f"{kind}.rows"] = 1
        if self.cells.get("gift"):
            sums["gift.rows"] = 1
            sums["gift.discount"] = sums["discount"]
        return sums


class AccountBook(Struct, frozen=True):
    """What entries come to in the file."""

    reading: Reading
    coupon_at: CouponAt

    def rows(self, entry: Entry) -> Iterator[Row]:
        """One row for what an entry moved, and one for each thing that it gave away or took back."""
        purchase, refund = entry.purchase, entry.refund
        moves = entry.amount or entry.movement.lots or (purchase and (purchase.spent or purchase.earned.amount))
        if moves:
            yield self._movement(entry)
        for benefit in purchase.benefits if purchase else ():
            yield self._benefit(entry, benefit)
        for back in refund.benefits_back if refund else ():
            yield Row(self._place(entry) | {"kind": RETURNED, "item": back.title or back.name})

    def _place(self, entry: Entry) -> dict[str, Cell]:
        receipt = entry.purchase.receipt_number if entry.purchase else ""
        return {
            "booked_on": local_date(entry.booked_at, self.reading.time_zone).isoformat(),
            "day": entry.day.isoformat(),
            "outlet": entry.outlet_id or "",
            "till": entry.till_id or "",
            "receipt": entry.refund.refund_number if entry.refund else receipt,
            "currency": self.reading.currency,
        }

    def _movement(self, entry: Entry) -> Row:
        cells = self._place(entry) | {"kind": entry.kind.value, "change": entry.amount, "unit": self._unit()}
        if entry.kind is EntryKind.PURCHASE and entry.purchase is not None:
            purchase = entry.purchase
            cells |= {
                "earned": entry.amount + purchase.spent,
                "spent": purchase.spent,
                "paid_with_bonus": purchase.paid_with_bonus,
            }
            if purchase.spent:
                cells["origin"] = EARNED
        return Row(cells)

    def _benefit(self, entry: Entry, benefit: Benefit) -> Row:
        units = sum(count for _, count in benefit.free_units)
        bought_at = entry.purchase.bought_at if entry.purchase else entry.booked_at
        origin = EARNED if benefit.source is BenefitSource.REWARD else GIVEN
        limit = GIFT_LIMITS.get(self.reading.country)
        cells = self._place(entry) | {
            "kind": BENEFIT,
            "item": benefit.title or benefit.name,
            "units": units,
            "origin": origin,
            "discount": benefit.amount,
            "gift": origin == GIVEN and limit is not None and benefit.amount >= limit,
        }
        coupon = None if benefit.source is BenefitSource.REWARD else self.coupon_at(benefit.name, bought_at)
        if coupon is not None:
            cells["own_range"] = coupon.own_range
            if coupon.cost is not None and units:
                cells["cost"] = coupon.cost * units
        return Row(cells)

    def _unit(self) -> str:
        return "points" if self.reading.in_points else self.reading.currency


def heading(language: str) -> Cells:
    """The names of the columns."""
    return tuple(text(language, f"export.column.{name}") for name in COLUMNS)


def written(row: Row, reading: Reading) -> Cells:
    """A row as the file has it."""
    return tuple(_cell(name, row.cells.get(name), reading) for name in COLUMNS)


def closing(sums: Mapping[str, int], reading: Reading) -> list[Cells]:
    """The last rows: each kind's change of the balance, gifts to be listed, and the sums of all rows above."""
    kinds = sorted(name.removesuffix(".rows") for name in sums if name.endswith(".rows") and name != "gift.rows")
    rows = []
    for kind in kinds:
        of_kind = {"change": sums.get(f"{kind}.change", 0), "units": sums[f"{kind}.rows"]}
        rows.append(
            _written_sum(text(reading.language, "export.total.kind", kind=_kind(kind, reading)), reading, of_kind)
        )
    if reading.country in GIFT_LIMITS:
        gifts = {"discount": sums.get("gift.discount", 0), "units": sums.get("gift.rows", 0)}
        rows.append(_written_sum(text(reading.language, "export.total.gifts"), reading, gifts))
    everything = {name: sums.get(name, 0) for name in SUMMED}
    rows.append(_written_sum(text(reading.language, "export.total.all"), reading, everything))
    return rows


def _written_sum(title: str, reading: Reading, sums: Mapping[str, int]) -> Cells:
    unit = "points" if reading.in_points else reading.currency
    cells: dict[str, Cell] = {**sums, "unit": unit, "currency": reading.currency}
    return (disarmed(title), *(_cell(name, cells.get(name), reading) for name in COLUMNS[1:]))


def _cell(name: str, value: Cell | None, reading: Reading) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return _figure(name, value, reading)
    if name == "kind":
        return _kind(value, reading)
    if name == "origin" or (name == "unit" and value == "points"):
        return text(reading.language, f"export.{name}.{value}")
    return disarmed(value)


def _figure(name: str, value: int, reading: Reading) -> str:
    if name in MONEY_COLUMNS or (name in BONUS_COLUMNS and not reading.in_points):
        return _decimal(value, reading.language)
    if name in {"own_range", "gift"}:
        return text(reading.language, "export.yes" if value else "export.no")
    return str(value)


def _kind(kind: str, reading: Reading) -> str:
    return text(reading.language, f"export.kind.{kind}")


def _decimal(amount: int, language: str) -> str:
    """An amount in whole units of the currency with two decimals: a number to a spreadsheet."""
    whole, minor = divmod(abs(amount), 100)
    sign = "-" if amount < 0 else ""
    return f"{sign}{whole}{'.' if language == 'en' else ','}{minor:02d}"
