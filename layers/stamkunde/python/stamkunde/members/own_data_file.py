"""A member's data as a file that other programs can read (GDPR art. 20); docs/member-file.md describes it.

What the club's staff are called stays out of it, and so does what others in a household bought.
"""

from typing import Any

import msgspec

from stamkunde.ledger.explanations import explain_entry
from stamkunde.ledger.model.accounts import Account
from stamkunde.ledger.model.entries import Entry
from stamkunde.members.consents import ConsentRecord
from stamkunde.members.model import Member
from stamkunde.members.own_data import OwnData
from stamkunde.shared.clock import iso_instant

FORMAT = "stamkunde-member-1"


def member_file(data: OwnData) -> bytes:
    """The whole file, indented for people who open it."""
    return msgspec.json.format(msgspec.json.encode(_document(data)), indent=2)


def _document(data: OwnData) -> dict[str, Any]:
    club = data.club
    return {
        "format": FORMAT,
        "gathered_at": iso_instant(data.gathered_at),
        "club": {"name": club.name, "currency": club.currency, "bonus_unit": club.unit.value},
        "profile": _profile(data.member),
        "consents": [_record(record) for record in data.records],
        "bonus": _held(data, data.account) if data.account else None,
        "movements": [_movement(data, entry) for entry in data.entries],
        "movements_of_household": [_shared_movement(entry) for entry in data.of_household],
        "older_movements": data.older,
        "messages": [_plain(note) for note in data.messages],
        "campaigns": [_plain(told) for told in data.campaigns],
        "devices": [
            {"label": each.label, "opened_at": iso_instant(each.opened_at), "used_at": iso_instant(each.used_at)}
            for each in data.devices
        ],
    }


def _plain(told: object) -> Any:
    """Our own words for things are told as they are: dates and instants as ISO 8601."""
    return msgspec.to_builtins(told)


SECRETS_OF_OURS = ("link_hashes", "revision")
"""What finds links that were sent, and counts writes: tells nothing of anybody."""


def _profile(member: Member) -> dict[str, Any]:
    told: dict[str, Any] = _plain(member)
    told["answers"] = [{"question": question, "answer": answer} for question, answer in member.answers]
    return {"state": member.state.value, **{name: told[name] for name in told if name not in SECRETS_OF_OURS}}


def _record(record: ConsentRecord) -> dict[str, Any]:
    told: dict[str, Any] = _plain(record)
    told["evidence"].pop("brought_by", None)
    told["used"] = {kind.value: iso_instant(at) for kind, at in record.used}
    return told


def _held(data: OwnData, account: Account) -> dict[str, Any]:
    balance = account.balance(data.gathered_at, data.club.time_zone)
    return {
        "balance": _plain(balance),
        "shared_with_others": any(member_id not in data.ids for member_id in account.members),
        "lots": [
            {"last_day": lot.expires_on.isoformat(), "amount": amount, "terms_version": lot.terms_version}
            for lot, amount in sorted(account.lots.items())
        ],
        "stamp_cards": [
            {"stamp_programme": name, "stamps": card.stamps, "needed": card.needed}
            for name, card in sorted(account.cards.items())
        ],
        "rewards": [
            {"stamp_programme": key.stamp_programme_id, "last_day": key.expires_on.isoformat(), "count": count}
            for key, count in sorted(account.rewards.items())
        ],
        "vouchers": [
            {
                "coupon": coupon_id,
                "name": data.coupon_names.get(coupon_id),
                "given": use.vouchers,
                "used": use.used,
                "last_day": use.last_day.isoformat() if use.last_day else None,
            }
            for coupon_id, use in data.coupon_uses
        ],
    }


def _movement(data: OwnData, entry: Entry) -> dict[str, Any]:
    club = data.club
    grounds = entry.grounds
    return {
        **_shared_movement(entry),
        "booked_at": iso_instant(entry.booked_at),
        "balance": _plain(entry.balance),
        "outlet": entry.outlet_id,
        "till": entry.till_id,
        "why": explain_entry(entry, club.currency, data.member.language, club.unit, club.programmes),
        "lots": _plain(entry.movement.lots),
        "stamps": _plain(entry.movement.stamps),
        "purchase": _plain(entry.purchase),
        "refund": _plain(entry.refund),
        "by_hand": {"reason": grounds.reason, "note": grounds.note} if grounds else None,
        "coupons": _plain(entry.uses),
    }


def _shared_movement(entry: Entry) -> dict[str, Any]:
    """All that is told of what somebody else did to bonus that is shared."""
    return {"day": entry.day.isoformat(), "kind": entry.kind.value, "amount": entry.amount}
