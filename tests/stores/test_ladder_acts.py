"""The ladder speaks: who stays away is told so by what they allowed, and nobody goes who wasn't told."""

from __future__ import annotations

from collections import Counter
from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.clubs.model import Closing
from stamkunde.members.access_store import ServiceLinks
from stamkunde.members.admission import Change
from stamkunde.members.consents import ConsentMethod, PermissionKind
from stamkunde.members.erasing import Erasing
from stamkunde.members.links import LinkState
from stamkunde.members.model import AskedBy, Member
from stamkunde.members.service_link import MOST_LINKS, FoundLink, LinkAct
from stamkunde.messaging.model import DeliveryState
from stamkunde.retention.facts import away_of
from stamkunde.retention.ladder_lines import ladder_line
from stamkunde.retention.model import HORIZON
from stamkunde.retention.service import Outcome
from stamkunde.shared.clock import local_date
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ladder import Ladder, Rung, RungNotice, RungSkipped, RungText, SkipReason
from stamkunde.shared.terms import Arrival
from tests.due_scene import AN_HOUR, JOINED, DueShop, open_due_shop
from tests.letterbox import DOMAINS
from tests.stores.test_due_items import agree
from tests.stores.test_service_links import CALLER
from tests.unit_meter import UnitMeter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MISSED = datetime(2027, 9, 2, 6, tzinfo=UTC)
BONUS = datetime(2028, 3, 2, 7, tzinfo=UTC)
WARNED = datetime(2029, 1, 31, 7, tzinfo=UTC)
ERASED = datetime(2029, 3, 1, 23, tzinfo=UTC)
LADDER = (MISSED, BONUS, WARNED, ERASED)
AN_HOUR_EARLIER = tuple(at - AN_HOUR for at in LADDER)
END = date(2029, 3, 2)
A_DAY = timedelta(days=1)


@pytest.fixture
def due(dynamodb: DynamoDBClient) -> DueShop:
    return open_due_shop(dynamodb)


def pass_time(due: DueShop, *instants: datetime, outcome: DeliveryState | None = DeliveryState.SENT) -> None:
    """From one instant to the next; what is due together is done in the two hours after it."""
    for now in instants:
        due.jump(now, outcome)


def allow(due: DueShop, member_id: str, now: datetime) -> None:
    """Somebody says yes to texts again, in the shop: that is no sign of them."""
    due.at(now - A_DAY)
    agree(due, member_id)


def there(due: DueShop, member_id: str) -> Member:
    member = due.member(member_id)
    assert member is not None
    return member


def notices(due: DueShop, member_id: str) -> tuple[RungNotice | RungSkipped, ...]:
    absence = there(due, member_id).absence
    return absence.notices if absence else ()


def away_since(due: DueShop, member_id: str) -> date:
    member, records = due.shop.members.load_with_records(member_id)
    assert member is not None
    return away_of(member, records, due.shop.account(member_id), due.shop.club.time_zone).active_on


def wishes(due: DueShop) -> Erasing:
    return Erasing(due.shop.club, due.shop.admission, due.shop.due, due.shop.clock, due.shop.patience)


def kinds(due: DueShop) -> list[str]:
    return [row["kind"] for row in due.letters() if row["kind"].startswith(("ladder", "last"))]


def tokens(row: dict[str, Any]) -> list[str]:
    """The tokens of the links in a message; a page of the club has none."""
    after = [rest.split()[0] for rest in str(row["text"]).split(f"{DOMAINS.short}/")[1:]]
    return [each for each in after if not each.startswith("c/")]


def links(due: DueShop, kind: str) -> dict[LinkAct, FoundLink]:
    """The links in the last message of a kind, by what they do."""
    found = [ServiceLinks(due.shop.client, "members").find(token) for token in tokens(due.letters(kind)[-1])]
    return {link.act: link for link in found if link is not None}


def test_three_years_of_silence_bring_three_notices_and_an_end(due: DueShop) -> None:
    member_id = due.shop.join(name="Ida").at_till.member.member_id
    due.shop.buy(member_id, 1_000_000)
    for at in LADDER[:-1]:
        allow(due, member_id, at)
        pass_time(due, at - AN_HOUR, at)
    assert kinds(due) == ["ladder_missed_you", "ladder_bonus", "ladder_last_bonus"]
    first, second, last = [row["text"] for row in due.letters("ladder")]
    assert first.startswith("Vi savner dig!")
    assert "Hej Ida! Vidste du at du har 300 kr. til gode i bonus?" in second
    assert "udmelde dig d. 2. marts, din bonus på 300 kr. vil også blive slettet." in last
    pass_time(due, ERASED - AN_HOUR)
    assert due.member(member_id) is not None
    pass_time(due, ERASED)
    assert due.member(member_id) is None
    assert due.rows("M#") + due.rows("P#") + due.rows("LINK#") + due.rows("K#") == []
    assert due.hints() + due.cases() == []


def test_nothing_is_said_a_moment_before_its_day_or_at_night(due: DueShop) -> None:
    member_id = due.shop.new_member()
    allow(due, member_id, MISSED)
    pass_time(due, MISSED - AN_HOUR)
    assert due.letters("ladder") == []
    pass_time(due, MISSED + 14 * AN_HOUR)
    assert due.letters("ladder") == []
    pass_time(due, MISSED + A_DAY)
    assert len(due.letters("ladder")) == 1


def test_who_allows_nothing_gets_the_service_notice_only_and_is_shown_why(due: DueShop) -> None:
    member_id = due.shop.new_member()
    due.shop.buy(member_id, 1_000_000)
    pass_time(due, *LADDER[:-1])
    assert kinds(due) == ["last_notice_bonus"]
    text = due.letters("last_notice")[0]["text"]
    assert "Dit er ikke brugt siden 2. marts 2026." in text
    assert "din bonus på 300 kr. d. 2. marts." in text
    assert "fmeld" not in text
    skipped = [each for each in notices(due, member_id) if isinstance(each, RungSkipped)]
    assert [(each.rung.after_months, each.reason) for each in skipped] == [
        (18, SkipReason.NO_PERMISSION),
        (24, SkipReason.NO_PERMISSION),
    ]
    assert [ladder_line(each, "Europe/Copenhagen", "en") for each in notices(due, member_id)] == [
        "Passed over on 2 September 2027, after 18 months away: no permission to advertise by text message.",
        "Passed over on 2 March 2028, after 24 months away: no permission to advertise by text message.",
        "Written to on 31 January 2029, after 35 months away: deleted on 2 March 2029.",
    ]
    pass_time(due, ERASED)
    assert due.member(member_id) is None


def test_who_shares_their_bonus_is_told_of_no_loss(due: DueShop) -> None:
    guest, host = due.shop.new_member(), due.shop.new_member()
    due.shop.buy(host, 1_000_000)
    due.shop.households.join(guest, host, "Ida")
    due.shop.buy(host, 1_000_000)
    pass_time(due, *LADDER[:-1])
    assert kinds(due) == ["last_notice", "last_notice"]


def test_who_came_back_as_another_member_and_is_merged_begins_anew(due: DueShop) -> None:
    """Their last notice went to a number that they had lost."""
    old = due.shop.new_member()
    pass_time(due, *LADDER[:-1])
    back = ERASED - A_DAY
    due.at(back)
    new = due.shop.new_member()
    assert due.shop.merging.merge(new, old, "Ida").member.member_id == old
    pass_time(due, ERASED, ERASED + 90 * A_DAY)
    assert there(due, old).joined_at == JOINED
    assert away_since(due, old) == local_date(back, due.shop.club.time_zone)


@pytest.mark.parametrize("kept", ["first", "second"])
def test_of_two_who_are_one_the_newest_sign_of_life_counts(due: DueShop, kept: str) -> None:
    first = due.shop.new_member()
    due.at(JOINED + 40 * A_DAY)
    second = due.shop.new_member()
    due.at(JOINED + 80 * A_DAY)
    wishes(due).ask(first, AskedBy.MEMBER)
    wishes(due).undo(first, AskedBy.MEMBER)
    winner, loser = (first, second) if kept == "first" else (second, first)
    due.shop.merging.merge(loser, winner, "Ida")
    assert away_since(due, winner) == local_date(JOINED + 80 * A_DAY, due.shop.club.time_zone)


def test_a_purchase_in_between_begins_the_ladder_anew(due: DueShop) -> None:
    member_id = due.shop.new_member()
    pass_time(due, *LADDER[:-1])
    assert kinds(due) == ["last_notice"]
    due.at(WARNED + A_DAY)
    due.shop.buy(member_id)
    pass_time(due, ERASED, ERASED + 17 * 30 * A_DAY)
    assert kinds(due) == ["last_notice"]
    pass_time(due, datetime(2030, 8, 1, 6, tzinfo=UTC))
    absence = there(due, member_id).absence
    assert absence is not None
    assert (absence.since, len(absence.notices)) == (date(2029, 2, 1), 1)


def test_what_a_household_mate_buys_is_no_sign_of_somebody(due: DueShop) -> None:
    guest, host = due.shop.new_member(), due.shop.new_member()
    due.shop.households.join(guest, host, "Ida")
    due.at(BONUS)
    due.shop.buy(host)
    pass_time(due, BONUS, WARNED, ERASED)
    assert due.member(guest) is None
    assert due.member(host) is not None


def test_who_confirms_by_the_link_begins_anew(due: DueShop) -> None:
    member_id = due.shop.new_member()
    pass_time(due, *LADDER[:-1])
    stay = links(due, "last_notice")[LinkAct.STAY]
    due.at(WARNED + 20 * A_DAY)
    assert due.shop.links.look(stay).state is LinkState.WAITING
    due.shop.links.stay(stay)
    due.shop.links.stay(stay)
    assert due.shop.links.look(stay).state is LinkState.DONE
    assert there(due, member_id).details_confirmed_at == WARNED + 20 * A_DAY
    pass_time(due, ERASED, ERASED + 300 * A_DAY)
    assert due.member(member_id) is not None
    assert kinds(due) == ["last_notice"]


def test_the_link_of_the_last_notice_works_as_long_as_there_is_somebody_to_keep(due: DueShop) -> None:
    rungs = (Rung(6, RungText.LAST),)
    policy = replace(due.shop.club.member_policy, ladders=(Ladder(36, rungs),))
    due.shop.club = replace(due.shop.club, member_policy=policy)
    member_id = due.shop.new_member()
    pass_time(due, datetime(2026, 9, 2, 6, tzinfo=UTC))
    due.at(ERASED - A_DAY)
    due.shop.links.stay(links(due, "last_notice")[LinkAct.STAY])
    pass_time(due, ERASED)
    assert due.member(member_id) is not None


def test_who_taps_stop_gets_no_further_rung_and_stays_a_member(due: DueShop) -> None:
    member_id = due.shop.new_member()
    allow(due, member_id, MISSED)
    pass_time(due, MISSED)
    stop = links(due, "ladder_missed_you")[LinkAct.STOP_ADVERTISING]
    due.at(MISSED + 399 * A_DAY)
    assert due.shop.links.look(stop).state is LinkState.WAITING
    due.at(MISSED + A_DAY)
    due.shop.links.stop_advertising(stop, "da", CALLER)
    due.shop.links.stop_advertising(stop, "da", CALLER)
    assert due.shop.links.look(stop).state is LinkState.DONE
    said = due.shop.members.consent_records(member_id)[-1]
    assert (said.withdrawn, said.evidence.method) == ((PermissionKind.SMS,), ConsentMethod.STOP_LINK)
    assert len([each for each in due.shop.members.consent_records(member_id) if each.withdrawn]) == 1
    pass_time(due, BONUS)
    assert kinds(due) == ["ladder_missed_you"]
    assert isinstance(notices(due, member_id)[-1], RungSkipped)
    assert there(due, member_id).erasure is None


def test_a_look_at_either_link_changes_nothing(due: DueShop) -> None:
    member_id = due.shop.new_member()
    allow(due, member_id, WARNED)
    pass_time(due, WARNED)
    found = links(due, "ladder_last")
    before = due.rows(f"M#{due.shop.club.club_id}")
    assert found.keys() == {LinkAct.STAY, LinkAct.STOP_ADVERTISING}
    assert {due.shop.links.look(link).state for link in found.values()} == {LinkState.WAITING}
    assert due.rows(f"M#{due.shop.club.club_id}") == before
    assert member_id in str(before)


def test_who_asked_to_be_deleted_stays_by_no_other_link(due: DueShop) -> None:
    member_id = due.shop.new_member()
    pass_time(due, *LADDER[:-1])
    stay = links(due, "last_notice")[LinkAct.STAY]
    wishes(due).ask(member_id, AskedBy.MEMBER)
    assert due.shop.links.look(stay).state is LinkState.OVER
    with pytest.raises(Refusal, match="link_over"):
        due.shop.links.stay(stay)


@pytest.mark.parametrize(("by", "confirmed_at"), [(AskedBy.MEMBER, JOINED + A_DAY), (AskedBy.STAFF, None)])
def test_a_wish_that_somebody_takes_back_themselves_is_a_sign_of_them(
    due: DueShop, by: AskedBy, confirmed_at: datetime | None
) -> None:
    member_id = due.shop.new_member()
    due.at(JOINED + A_DAY)
    wishes(due).ask(member_id, AskedBy.STAFF)
    wishes(due).undo(member_id, by)
    assert there(due, member_id).details_confirmed_at == confirmed_at


def test_who_was_to_be_deleted_by_mistake_is_told_once_more_before_they_go(due: DueShop) -> None:
    """The day that their last notice named went by meanwhile."""
    member_id = due.shop.new_member()
    pass_time(due, *LADDER[:-1])
    due.at(ERASED - 5 * A_DAY)
    wishes(due).ask(member_id, AskedBy.STAFF)
    due.at(ERASED + 2 * A_DAY)
    wishes(due).undo(member_id, AskedBy.STAFF)
    told_at = ERASED + 2 * A_DAY + 10 * AN_HOUR
    pass_time(due, told_at)
    *earlier, last = notices(due, member_id)
    assert isinstance(last, RungNotice)
    assert last.names == date(2029, 4, 3)
    assert [each.rung.after_months for each in earlier] == [18, 24]
    pass_time(due, told_at + 29 * A_DAY)
    assert due.member(member_id) is not None
    pass_time(due, told_at + 30 * A_DAY)
    assert due.member(member_id) is None


@pytest.mark.parametrize(
    "outcome", [DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.UNKNOWN, None], ids=str
)
def test_nobody_is_erased_whose_last_notice_was_not_surely_sent(due: DueShop, outcome: DeliveryState | None) -> None:
    member_id = due.shop.new_member()
    pass_time(due, MISSED, BONUS)
    pass_time(due, WARNED, outcome=outcome)
    pass_time(due, ERASED + 8 * AN_HOUR)
    told = [each for each in notices(due, member_id) if isinstance(each, RungNotice)]
    perhaps = Arrival.PERHAPS if outcome is DeliveryState.UNKNOWN else Arrival.NOT_SENT
    assert [(each.names, each.arrival) for each in told] == [(END, perhaps), (END + 30 * A_DAY, None)]
    pass_time(due, ERASED + 29 * A_DAY)
    assert due.member(member_id) is not None
    pass_time(due, ERASED + 30 * A_DAY)
    assert due.member(member_id) is None


def test_after_an_outage_the_latest_notice_goes_with_thirty_days_of_its_own(due: DueShop) -> None:
    member_id = due.shop.new_member()
    late = ERASED + 40 * A_DAY + 8 * AN_HOUR
    pass_time(due, late)
    assert kinds(due) == ["last_notice"]
    first, second, told = notices(due, member_id)
    assert isinstance(first, RungSkipped)
    assert isinstance(second, RungSkipped)
    assert isinstance(told, RungNotice)
    assert {first.reason, second.reason} == {SkipReason.OUTAGE}
    assert told.names == date(2029, 5, 11)


def test_another_ladder_makes_everybody_due_once(due: DueShop) -> None:
    members = {due.shop.new_member() for _ in range(3)}
    ladder = Ladder(36, (Rung(6, RungText.MISSED_YOU), Rung(30, RungText.LAST)))
    policy = replace(due.shop.club.member_policy, ladders=(ladder,))
    due.shop.club = replace(due.shop.club, member_policy=policy)
    assert due.hour(JOINED + AN_HOUR).armed == len(members)
    assert due.hour(JOINED + 2 * AN_HOUR).outcomes == Counter({Outcome.REARMED: len(members)})
    assert due.hour(JOINED + 3 * AN_HOUR).armed == 0


def test_a_regular_costs_a_visit_two_writes_and_one_point_one_reads(due: DueShop) -> None:
    members = [due.shop.new_member() for _ in range(10)]
    for member_id in members:
        due.shop.buy(member_id, 100_000)
    now = JOINED + timedelta(days=1000)
    due.at(now - 30 * A_DAY)
    for member_id in members:
        due.shop.buy(member_id, 100_000)
    for hint in due.free_hints():
        due.shop.due.drop(hint)
    due.at(now)
    due.has_come_to(now)
    meter = UnitMeter()
    meter.attach(due.shop.client)
    due.run_job()
    nobody = (meter.written, meter.read)
    for member_id in members:
        due.shop.due.arm(member_id, now)
    meter.reset()
    assert due.run_job().outcomes == {Outcome.REARMED: len(members)}
    assert meter.written - nobody[0] <= 2 * len(members)
    assert meter.read - nobody[1] <= 1.1 * len(members)


def test_a_purchase_writes_no_hint(due: DueShop) -> None:
    member_id = due.shop.new_member()
    before = due.hints()
    due.shop.buy(member_id, 100_000)
    assert due.hints() == before


def test_nobody_is_looked_at_later_than_in_a_quarter(due: DueShop) -> None:
    member_id = due.shop.new_member()
    for _ in range(14):
        (hint,) = due.free_hints()
        now = due.shop.now()
        assert now < hint.instant <= now + HORIZON
        due.jump(hint.instant)
    assert due.shop.now() > JOINED + timedelta(days=700)
    assert isinstance(notices(due, member_id)[0], RungSkipped)


def test_two_hints_of_a_member_meet_at_the_same_day(due: DueShop) -> None:
    member_id = due.shop.new_member()
    due.shop.due.arm(member_id, JOINED + AN_HOUR)
    due.shop.due.arm(member_id, JOINED + 2 * AN_HOUR)
    due.hour(JOINED + 3 * AN_HOUR)
    assert due.are_only_looked_at_again(member_id)


def test_a_link_that_still_leads_somewhere_is_never_forgotten(due: DueShop) -> None:
    member_id = due.shop.new_member()
    allow(due, member_id, MISSED)
    pass_time(due, MISSED)
    (stop,) = there(due, member_id).link_hashes
    member = there(due, member_id)
    for number in range(MOST_LINKS + 2):
        address = replace(member, email=f"ida{number}@example.dk")
        now = MISSED + A_DAY * number
        change = Change(member, address, unproved_email=address.email)
        member = due.shop.admission.write(change, now).member
    assert stop in member.link_hashes
    late = MISSED + 60 * A_DAY
    member = due.shop.admission.write(Change(member, member, unproved_email=member.email), late).member
    assert (stop in member.link_hashes, len(member.link_hashes)) == (True, 2)


def test_a_closed_club_tells_nobody_anything(due: DueShop) -> None:
    member_id = due.shop.new_member()
    allow(due, member_id, MISSED)
    closing = Closing(announced_at=JOINED, last_day=(MISSED - 2 * A_DAY).date())
    due.shop.club = replace(due.shop.club, closing=closing)
    pass_time(due, MISSED)
    assert due.letters("ladder") == []
    assert due.member(member_id) is not None
