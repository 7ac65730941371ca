"""Whatever dies between any two writes of what is due: nothing is lost, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable
from copy import replace
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from stamkunde.messaging.model import DeliveryState
from stamkunde.retention.model import KNOWN_AFTER, StepKind
from stamkunde.shared.clock import compact_instant
from stamkunde.shared.ladder import Absence, RungNotice, RungSkipped, SkipReason, usual_ladder
from stamkunde.shared.terms import Arrival, TermsChase, TermsReminder
from tests.due_scene import AN_HOUR, ERASED, FIRST_REMINDER, JOINED, SECOND_REMINDER, DueShop, open_due_shop
from tests.stores.test_due_items import agree, ask_for_erasure
from tests.stores.test_due_notices import publish
from tests.stores.test_joining import join, newsletter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ERASE_ON = date(2026, 3, 21)
A_YEAR_LATER = datetime(2027, 3, 1, 23, tzinfo=UTC)
NOTED = datetime(2027, 1, 1, 23, tzinfo=UTC)
FORGOTTEN = datetime(2029, 3, 1, 23, tzinfo=UTC)
WISHED = JOINED + timedelta(days=14)
TOLD = JOINED + AN_HOUR
FEWEST_MOMENTS = 4
"""What begins and ends a case alone."""

MISSED = datetime(2027, 9, 2, 6, tzinfo=UTC)
WARNED = datetime(2029, 1, 31, 7, tzinfo=UTC)
INACTIVE = datetime(2029, 3, 1, 23, tzinfo=UTC)
_MISSED_YOU, _BONUS, _LAST = usual_ladder(36).rungs
PASSED_BY = tuple(RungSkipped(rung, date(2028, 3, 2), SkipReason.NO_PERMISSION) for rung in (_MISSED_YOU, _BONUS))
NAMED = RungNotice(_LAST, WARNED, "x2", date(2029, 3, 2), Arrival.SENT)

REMINDED = TermsReminder(FIRST_REMINDER, "x1", ERASE_ON, Arrival.SENT)


@dataclass(frozen=True)
class Scene:
    """Somebody who is due: what brings them there, and what there is once everything is done.

    Parameters
    ----------
    prepare
        Makes somebody due at `at` and nowhere else, and answers with their id.
    hints
        When they are looked at next, or an instant before that.
    every
        How many moments lie between two deaths: of years ago more is gone through than in weeks, and each step of an
        erasure dies between all of its writes elsewhere.
    """

    kind: StepKind
    at: datetime
    prepare: Callable[[DueShop], str]
    letters: tuple[str, ...] = ()
    hints: tuple[datetime, ...] = ()
    every: int = 1


def chased(*reminders: TermsReminder) -> Callable[[DueShop], str]:
    """An open member who has come so far in the chase."""

    def prepare(due: DueShop) -> str:
        member_id = due.open_member(buys=100_000)
        member = due.member(member_id)
        assert member is not None
        after = replace(member, chase=TermsChase(JOINED, reminders), revision=member.revision + 1)
        due.shop.access.commit(due.shop.members.change_writes(member, after))
        return member_id

    return prepare


def wishing(due: DueShop) -> str:
    member_id = due.shop.new_member()
    agree(due, member_id)
    due.shop.buy(member_id, 100_000)
    ask_for_erasure(due, member_id, WISHED)
    return member_id


def reading(due: DueShop) -> str:
    return join(due.shop, newsletter()).member.member_id


def agreeing(due: DueShop) -> str:
    member_id = due.shop.new_member()
    agree(due, member_id)
    return member_id


def untold(due: DueShop) -> str:
    due.shop.club = publish(due, 2)
    return due.shop.new_member()


def missed(due: DueShop) -> str:
    """Somebody who stays away, and has said yes to advertising meanwhile."""
    member_id = due.shop.new_member()
    due.at(MISSED - timedelta(days=40))
    agree(due, member_id)
    return member_id


def away(*notices: RungNotice | RungSkipped) -> Callable[[DueShop], str]:
    """A member who stays away, and what they were told of it."""

    def prepare(due: DueShop) -> str:
        member_id = due.shop.new_member()
        member = due.member(member_id)
        assert member is not None
        after = replace(member, absence=Absence(JOINED.date(), notices), revision=member.revision + 1)
        due.shop.access.commit(due.shop.members.change_writes(member, after))
        return member_id

    return prepare


def half_gone(due: DueShop) -> str:
    """Somebody of whom no more than a record is left."""
    member_id = agreeing(due)
    key = {"pk": {"S": f"M#{due.shop.club.club_id}#{member_id}"}, "sk": {"S": "MEMBER"}}
    due.shop.client.delete_item(TableName="members", Key=key)
    for row in due.rows("P#") + due.rows("K#"):
        due.shop.client.delete_item(TableName="members", Key={"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}})
    return member_id


SCENES = (
    Scene(StepKind.TERMS_REMINDER, FIRST_REMINDER, chased(), ("terms_week_1_bonus",), (SECOND_REMINDER,)),
    Scene(StepKind.TERMS_REMINDER, SECOND_REMINDER, chased(REMINDED), ("terms_week_2_bonus",), (ERASED,)),
    Scene(StepKind.REMOVE_OPEN, ERASED, chased(REMINDED, replace(REMINDED, written_at=SECOND_REMINDER))),
    Scene(StepKind.REMOVE_ASKED, WISHED, wishing, ("erased",)),
    Scene(StepKind.REMOVE_LAPSED, A_YEAR_LATER, reading),
    Scene(StepKind.RUNG, MISSED, missed, ("ladder_missed_you",), (MISSED,)),
    Scene(StepKind.RUNG, WARNED, away(*PASSED_BY), ("last_notice",), (INACTIVE,)),
    Scene(StepKind.REMOVE_INACTIVE, INACTIVE, away(*PASSED_BY, NAMED), every=9),
    Scene(StepKind.REMOVE_REST, TOLD, half_gone),
    Scene(StepKind.TELL_TERMS, TOLD, untold, ("terms_changed",), (TOLD + KNOWN_AFTER,)),
    Scene(StepKind.NOTE_LAPSING, NOTED, agreeing, hints=(NOTED,)),
    Scene(StepKind.FORGET_EVIDENCE, FORGOTTEN, agreeing, hints=(FORGOTTEN,)),
)


def test_every_act_has_a_scene() -> None:
    assert {scene.kind for scene in SCENES} == {kind for kind in StepKind if not kind.at_once}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: f"{scene.kind}-{scene.at:%m%d}")
def test_a_crash_between_any_two_writes_loses_nothing_and_doubles_nothing(
    dynamodb: DynamoDBClient, scene: Scene
) -> None:
    for moments in count(step=scene.every):
        due = open_due_shop(dynamodb)
        if not lives_and_dies(due, scene, moments):
            assert moments >= FEWEST_MOMENTS
            return


def lives_and_dies(due: DueShop, scene: Scene, moments: int) -> bool:
    """An hour in which the process dies, and the two after it in which it doesn't; whether it died."""
    member_id = scene.prepare(due)
    make_due_only(due, member_id, scene.at)
    due.post(DeliveryState.SENT)
    before = len(due.letters())
    died = due.dying_after(moments, scene.at)
    due.hour(scene.at + AN_HOUR)
    due.hour(scene.at + 2 * AN_HOUR)
    assert [row["kind"] for row in due.letters()[before:]] == [*scene.letters], moments
    assert set(due.machine.started.values()) <= {scene.kind, StepKind.REMOVE_REST}, moments
    own = [row for row in due.rows("") if f"#{due.shop.club.club_id}" in row["pk"] and row["sk"] != "SWEPT"]
    assert [row for row in own if row["sk"] == "CASE"] == [], moments
    hints = {row["sk"].partition("#")[0] for row in own if row["pk"].startswith("DUE#")}
    assert len(hints) == len(scene.hints), moments
    # What was told an hour late is looked at an hour later.
    assert all(compact_instant(min(scene.hints)) <= hint for hint in hints), moments
    if scene.kind.startswith("remove"):
        assert_forgotten(due, own)
    if scene.kind is StepKind.NOTE_LAPSING:
        assert len([row for row in own if row["pk"].startswith("LAPSING#")]) == 1, moments
    if scene.kind is StepKind.FORGET_EVIDENCE:
        (record,) = due.shop.members.consent_records(member_id)
        assert record.terms is not None, moments
    return died


def assert_forgotten(due: DueShop, own: list[dict[str, object]]) -> None:
    """Nothing is left of anybody but codes, which go by themselves, and a receipt; nobody holds anything."""
    assert [row for row in own if not str(row["pk"]).startswith(("CODE#", "LIMIT#", "ERASED#"))] == []
    for account_id in due.shop.store.account_ids():
        account = due.shop.store.load_account(account_id, consistent=True)
        assert account is not None
        if not account.members:
            assert [amount for amount in account.lots.values() if amount] == []


def make_due_only(due: DueShop, member_id: str, at: datetime) -> None:
    """Let nothing be due but one member at one instant."""
    for row in due.hints():
        if row["sk"].endswith(member_id):
            due.shop.client.delete_item(TableName="members", Key={"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}})
    due.shop.due.arm(member_id, at)
    due.has_come_to(at)


def test_a_crash_while_everybody_is_made_due_leaves_nobody_out(dynamodb: DynamoDBClient) -> None:
    for moments in count(step=23):
        due = open_due_shop(dynamodb)
        members = {due.shop.new_member() for _ in range(4)}
        due.shop.club = publish(due, 2)
        died = due.dying_after(moments, TOLD)
        due.hour(TOLD + AN_HOUR)
        own = [row for row in due.hints() if f"#{due.shop.club.club_id}#" in row["pk"]]
        assert {str(row["sk"]).partition("#")[2] for row in own} == members, moments
        if not died:
            assert moments
            return
