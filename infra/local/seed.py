"""Seeds the demo clubs the way a shop would get its data: operators create, tills enrol and sell.

Each demo club has a clock of its own: it starts 120 days ago and walks to the present with the purchases, so
they are neither late nor invented by a shortcut past the API.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from infra.local.demo_clubs import DEMO_CLUBS, HISTORY, DemoClub, Visit, local_midnight, visits
from infra.local.home import LocalRunError, Stack
from infra.local.operator import Operator

COUPON_LASTS = HISTORY + timedelta(days=3 * 365)


def seed(stack: Stack) -> dict[str, Any]:
    """The demo clubs with their keys, made if they aren't there; quick when they are.

    Parameters
    ----------
    stack
        Its `demo` is what the last start knew: keys are shown only once.
    """
    operator = Operator(stack)
    with (
        httpx.Client(base_url=stack.api_url, timeout=30) as till_api,
        ThreadPoolExecutor(len(DEMO_CLUBS)) as shops,
    ):
        seeded = shops.map(lambda club: _seed_club(club, operator, till_api, stack.demo.get(club.slug)), DEMO_CLUBS)
        return {club.slug: described for club, described in zip(DEMO_CLUBS, seeded, strict=True)}


def _seed_club(
    club: DemoClub, operator: Operator, till_api: httpx.Client, known: dict[str, Any] | None
) -> dict[str, Any]:
    there = operator.ask("show_club", slug=club.slug)
    if "club_id" in there and there["join_page"] is None:
        _open_pages(club, there["club_id"], operator)
    if known is not None and there.get("club_id") == known["club_id"]:
        return known | {"purchase_example": _purchase_example(club, known["members"][0])}
    shown = there if "club_id" in there else _create(club, operator)
    club_id = shown["club_id"]
    keys = _keys(club, club_id, operator, {till["till_id"] for till in shown.get("tills", [])})
    members = _History(club, club_id, operator, till_api, keys).play(_began(shown))
    return {
        "club_id": club_id,
        "slug": club.slug,
        "name": club.name,
        "outlets": list(club.outlets),
        "tills": [{"till": till.till_id, "outlet": till.outlet_id, "key": keys[till.till_id]} for till in club.tills],
        "members": members,
        "purchase_example": _purchase_example(club, members[0]),
    }


def _create(club: DemoClub, operator: Operator) -> dict[str, Any]:
    created = operator.do(
        "create_club",
        slug=club.slug,
        name=club.name,
        country=club.country,
        contact=club.contact,
        trade=club.trade,
        keeping_months=club.keeping_months,
        clock_offset_seconds=-int(HISTORY.total_seconds()),
    )
    _open_pages(club, created["club_id"], operator)
    _publish(club, created, operator)
    return created


def _open_pages(club: DemoClub, club_id: str, operator: Operator) -> None:
    operator.do(
        "publish_join_page",
        club_id=club_id,
        company=club.company,
        registration_number=club.registration_number,
        contact=club.contact,
        goods=club.sells,
        accent=club.accent,
    )


def _publish(club: DemoClub, created: dict[str, Any], operator: Operator) -> None:
    """A stamp card and a coupon for a new club, from an hour after it was made on."""
    club_id = created["club_id"]
    first = datetime.fromisoformat(created["programmes"][0]["valid_from"])
    goods = {"item_numbers": [club.stamps.item_number]}
    stamps = {
        "stamp_programme_id": club.stamps.stamp_programme_id,
        "name": club.stamps.name,
        "needed": club.stamps.needed,
        "reward_name": club.stamps.reward_name,
        "items": goods,
        "reward": goods,
    }
    operator.do(
        "publish_programme",
        club_id=club_id,
        valid_from=(first + timedelta(hours=1)).isoformat(),
        programme=operator.do("show_programme", club_id=club_id) | {"stamp_programmes": [stamps]},
    )
    coupon = {
        "coupon_id": club.coupon.coupon_id,
        "name": club.coupon.name,
        "benefit": "free_item",
        "items": {"item_numbers": [club.coupon.item_number]},
        "valid_from": (first + timedelta(hours=1)).isoformat(),
        "valid_until": (first + COUPON_LASTS).isoformat(),
    }
    operator.do("publish_coupon", club_id=club_id, coupon=coupon)


def _began(shown: dict[str, Any]) -> datetime:
    """The midnight the club's history begins at: fixed when the club was made, so a second try says the same."""
    return local_midnight(datetime.fromisoformat(shown["programmes"][0]["valid_from"])) + timedelta(days=1)


def _keys(club: DemoClub, club_id: str, operator: Operator, known_tills: set[str]) -> dict[str, str]:
    """A key for every till: new tills get their first, tills whose key was lost get a new one."""
    for outlet_id, name in club.outlets.items():
        operator.ask("create_outlet", club_id=club_id, outlet_id=outlet_id, name=name)
    keys = {}
    for till in club.tills:
        if till.till_id in known_tills:
            answer = operator.do("replace_till_key", club_id=club_id, till_id=till.till_id)
        else:
            answer = operator.do(
                "create_till",
                club_id=club_id,
                outlet_id=till.outlet_id,
                till_id=till.till_id,
                name=till.name,
                receipt_numbers=till.receipt_numbers,
            )
        keys[till.till_id] = answer["key"]
    return keys


class _History:
    """Plays a club's visits through the till API, the club's clock going along."""

    def __init__(
        self, club: DemoClub, club_id: str, operator: Operator, till_api: httpx.Client, keys: dict[str, str]
    ) -> None:
        self._club = club
        self._club_id = club_id
        self._operator = operator
        self._till_api = till_api
        self._keys = keys
        self._members: dict[str, dict[str, Any]] = {}
        self._available: dict[str, int] = {}

    def play(self, began: datetime) -> list[dict[str, Any]]:
        """Play all visits, then set the club's clock to the present."""
        for number, visit in enumerate(visits(self._club), start=1):
            moment = began + visit.after
            self._set_clock(moment + timedelta(minutes=2))
            if visit.member.phone not in self._members:
                self._join(visit, moment)
            self._buy(visit, moment, number)
        self._operator.do("move_clock", club_id=self._club_id, clock_offset_seconds=0)
        return [self._members[member.phone] for member in self._club.members]

    def _set_clock(self, moment: datetime) -> None:
        offset = int((moment - datetime.now(UTC)).total_seconds())
        self._operator.do("move_clock", club_id=self._club_id, clock_offset_seconds=offset)

    def _join(self, visit: Visit, moment: datetime) -> None:
        body: dict[str, Any] = {"phone": visit.member.phone, "first_name": visit.member.first_name}
        if visit.member.accepts:
            body["terms_acceptance"] = {
                "terms_version": 1,
                "method": "signed_form",
                "accepted_at": moment.isoformat(),
            }
        joined = self._post("/v1/members", visit, body)
        self._members[visit.member.phone] = {
            "member_id": joined["member_id"],
            "account_id": joined["account_id"],
            "first_name": joined["first_name"],
            "phone": visit.member.phone,
        }

    def _buy(self, visit: Visit, moment: datetime, number: int) -> None:
        member = self._members[visit.member.phone]
        total = sum(amount for _, _, amount in visit.lines)
        available = self._available.get(member["member_id"], 0)
        booked = self._post(
            "/v1/purchases",
            visit,
            {
                "receipt_number": str(number),
                "bought_at": moment.isoformat(),
                "currency": self._club.currency,
                "member_id": member["member_id"],
                "account_id": member["account_id"],
                "lines": [
                    {"item_number": item, "quantity": quantity, "amount": amount}
                    for item, quantity, amount in visit.lines
                ],
                "spend_bonus": min(available, total) if visit.spends else 0,
            },
        )
        self._available[member["member_id"]] = booked["balance_after"]["available"]

    def _post(self, path: str, visit: Visit, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._keys[visit.till.till_id]}"}
        answer = self._till_api.post(path, json=body, headers=headers)
        if answer.is_error:
            raise LocalRunError(f"Seeding {self._club.name} failed at {path}: {answer.text}")
        shown: dict[str, Any] = answer.json()
        return shown


def _purchase_example(club: DemoClub, member: dict[str, Any]) -> dict[str, Any]:
    """A receipt of this moment, for the curl that `make run` prints."""
    now = datetime.now(UTC)
    first, second = club.goods[:2]
    return {
        "receipt_number": f"{now:%y%m%d%H%M%S}",
        "bought_at": now.isoformat(timespec="seconds"),
        "currency": club.currency,
        "member_id": member["member_id"],
        "lines": [
            {"item_number": first.item_number, "quantity": 1, "amount": first.price},
            {"item_number": second.item_number, "quantity": 2, "amount": 2 * second.price},
        ],
    }
