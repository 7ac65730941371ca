"""What the functions really write is what docs/data.md says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stamkunde.campaigns.model.campaign import CampaignStatus
from stamkunde.clubs.closing import ClosingClub
from stamkunde.clubs.store import ClubStore
from stamkunde.erasure.model import Cause, Receipt
from stamkunde.erasure_bootstrap import erasure
from stamkunde.gateways.handover import AnswerLost
from stamkunde.ledger.store import LedgerStore, guest_account
from stamkunde.members.birthdays import BirthdayNotes
from stamkunde.members.codes import CodePurpose, one_time_code
from stamkunde.members.consents import Caller, ConsentMethod, ConsentRecord, Evidence, PermissionKind, new_record_id
from stamkunde.members.joining import JoinForm
from stamkunde.members.lapsing import LapsingNote, LapsingNotes
from stamkunde.members.stops import Stops
from stamkunde.members.store import MemberStore
from stamkunde.messaging.suppression import Report, Suppressions, Trouble
from stamkunde.settings import Settings
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import SystemClock
from stamkunde.shared.ids import new_id
from stamkunde.shared.item import to_wire
from stamkunde.shared.transaction import commit
from tests.architecture.test_data_page import ENTITIES, describing
from tests.campaign_shop import CampaignShop, member
from tests.erasing_shop import KeptTombstones, Photos
from tests.factories import everything_shown
from tests.function_fixtures import CONTEXT, new_till
from tests.functions.test_messages import wake_up
from tests.ledger_checks import rows, rows_of
from tests.sending_scene import SendingScene
from tests.tables import TABLES
from tests.till_client import TillClient

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def stream_records(tables: DynamoDBClient, club_ids: Sequence[str], kind: str = "INSERT") -> dict[str, Any]:
    """Some clubs' ledger entries as their stream would tell them."""
    entries = [row for row in rows_of(tables, "ledger", club_ids) if row["sk"].startswith("ENTRY#")]
    images = [to_wire(entry) for entry in entries]
    image = "OldImage" if kind == "REMOVE" else "NewImage"
    return {"Records": [{"eventName": kind, "dynamodb": {image: each}} for each in images]}


def join_on_the_page(till: TillClient, operate: Any, phone: str) -> None:
    """What the join page writes when somebody accepts everything there is."""
    from join_page.handler import PAGES

    page = {"company": "Bager Holm ApS", "registration_number": "12345678", "contact": "hej@bagerholm.example"}
    operate("publish_join_page", club_id=till.club["club_id"], goods="brød", accent="#8a4b1f", **page)
    club = PAGES.club_named(till.club["slug"])
    joining, caller = PAGES.joining(club), Caller("192.0.2.7", "Mozilla/5.0 (Android 14)")
    wish = joining.check(
        JoinForm(phone, "Mette", "mette@holm.dk", True, frozenset(PermissionKind), everything_shown(club))
    )
    asked = joining.ask_code(wish, caller)
    code = one_time_code(club.signing_keys, asked, CodePurpose.JOIN, wish.phone)
    assert joining.join(wish, asked, code, caller).device_token is not None


def brought_along(till: TillClient, operate: Any) -> None:
    """Somebody who came in a file, for the newsletter only."""
    row = f"20123499;newsletter;{datetime.now(UTC).isoformat()};web_form;192.0.2.7;Ja tak til sms'er"
    file = f"phone;wish;sms_given_at;sms_method;sms_from;sms_wording\n{row}\n"
    brought = operate("import_members", club_id=till.club["club_id"], csv=file, by="Mette", write=True)
    assert brought["counts"]["newsletter"] == 1


def a_permission_about_to_lapse(till: TillClient, tables: DynamoDBClient, operate: Any) -> None:
    """What a club chose to ask, and what the hourly job notes before somebody's yes lapses and on their birthday."""
    club_id = till.club["club_id"]
    assert "code" not in operate("publish_member_policy", club_id=club_id, asks_birth_date=True)
    note = LapsingNote("m0000000000000001", PermissionKind.SMS, date(2150, 1, 31))
    commit(tables, [LapsingNotes(tables, "members", club_id).write(note)])
    BirthdayNotes(tables, "members", club_id).note("m0000000000000001", date(2150, 1, 31))


def a_stop_that_outlives_its_member(till: TillClient, tables: DynamoDBClient) -> None:
    """What is kept of somebody who said stop and gave up their number since."""
    from join_page.handler import PAGES

    club, now = PAGES.club_named(till.club["slug"]), datetime.now(UTC)
    member = MemberStore(tables, "members", club.club_id, club.address_key, SystemClock()).find_by_phone(
        "+4520123456"
    )
    assert member is not None
    said = Evidence(ConsentMethod.COUNTER_SCREEN, given_at=now, recorded_at=now, language="da")
    record = ConsentRecord(new_record_id(now), said, withdrawn=(PermissionKind.SMS,))
    commit(
        tables, Stops(tables, "members", club.club_id, club.address_key).writes(member, [record], club.time_zone, now)
    )


def a_ledger_to_tend(tables: DynamoDBClient, operate: Any) -> None:
    """A club whose month is over, with an account that isn't what its entries say, and a receipt of a guest's."""
    till = new_till(operate, clock_offset_seconds=0)
    till.buy(till.join(accepts=False).body["member_id"])
    # To an hour at which the club may write: at night nobody would be due.
    noon = (datetime.now(UTC) + timedelta(days=40)).replace(hour=11)
    offset = noon - datetime.now(UTC)
    operate("move_clock", club_id=till.club["club_id"], clock_offset_seconds=int(offset.total_seconds()))
    store = LedgerStore(tables, "ledger", till.club["club_id"])
    account_id = next(store.account_ids())
    entry = next(store.every_entry(account_id))
    store.commit(store.guest_writes(replace(entry, account_id=guest_account(new_id("p")).account_id, member_id=None)))
    account = store.load_account(account_id, consistent=True)
    assert account is not None
    store.commit([store.account_write(account, replace(account, lots={}, revision=account.revision + 1))])


def coupons_in_use(operate: Any) -> None:
    """A club with a coupon for members that staff have given away, and codes for a poster."""
    till = new_till(operate, clock_offset_seconds=0)
    club_id = till.club["club_id"]
    coupon = {
        "name": "Kaffe",
        "benefit": "amount_off",
        "value": 500,
        "valid_until": "2150-01-01T00:00:00",
        "total": 9,
    }
    coupon["valid_from"] = "2149-01-01T00:00:00"
    for given in (
        {"coupon_id": "kaffe", "audience": "voucher", "surprise_limit": 1},
        {"coupon_id": "plakat", "audience": "code"},
    ):
        operate("publish_coupon", club_id=club_id, coupon=coupon | given)
    operate("make_coupon_codes", club_id=club_id, coupon_id="plakat", count=1)
    given = {"coupon_id": "kaffe", "reason": "thanks", "staff": "Ida"}
    member_id = till.join().body["member_id"]
    assert till.send("POST", f"/v1/members/{member_id}/vouchers", given, idempotency_key="key-1").status == 201


def corrected_and_merged(operate: Any) -> None:
    """A club with a correction that waits for a second person, and one person who was two members."""
    till = new_till(operate)
    one, other = (till.join(phone).body["member_id"] for phone in ("20123456", "26123456"))
    about = {"club_id": till.club["club_id"], "member_id": one, "by": "Mette"}
    wish = {"reason": "goodwill", "note": "Ventede længe", "key": "k1"}
    assert operate("correct_member", **about, **wish, bonus=20_001)["state"] == "open"
    assert operate("correct_member", **about, **wish | {"key": "k2"}, bonus=500)["amount"] == 500
    assert operate("merge_members", **about, winner_id=other)["member_id"] == other


def somebody_forgotten(till: TillClient, tables: DynamoDBClient) -> None:
    """Somebody who bought something, and of whom only sums are left."""
    member_id = till.join(accepts=True, phone="20555666").body["member_id"]
    till.buy(member_id, 10_000)
    settings = Settings.from_environment(
        {"AWS_REGION": "eu-north-1", **{f"{each.upper()}_TABLE": each for each in TABLES}}
    )
    club = ClubStore(tables, "clubs", till.club["club_id"]).load()
    assert club is not None
    erasing = erasure(settings, tables, club, SystemClock())
    kept: Any = KeptTombstones()
    photos: Any = Photos()
    stores = replace(erasing.stores, evidence=lambda: photos, tombstones=lambda: kept)
    assert replace(erasing, stores=stores).erase_now(member_id)
    begun = Receipt("k0123456789abcdef", Cause.INACTIVE, None, date(2150, 1, 31))
    commit(tables, [stores.receipts.begin_write(date(2150, 1, 31), begun)])


def a_segment(till: TillClient, operate: Any) -> None:
    """A saved rule that chooses members."""
    wish = {"segment_id": "alle", "name": "Alle", "criteria": {"is": "all"}, "by": "Mette"}
    assert operate("save_segment", club_id=till.club["club_id"], **wish)["counted"]["chosen"]


def a_campaign_begun(operate: Any, tables: DynamoDBClient) -> None:
    """A club whose owner has set a ceiling and sending hours, with a plan and a campaign that is being sent."""
    club_id = new_till(operate).club["club_id"]
    operate("set_ceiling", club_id=club_id, limit=50_000, approved_by="Holm", by="Mette")
    hours = {"workdays": ["06:00", "21:00"], "sundays_and_holidays": ["10:00", "20:00"]}
    operate("set_sending_hours", club_id=club_id, **hours, by="Mette")
    friday = {"year": 2099, "opens": "06:30", "closes": "21:00", "offer": "20 % på alle kager"}
    assert operate("propose_black_friday", club_id=club_id, black_friday=friday, by="Mette")["state"] == "proposed"
    shop = CampaignShop(tables, club_id=club_id)
    shop.keep([member("m0000000000000001")])
    assert shop.begin(shop.scheduled()).status is CampaignStatus.SENDING
    assert shop.ceilings.put_aside(48, shop.clock.now())


def clubs_that_close(tables: DynamoDBClient, operate: Any) -> str:
    """One that has said when, in words of its own too, and one that is gone: its id."""
    stays, goes = (new_till(operate, clock_offset_seconds=0).club for _ in range(2))
    edited = operate("edit_message_text", club_id=stays["club_id"], kind="ladder_bonus", words="one_part")
    assert "code" not in edited, edited
    for club in (stays, goes):
        last_day = (datetime.now(UTC) + timedelta(days=32)).date().isoformat()
        assert operate("close_club", club_id=club["club_id"], last_day=last_day, by="Mette")["last_day"] == last_day
    over = datetime.now(UTC) + timedelta(days=34)
    gone = ClubStore(tables, "clubs", goes["club_id"]).load()
    assert gone is not None
    closing = ClosingClub(tables, "clubs", gone)
    closing.end(closing.begin(over, {}), over)
    return gone.club_id


def a_campaign_sent(till: TillClient, tables: DynamoDBClient) -> None:
    """What the worker writes of two messages, of one of which nobody knows whether it arrived."""
    club = ClubStore(tables, "clubs", till.club["club_id"]).load()
    assert club is not None
    scene = SendingScene(client=tables, club=club)
    scene.gateway.mood = lambda letter: (AnswerLost("answer_lost") if letter.recipient.endswith("1") else None, True)
    campaign = scene.begin(scene.add_members(2))
    free_the_gateway(tables)
    scene.work_off()
    assert (scene.tally(campaign).sent, scene.tally(campaign).unknown) == (1, 1)


def free_the_gateway(tables: DynamoDBClient) -> None:
    """All clubs share its pace, and tests by another clock have been here."""
    for channel in Channel:
        key: Any = {"pk": {"S": f"RATE#gateway#{channel.value}"}, "sk": {"S": "RATE"}}
        tables.delete_item(TableName="messages", Key=key)


def an_address_in_trouble(till: TillClient, tables: DynamoDBClient) -> None:
    """A report that nothing arrives at an address."""
    club = ClubStore(tables, "clubs", till.club["club_id"]).load()
    assert club is not None
    told = Report(Trouble.BOUNCED, datetime.now(UTC), "ses-1")
    Suppressions(tables, "members", club.club_id, club.address_key).note(Channel.EMAIL, "mette@example.com", told)


def test_every_row_of_every_table_is_described(
    clubs_of_this_test: Callable[[], list[str]], till: TillClient, tables: DynamoDBClient, operate: Any
) -> None:
    from due_job.handler import lambda_handler as visit

    from day_totals_job.handler import lambda_handler as recompute
    from facts_rebuild_job.handler import lambda_handler as make_facts
    from ledger_stream.handler import lambda_handler as note
    from message_worker.handler import lambda_handler as send
    from proof_job.handler import lambda_handler as prove

    till.buy(till.join(accepts=True, phone="20123456").body["member_id"])
    till.buy(till.join(accepts=False, phone="26123456").body["member_id"])
    till.join(accepts=True, phone="26123456")
    refund = {"refund_number": "R1", "refunded_at": datetime.now(UTC).isoformat()}
    unsold = {"receipt_number": "unsold", "bought_at": refund["refunded_at"]}
    assert till.send("POST", "/v1/refunds", {"purchase": unsold, **refund}).status == 202
    join_on_the_page(till, operate, "31123456")
    form = operate("terms_form", club_id=till.club["club_id"])
    assert operate("publish_terms", club_id=till.club["club_id"], form=form)["version"] == 2
    brought_along(till, operate)
    a_permission_about_to_lapse(till, tables, operate)
    a_stop_that_outlives_its_member(till, tables)
    a_ledger_to_tend(tables, operate)
    coupons_in_use(operate)
    corrected_and_merged(operate)
    somebody_forgotten(till, tables)
    gone = clubs_that_close(tables, operate)
    clubs = [*clubs_of_this_test(), gone]
    note(stream_records(tables, clubs), CONTEXT)  # type: ignore[arg-type]
    assert make_facts({}, CONTEXT)["members"]  # type: ignore[arg-type]
    a_segment(till, operate)
    a_campaign_begun(operate, tables)
    a_campaign_sent(till, tables)
    an_address_in_trouble(till, tables)
    clubs = [*clubs_of_this_test(), gone]
    message = operate("send_test_message", club_id=till.club["club_id"], phone="20123456")
    assert message["state"] == "pending"
    # There is no state machine here: the cases wait to be started again.
    assert visit({}, CONTEXT)["broken"]  # type: ignore[arg-type]
    marked = {table: rows_of(tables, table, clubs) for table in TABLES}
    # Of no club alone: how fast a gateway takes messages from all of them.
    marked["messages"] += [row for row in rows(tables, "messages") if row["sk"] == "RATE"]
    for row in marked["messages"]:
        if row["pk"].startswith("OUTBOX#"):
            send(wake_up({"pk": row["pk"], "sk": row["sk"]}), CONTEXT)  # type: ignore[arg-type]
    recompute({}, CONTEXT)  # type: ignore[arg-type]
    prove({}, CONTEXT)  # type: ignore[arg-type]
    seen = set()
    for table in TABLES:
        for row in (*marked[table], *rows_of(tables, table, clubs)):
            found = describing(table, row)
            assert found, (table, row["pk"], row["sk"])
            seen.add(found[0]["entity"])
    assert seen == {entity["entity"] for entity in ENTITIES}
