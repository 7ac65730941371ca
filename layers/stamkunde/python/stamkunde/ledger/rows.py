"""How accounts, coupon uses and entries are written as rows, and read again."""

from collections.abc import Iterable, Mapping, Sequence
from copy import replace
from datetime import date, datetime
from typing import Any

import msgspec

from stamkunde.ledger.model.accounts import (
    Account,
    AccountMember,
    Balance,
    CouponUse,
    Hold,
    LotChange,
    LotKey,
    Movement,
    RewardKey,
    StampCard,
    StampChange,
    UseKey,
)
from stamkunde.ledger.model.entries import (
    Benefit,
    BenefitSource,
    Earned,
    EarnedShare,
    Entry,
    EntryKind,
    Grounds,
    PurchaseFacts,
    RefundFacts,
    Refused,
    UseChange,
)
from stamkunde.ledger.model.receipts import Line, LineKind
from stamkunde.shared.clock import iso_instant, parse_instant

ITEM_VERSION = 1
ACCOUNT_PREFIX = "ACCOUNT"
USE_PREFIX = "ACCOUNT.USE#"
ENTRY_PREFIX = "ENTRY#"


def account_attributes(account: Account) -> dict[str, Any]:
    """An account as its row has it; what is empty takes no room."""
    row = {
        "lots": {_lot_text(lot): amount for lot, amount in account.lots.items()},
        "members": {member_id: _member_row(member) for member_id, member in account.members.items()},
        "deficit": account.deficit,
        "cards": {
            each: [card.stamps, card.needed, *(iso_instant(visit) for visit in card.visits)]
            for each, card in account.cards.items()
        },
        "rewards": {_reward_text(key): count for key, count in account.rewards.items()},
        "holds": {hold_id: _hold_row(hold) for hold_id, hold in account.holds.items()},
        "closed": account.closed,
    }
    return {"revision": account.revision} | {
        name: value for name, value in row.items() if value or name in {"lots", "members"}
    }


def account_from_rows(account_id: str, row: Mapping[str, Any], use_rows: Iterable[Mapping[str, Any]]) -> Account:
    """An account from its own row and those of its coupon uses."""
    return Account(
        account_id=account_id,
        revision=row["revision"],
        lots={_lot_key(text): amount for text, amount in row["lots"].items()},
        members={member_id: _member(*values) for member_id, values in row["members"].items()},
        deficit=row.get("deficit", 0),
        cards={
            each: StampCard(stamps, needed, tuple(parse_instant(visit) for visit in visits))
            for each, (stamps, needed, *visits) in row.get("cards", {}).items()
        },
        rewards={_reward_key(text): count for text, count in row.get("rewards", {}).items()},
        holds={hold_id: _hold(values) for hold_id, values in row.get("holds", {}).items()},
        uses=dict(_use(each) for each in use_rows),
        closed=row.get("closed", False),
    )


def use_attributes(use: CouponUse) -> dict[str, Any]:
    """A member's uses of a coupon as their row has it."""
    return {
        "revision": use.revision + 1,
        "used": use.used,
        "vouchers": use.vouchers,
        "last_day": use.last_day and use.last_day.isoformat(),
    }


def use_sort_key(key: UseKey) -> str:
    """Where a member's uses of a coupon stand in the account's partition."""
    return f"{USE_PREFIX}{key[0]}#{key[1]}"


def entry_attributes(entry: Entry) -> dict[str, Any]:
    """An entry as its row has it; what is empty takes no room."""
    row: dict[str, Any] = {
        "kind": entry.kind.value,
        "member": entry.member_id,
        "outlet": entry.outlet_id,
        "till": entry.till_id,
        "booked": iso_instant(entry.booked_at),
        "day": entry.day.isoformat(),
        "amount": entry.amount,
        "changes": [[_lot_text(change.lot), change.amount] for change in entry.changes],
        "balance": [entry.balance.total, entry.balance.available, entry.balance.pending, entry.balance.reserved],
    }
    more = {
        "deficit": entry.movement.deficit,
        "stamps": [_stamp_row(change) for change in entry.stamps],
        "uses": [[use.coupon_id, use.used, use.vouchers] for use in entry.uses],
        "refund": entry.refund and msgspec.to_builtins(entry.refund),
        "grounds": entry.grounds and msgspec.to_builtins(entry.grounds),
    }
    purchase = _purchase_attributes(entry.purchase) if entry.purchase else {}
    return row | {name: value for name, value in more.items() if value} | purchase


def entry_from_row(row: Mapping[str, Any]) -> Entry:
    """The entry that a row, or an image in the table's stream, holds; nobody's has neither account nor balance."""
    return Entry(
        entry_id=row["sk"].removeprefix(ENTRY_PREFIX),
        kind=EntryKind(row["kind"]),
        account_id=row["pk"].rpartition("#")[2] if "balance" in row else "",
        member_id=row["member"],
        outlet_id=row["outlet"],
        till_id=row["till"],
        booked_at=parse_instant(row["booked"]),
        day=date.fromisoformat(row["day"]),
        movement=Movement(
            tuple(LotChange(_lot_key(text), amount) for text, amount in row["changes"]),
            row.get("deficit", 0),
            tuple(_stamp_change(*each) for each in row.get("stamps", ())),
        ),
        balance=Balance(*row.get("balance", (0, 0, 0))),
        purchase=_purchase(row) if "purchase" in row else None,
        refund=msgspec.convert(row["refund"], RefundFacts) if "refund" in row else None,
        grounds=msgspec.convert(row["grounds"], Grounds) if "grounds" in row else None,
        uses=tuple(UseChange(*each) for each in row.get("uses", ())),
    )


def _lot_text(lot: LotKey) -> str:
    return f"{lot.expires_on:%Y%m%d}.{lot.terms_version}"


def _lot_key(text: str) -> LotKey:
    day, _, terms_version = text.partition(".")
    return LotKey(date.fromisoformat(day), int(terms_version))


def _reward_text(key: RewardKey) -> str:
    return f"{key.expires_on:%Y%m%d}.{key.stamp_programme_id}.{key.stamps}"


def _reward_key(text: str) -> RewardKey:
    # Rows of the first weeks don't say what the card had asked for.
    day, stamp_programme_id, *stamps = text.split(".")
    return RewardKey(date.fromisoformat(day), stamp_programme_id, int(stamps[0]) if stamps else 0)


def _written(instant: datetime | None) -> str | None:
    return iso_instant(instant) if instant else None


def _read(text: str | None) -> datetime | None:
    return parse_instant(text) if text else None


def _member_row(member: AccountMember) -> list[Any]:
    row = [member.terms_version, _written(member.last_purchase_at)]
    if not member.carried_over and member.given_on is None and not member.formerly:
        return row
    given_on = member.given_on and member.given_on.isoformat()
    return [*row, list(member.carried_over), given_on, member.given, list(member.formerly)]


def _member(
    terms_version: int,
    bought: str | None,
    carried_over: Iterable[str] = (),
    given_on: str | None = None,
    given: int = 0,
    formerly: Iterable[str] = (),
) -> AccountMember:
    day = date.fromisoformat(given_on) if given_on else None
    return AccountMember(terms_version, _read(bought), tuple(carried_over), day, given, tuple(formerly))


def _hold_row(hold: Hold) -> dict[str, Any]:
    row: dict[str, Any] = {"member": hold.member_id, "until": iso_instant(hold.until)}
    more = {"bonus": hold.bonus, "rewards": list(hold.rewards), "coupons": list(hold.coupons), "ended": hold.ended}
    more |= {"captured": hold.captured, "content": hold.content}
    return row | {name: value for name, value in more.items() if value}


def _hold(row: Mapping[str, Any]) -> Hold:
    return Hold(
        member_id=row["member"],
        until=parse_instant(row["until"]),
        bonus=row.get("bonus", 0),
        rewards=tuple(row.get("rewards", ())),
        coupons=tuple(row.get("coupons", ())),
        ended=row.get("ended", False),
        captured=row.get("captured", False),
        content=row.get("content", ""),
    )


def _use(row: Mapping[str, Any]) -> tuple[UseKey, CouponUse]:
    coupon_id, _, member_id = row["sk"].removeprefix(USE_PREFIX).rpartition("#")
    last_day = date.fromisoformat(row["last_day"]) if row["last_day"] else None
    return (coupon_id, member_id), CouponUse(row["used"], row["vouchers"], last_day, row["revision"])


def _stamp_row(change: StampChange) -> list[Any]:
    rewards = [[_reward_text(key), count] for key, count in change.rewards]
    return [change.stamp_programme_id, change.stamps, rewards]


def _stamp_change(stamp_programme_id: str, stamps: int, rewards: Iterable[tuple[str, int]]) -> StampChange:
    return StampChange(stamp_programme_id, stamps, tuple((_reward_key(text), count) for text, count in rewards))


def _purchase_attributes(purchase: PurchaseFacts) -> dict[str, Any]:
    earned = purchase.earned
    row = {
        "purchase": purchase.purchase_id,
        "receipt": purchase.receipt_number,
        "bought": iso_instant(purchase.bought_at),
        "total": purchase.total,
        "earned": [earned.programme_version, earned.base, earned.rate, earned.amount, earned.terms_version],
        "spent": [purchase.asked_to_spend, purchase.spent, purchase.paid_with_bonus],
        "lines": [_line_row(line) for line in purchase.lines],
        "flags": list(purchase.flags),
    }
    more = {
        "shares": [[each.base, each.rate, each.rule_id, list(each.multipliers)] for each in earned.shares],
        "not_earning": purchase.not_earning,
        "rates": list(purchase.line_rates),
        "benefits": [_benefit_row(benefit) for benefit in purchase.benefits],
        "stamped": [[name, [list(pair) for pair in by_line]] for name, by_line in purchase.stamped],
        "refused": [msgspec.to_builtins(refused) for refused in purchase.refused],
        "cards_after": [list(card) for card in purchase.cards],
    }
    return row | {name: value for name, value in more.items() if value}


def _purchase(row: Mapping[str, Any]) -> PurchaseFacts:
    asked_to_spend, spent, *paid_with_bonus = row["spent"]
    shares = tuple(
        EarnedShare(base, rate, rule_id, tuple(multipliers))
        for base, rate, rule_id, multipliers in row.get("shares", ())
    )
    return PurchaseFacts(
        purchase_id=row["purchase"],
        receipt_number=row["receipt"],
        bought_at=parse_instant(row["bought"]),
        total=row["total"],
        earned=replace(Earned(*row["earned"]), shares=shares),
        asked_to_spend=asked_to_spend,
        spent=spent,
        # Purchases from before there were points paid as many minor units as they spent.
        paid_with_bonus=paid_with_bonus[0] if paid_with_bonus else spent,
        lines=tuple(_line(*line) for line in row["lines"]),
        flags=tuple(row["flags"]),
        not_earning=row.get("not_earning", 0),
        line_rates=tuple(row.get("rates", ())),
        benefits=tuple(_benefit(each) for each in row.get("benefits", ())),
        stamped=tuple(
            (name, tuple((place, units) for place, units in by_line)) for name, by_line in row.get("stamped", ())
        ),
        refused=tuple(msgspec.convert(each, Refused) for each in row.get("refused", ())),
        cards=tuple((name, stamps, needed) for name, stamps, needed in row.get("cards_after", ())),
    )


def _benefit_row(benefit: Benefit) -> dict[str, Any]:
    """A benefit in few bytes: an entry with one must still fit into a kilobyte."""
    row = {
        "s": benefit.source.value,
        "n": benefit.name,
        "d": _flat(benefit.discounts),
        "u": _flat(benefit.free_units),
        "e": benefit.reward_expires_on and benefit.reward_expires_on.isoformat(),
        "p": benefit.reward_stamps,
        "c": benefit.code_hash and bytes.fromhex(benefit.code_hash),
        "t": benefit.title,
        "l": benefit.limited,
    }
    return {name: value for name, value in row.items() if value}


def _benefit(row: Mapping[str, Any]) -> Benefit:
    return Benefit(
        source=BenefitSource(row["s"]),
        name=row["n"],
        discounts=_pairs(row.get("d", ())),
        free_units=_pairs(row.get("u", ())),
        reward_expires_on=date.fromisoformat(row["e"]) if "e" in row else None,
        code_hash=row["c"].hex() if "c" in row else None,
        title=row.get("t", ""),
        limited=row.get("l", False),
        reward_stamps=row.get("p", 0),
    )


def _flat(pairs: Iterable[tuple[int, int]]) -> list[int]:
    return [number for pair in pairs for number in pair]


def _pairs(flat: Sequence[int]) -> tuple[tuple[int, int], ...]:
    return tuple(zip(flat[::2], flat[1::2], strict=True))


def _line_row(line: Line) -> list[Any]:
    row = [line.item_number, line.quantity, line.amount]
    plain = line.item_group is None and line.kind is LineKind.GOODS
    return row if plain else [*row, line.item_group, line.kind.value]


def _line(
    item_number: str, quantity: int, amount: int, item_group: str | None = None, kind: str = LineKind.GOODS
) -> Line:
    return Line(item_number, quantity, amount, item_group, LineKind(kind))
