"""The operators' tasks for terms, as they are typed, and what members then see."""

from __future__ import annotations

import base64
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from infra.command_line import main
from stamkunde.members.consents import ConsentRecord
from stamkunde.members.signed_forms import LARGEST_PHOTO, photos_of
from stamkunde.members.store import MemberStore
from stamkunde.shared.clock import SystemClock, local_date
from stamkunde.shared.transaction import Busy, ConditionFailed
from tests.functions.conftest import PAGE, OpenClub
from tests.page_browser import PageBrowser

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

JPEG = b"\xff\xd8\xff\xe0 a photo"


@pytest.fixture
def club(shop: OpenClub, monkeypatch: pytest.MonkeyPatch) -> OpenClub:
    """A club whose changes pages and tills know at once."""
    from join_page import handler as join_page
    from member_page import handler as member_page
    from till_api import handler as till_api

    monkeypatch.setattr("stamkunde.clubs.known.KNOWN_FOR_SECONDS", 0)
    for clubs in (join_page.PAGES.clubs, member_page.PAGES.clubs, till_api.TILLS.clubs):
        monkeypatch.setattr(clubs, "_known", {})
    return shop


def form(club: OpenClub, *languages: str, **words: str) -> dict[str, dict[str, str]]:
    """What we suggest, with other words for some Danish points."""
    shown: dict[str, dict[str, str]] = club.operate("terms_form", club_id=club.club.club_id, languages=languages)
    return shown | {"da": shown["da"] | words}


def publish(club: OpenClub, *languages: str, **given: Any) -> dict[str, Any]:
    task = {"form": form(club, *(languages or ("da", "nb", "en")))} | given
    published: dict[str, Any] = club.operate("publish_terms", club_id=club.club.club_id, **task)
    return published


def in_days(days: int) -> str:
    """A day on the club's calendar, which is a day ahead of UTC's before midnight."""
    return (local_date(datetime.now(UTC), "Europe/Copenhagen") + timedelta(days=days)).isoformat()


def card_of(club: OpenClub, number: str | None = None) -> PageBrowser:
    """The browser of a new member, at their card."""
    browser = club.joined(number or club.number())
    browser.get(club.card)
    return browser


def test_the_form_is_printed_edited_published_and_printed_again(club: OpenClub) -> None:
    club_id = club.club.club_id
    edited = form(club, "da", "en", benefits="Du får kaffe.")
    published = club.operate("publish_terms", club_id=club_id, form=edited)
    assert (published["version"], published["languages"], published["rate"]) == (2, ["da", "en"], 300)
    assert (published["asks_again"], published["expiry_months"], published["inactive_months"]) == (False, 36, 36)
    assert club.operate("terms_form", club_id=club_id) == edited
    norwegian = club.operate("terms_form", club_id=club_id, languages=["nb", "da"])
    assert norwegian["da"] == edited["da"]
    assert "aktive" not in norwegian["nb"]["keeping"]
    assert norwegian["nb"]["rights"].startswith("Du kan se, rette")
    again = club.operate("publish_terms", club_id=club_id, form=edited)
    assert again["code"] == "terms_unchanged"


def test_nothing_is_published_while_a_point_is_empty(club: OpenClub) -> None:
    refused = publish(club, form=form(club, "da", deletion=" "))
    assert (refused["code"], refused["pointer"]) == ("terms_point_empty", "/da/deletion")
    assert "Sådan bliver de slettet" in refused["detail"]
    assert len(club.club.terms) == 1


def test_a_lower_rate_is_published_with_the_terms_that_name_it_and_never_without(club: OpenClub) -> None:
    club_id = club.club.club_id
    publish(club, "da")
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    alone = club.operate("publish_programme", club_id=club_id, rate=200, valid_from=soon)
    assert alone["code"] == "rate_not_in_terms"
    published = publish(club, "da", rate=200)
    assert (published["rate"], published["asks_again"], published["valid_from"]) == (200, True, in_days(30))
    newest = club.club.programmes[-1]
    assert newest.rate == 200
    assert newest.valid_from.date() >= (datetime.now(UTC) + timedelta(days=29)).date()
    assert "Du får 2 % i bonus" in club.club.current_terms().text
    assert club.operate("show_terms", club_id=club_id)["terms_differ"] == []


def test_shorter_times_are_published_with_the_terms_that_name_them(club: OpenClub) -> None:
    publish(club, "da")
    seen = club.operate("simulate_keeping", club_id=club.club.club_id, trade="own", months=30)
    published = publish(club, "da", expiry_months=24, forecast=seen["seal"])
    assert (published["expiry_months"], published["inactive_months"], published["asks_again"]) == (24, 30, True)
    assert (club.club.programmes[-1].expiry_months, club.club.member_policy.inactive_months) == (24, 30)
    assert club.operate("show_terms", club_id=club.club.club_id)["inactive_months_today"] == 36
    assert "2 år efter købet" in club.club.current_terms().text


def test_terms_that_promise_less_than_what_holds_by_now_say_so(club: OpenClub) -> None:
    club_id = club.club.club_id
    publish(club, "da")
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    club.operate("publish_programme", club_id=club_id, rate=400, valid_from=soon)
    assert club.operate("show_terms", club_id=club_id)["terms_differ"] == ["bonus"]


def test_what_the_terms_do_not_name_is_told_with_the_policy_and_the_page_that_changed_it(club: OpenClub) -> None:
    about = {"club_id": club.club.club_id}
    # Our own text is no guided form: only a reader can tell what it names.
    assert club.operate("publish_member_policy", **about)["terms_differ"] is None
    publish(club)
    assert club.operate("publish_member_policy", **about)["terms_differ"] == []
    assert club.operate("publish_member_policy", **about, asks_birth_date=True)["terms_differ"] == ["data"]
    policy = club.operate("publish_member_policy", **about, soft_opt_in=True)
    assert (policy["soft_opt_in"], policy["terms_differ"]) == (True, ["data", "marketing"])
    page = club.operate("publish_join_page", **about, **(PAGE | {"contact": "nyt@bagerholm.example"}))
    assert (page["contact"], page["terms_differ"]) == ("nyt@bagerholm.example", ["contact", "data", "marketing"])
    assert club.operate("show_terms", **about)["terms_differ"] == page["terms_differ"]
    publish(club)
    assert club.operate("show_terms", **about)["terms_differ"] == []
    assert club.operate("show_terms", **about, version=2)["terms_differ"] is None


def test_the_command_line_says_that_the_terms_must_be_published_anew(
    club: OpenClub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = SimpleNamespace(aws_endpoint="", functions={"operator_task": "operator_task"})
    monkeypatch.setattr("infra.operator_commands.Stack.load", lambda _: stack)
    monkeypatch.setattr("infra.operator_commands.client", lambda *_: None)
    monkeypatch.setattr("infra.operator_commands.run_task", lambda _, __, task: club.operate(**task))
    publish(club)
    told = []
    for asked in ([], ["--outlet"], ["--no-outlet"]):
        assert main(["club", "policy", club.club.club_id, *asked]) == 0
        told.append(capsys.readouterr().err)
    unchanged, changed, changed_back = told
    assert unchanged == changed_back == ""
    assert changed.startswith("The terms no longer say what the club does (data): publish them anew")
    assert changed.count("\n") == 1


def test_what_is_worse_can_hold_a_month_from_now_at_the_earliest(club: OpenClub) -> None:
    publish(club, "da")
    too_soon = publish(club, form=form(club, "da", benefits="Mindre."), worse=True, valid_from=in_days(28))
    assert (too_soon["code"], too_soon["pointer"]) == ("notice_too_short", "/valid_from")


def test_what_is_new_is_shown_sentence_by_sentence(club: OpenClub) -> None:
    publish(club, "da", "en")
    publish(club, form=form(club, "da", "en", benefits="Du får kaffe."))
    compared = club.operate("compare_terms", club_id=club.club.club_id)
    assert (compared["older"], compared["newer"]) == (2, 3)
    (block,) = compared["changes"]
    assert block["heading"] == "Hvad du får som medlem"
    assert block["sentences"][-1] == "+ Du får kaffe."
    assert all(sentence.startswith("- ") for sentence in block["sentences"][:-1])
    english = club.operate("compare_terms", club_id=club.club.club_id, older=2, newer=3, language="en")
    assert english["changes"] == []
    unknown = club.operate("compare_terms", club_id=club.club.club_id, older=9)
    assert (unknown["code"], unknown["pointer"]) == ("unknown_terms_version", "/older")


def test_members_are_counted_by_the_version_they_accepted(club: OpenClub) -> None:
    card_of(club)
    club.till.join(accepts=False)
    publish(club)
    for _ in range(2):
        card_of(club)
    counted = club.operate("terms_members", club_id=club.club.club_id)
    assert counted == {
        "versions": [{"version": 1, "members": 1}, {"version": 2, "members": 2}],
        "not_accepted": 1,
    }


def test_the_terms_are_read_in_the_readers_language_and_kept_as_read(club: OpenClub) -> None:
    publish(club, "da", "en")
    seen = club.browser().get(f"/{club.club.slug}/terms?lang=en")
    assert "You get 3% bonus on what you buy." in seen.text
    assert "General Data Protection Regulation" in seen.text
    number = club.number()
    browser = club.browser()
    browser.get(f"{club.join}?lang=en")
    browser.send(club.join, phone=number, terms="yes")
    browser.send(f"{club.join}/code", code=club.code())
    (record,) = records(club, number)
    assert record.terms is not None
    terms = club.club.current_terms()
    assert record.terms.text_hash == terms.text_hash_in("en") != terms.text_hash


def test_a_worse_version_asks_again_on_the_card_and_accepting_it_ends_the_question(club: OpenClub) -> None:
    publish(club)
    number = club.number()
    browser = card_of(club, number)
    publish(club, form=form(club, "da", "nb", "en", benefits="Kun kaffe."), worse=True)
    seen = browser.get(club.card)
    assert "Betingelserne er ændret" in seen.text
    assert "Kun kaffe." in seen.text
    changed = browser.get(f"/{club.club.slug}/terms/changes?since=2")
    assert "Kun kaffe." in changed.text
    browser.get(club.card)
    browser.send(f"{club.card}/terms")
    assert "Betingelserne er ændret" not in browser.seen.text
    assert [each.terms and each.terms.version for each in records(club, number)] == [2, 3]


def test_a_version_that_is_not_worse_asks_nobody_again(club: OpenClub) -> None:
    publish(club)
    browser = card_of(club)
    publish(club, form=form(club, "da", "nb", "en", benefits="Du får også kage."))
    assert "Betingelserne er ændret" not in browser.get(club.card).text


def test_what_is_new_can_be_read_by_everybody_who_has_the_link(club: OpenClub) -> None:
    page = f"/{club.club.slug}/terms/changes"
    assert "Intet er ændret" in club.browser().get(page).text
    publish(club, "da", "en")
    publish(club, form=form(club, "da", "en", benefits="Du får kaffe."), valid_from=in_days(3))
    seen = club.browser().get(page)
    assert seen.heading == "Det er nyt i betingelserne"
    assert "Du får kaffe." in seen.text
    assert "Hvor du kan klage" not in seen.text
    for strange in ("?since=99", "?since=0", "?since=x", "?since=3"):
        assert "Intet er ændret" in club.browser().get(page + strange).text or strange == "?since=x"


def test_the_form_for_the_counter_has_terms_boxes_and_code_and_names_nobody(club: OpenClub) -> None:
    publish(club, "da", "en")
    browser = card_of(club)
    seen = browser.get(f"/{club.club.slug}/sign-up-form")
    shown = club.operate("show_terms", club_id=club.club.club_id)
    assert shown["form_code"] in seen.text
    assert "Mette" not in seen.text
    for words in ("Mobilnummer", "Underskrift", "Du får 3 % i bonus", "Ja tak, Bager Holm må sende mig tilbud"):
        assert words in seen.text
    assert "Fødselsdato" not in seen.text
    english = browser.get(f"/{club.club.slug}/sign-up-form?lang=en")
    assert "-2-EN-" in english.text
    assert "I have read the terms of the customer club at Bager Holm and accept them." in english.text


def test_the_form_of_older_terms_says_what_the_law_asks_for_beside_them(club: OpenClub) -> None:
    seen = club.browser().get(f"/{club.club.slug}/sign-up-form")
    assert "Alt om dine oplysninger" in seen.text


@pytest.fixture
def bucket(tables: DynamoDBClient) -> Any:
    """Where the photos lie."""
    from operator_task.handler import SETTINGS
    from stamkunde.evidence_bootstrap import evidence_store

    store = evidence_store(SETTINGS)
    where = {"LocationConstraint": SETTINGS.region}
    client: Any = store.client
    with suppress(client.exceptions.BucketAlreadyOwnedByYou):
        client.create_bucket(Bucket=store.bucket, CreateBucketConfiguration=where)
    return store


def records(club: OpenClub, number: str) -> list[ConsentRecord]:
    members = MemberStore(club.client, "members", club.club.club_id, club.club.address_key, SystemClock())
    member = members.find_by_phone(f"+45{number}", consistent=True)
    assert member is not None
    return members.consent_records(member.member_id)


def attach(club: OpenClub, member_id: str, photo: bytes = JPEG, **given: Any) -> dict[str, Any]:
    code = club.operate("show_terms", club_id=club.club.club_id, version=1)["form_code"]
    task = {"member_id": member_id, "form_code": code, "photo": base64.b64encode(photo).decode(), "by": "Ida"}
    attached: dict[str, Any] = club.operate("attach_signed_form", club_id=club.club.club_id, **(task | given))
    return attached


def test_the_photo_of_a_signed_form_is_kept_with_its_record_once(club: OpenClub, bucket: Any) -> None:
    number = club.number()
    member_id = club.till.join(phone=f"+45{number}").body["member_id"]
    (before,) = records(club, number)
    attached = attach(club, member_id)
    (record,) = records(club, number)
    assert record.attachment is not None
    assert record.attachment == attached["file"]
    assert record.attachment.startswith(photos_of(club.club.club_id, member_id))
    assert member_id not in record.attachment
    assert record.attachment.endswith(".jpg")
    assert (record.record_id, record.evidence, record.terms) == (before.record_id, before.evidence, before.terms)
    kept = bucket.client.get_object(Bucket=bucket.bucket, Key=record.attachment)
    assert (kept["Body"].read(), kept["ContentType"]) == (JPEG, "image/jpeg")
    assert attach(club, member_id, b"%PDF-1.7")["code"] == "no_signed_form"
    assert records(club, number) == [record]


def test_a_photo_whose_record_is_not_written_does_not_stay(
    club: OpenClub, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    member_id = club.till.join(phone=f"+45{club.number()}").body["member_id"]
    theirs = photos_of(club.club.club_id, member_id)

    def kept() -> list[str]:
        found = bucket.client.list_objects_v2(Bucket=bucket.bucket, Prefix=theirs)
        return [each["Key"] for each in found.get("Contents", ())]

    with monkeypatch.context() as patch:
        patch.setattr("stamkunde.members.access_store.AccessStore.commit", failing(ConditionFailed({})))
        patch.setattr("stamkunde.shared.patience.Patience.until_done", lambda _, act: act())
        with pytest.raises(Busy):
            attach(club, member_id)
        assert kept() == []
        patch.setattr("stamkunde.members.access_store.AccessStore.commit", failing(MemoryError()))
        with pytest.raises(MemoryError):
            attach(club, member_id)
    (left,) = kept()
    attached = attach(club, member_id, b"%PDF-1.7")
    assert left != attached["file"]
    assert kept() == [attached["file"]]


def failing(error: Exception) -> Any:
    def fail(*_: Any) -> None:
        raise error

    return fail


def test_the_photo_of_a_form_goes_with_the_record_of_the_language_that_was_signed(
    club: OpenClub, bucket: Any
) -> None:
    publish(club, "da", "en")
    about = {"club_id": club.club.club_id, "version": 2}
    codes = {each: club.operate("show_terms", language=each, **about)["form_code"] for each in ("da", "en")}
    signed = {"terms_version": 2, "method": "signed_form", "accepted_at": datetime.now(UTC).isoformat()}
    for language, other in (("en", "da"), ("da", "en")):
        number = club.number()
        acceptance = signed | ({"language": "en"} if language == "en" else {})
        member_id = club.till.join(f"+45{number}", accepts=False, terms_acceptance=acceptance).body["member_id"]
        (record,) = records(club, number)
        assert record.terms is not None
        assert record.evidence.language == language
        assert record.terms.text_hash == club.club.current_terms().text_hash_in(language)
        assert attach(club, member_id, form_code=codes[other])["code"] == "no_signed_form"
        assert attach(club, member_id, form_code=codes[language])["record_id"] == record.record_id


@pytest.mark.parametrize(
    "photo", [b"", b"GIF89a", b"<svg>", b"\xff\xd8\xff" + bytes(LARGEST_PHOTO)], ids=["none", "gif", "svg", "large"]
)
def test_only_photos_and_documents_of_four_megabytes_are_kept(club: OpenClub, photo: bytes) -> None:
    refused = attach(club, club.till.join().body["member_id"], photo)
    assert (refused["code"], refused["pointer"]) == ("photo_unusable", "/photo")


def test_a_photo_needs_a_signature_that_a_till_told_of(club: OpenClub) -> None:
    number = club.number()
    club.joined(number)
    (record,) = records(club, number)
    members = MemberStore(club.client, "members", club.club.club_id, club.club.address_key, SystemClock())
    on_page = members.find_by_phone(f"+45{number}")
    assert on_page is not None
    assert attach(club, on_page.member_id)["code"] == "no_signed_form"
    assert attach(club, "m0000000000000000")["code"] == "unknown_member"
    assert attach(club, on_page.member_id, form_code="X-1-DA-0000")["code"] == "form_code_unknown"
    assert attach(club, on_page.member_id, photo=b"", form_code="X")["code"] == "form_code_unknown"
    assert record.attachment is None


def test_what_is_no_base64_is_refused(club: OpenClub) -> None:
    code = club.operate("show_terms", club_id=club.club.club_id)["form_code"]
    task = {"member_id": "m0000000000000000", "form_code": code, "photo": "å", "by": "Ida"}
    refused = club.operate("attach_signed_form", club_id=club.club.club_id, **task)
    assert (refused["code"], refused["pointer"]) == ("invalid_field", "/photo")
