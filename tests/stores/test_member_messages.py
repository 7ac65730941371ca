"""What members are written to by itself, from the row to the phone: codes, links, e-mail."""

from __future__ import annotations

import json
import re
from copy import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from stamkunde.clubs.model import TermsVersion
from stamkunde.gateways.handover import NotAccepted
from stamkunde.members.codes import is_right_code, purpose_of
from stamkunde.messaging.member_messages import MemberMessages
from stamkunde.messaging.model import CODE_MARGIN, KINDS, DeliveryState, MessageKind, Timing
from stamkunde.messaging.outbox import CODE_PLACE, Message
from stamkunde.messaging.parts import BodyFault, Encoding, count_parts
from stamkunde.messaging.store import outbox_key
from stamkunde.messaging.written import written_day
from stamkunde.shared.item import to_wire
from stamkunde.shared.language import LANGUAGES
from stamkunde.shared.one_time_code import CODE_LASTS
from stamkunde.shared.signing import SigningKey
from tests.factories import make_club
from tests.gateways.network import Mood
from tests.ledger_checks import rows
from tests.post_office import DOMAINS, EMAIL, PHONE, PostOffice

A_DAY = (MessageKind.WELCOME, MessageKind.TILL_JOIN, MessageKind.CONFIRM_EMAIL)
BY_ITSELF = (MessageKind.CODE, *A_DAY)
SENT_WITHIN = CODE_LASTS - CODE_MARGIN


def sent_code(office: PostOffice) -> str:
    """The code that stands twice in the last message: to read, and for the phone to fill in."""
    words = office.network.calls[-1].text
    (last_line,) = re.findall(rf"^@{DOMAINS.pages} #(\d{{6}})$", words, re.MULTILINE)
    assert words.count(last_line) == 2
    return str(last_line)


def is_right(office: PostOffice, message: Message, code: str) -> bool:
    challenge = message.challenge
    assert challenge is not None
    return is_right_code(office.club.signing_keys, challenge, purpose_of(challenge), PHONE, code)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_is_worked_out_when_it_is_sent_and_stands_nowhere_before_or_after(
    office: PostOffice, language: str
) -> None:
    message = office.compose(MessageKind.CODE, language)
    office.store.commit(office.members.writes(message))
    office.members.wake(message)
    written, queued = json.dumps(rows(office.client, "messages"), ensure_ascii=False), office.woken()
    sent = office.work(message)
    assert sent is not None
    assert sent.state is DeliveryState.SENT
    code = sent_code(office)
    assert is_right(office, message, code)
    assert CODE_PLACE in written
    for told in (written, *queued, json.dumps(rows(office.client, "messages"))):
        assert code not in told
    assert CODE_PLACE not in office.network.calls[0].text


def test_a_code_costs_what_is_counted_although_it_is_not_there_yet(office: PostOffice) -> None:
    message = office.write(MessageKind.CODE)
    count = message.count()
    sent = office.work(message)
    assert sent is not None
    assert count == count_parts(office.network.calls[0].text)
    assert (sent.parts, sent.encoding) == (1, Encoding.GSM_7)


def test_a_new_signing_key_breaks_no_code_on_its_way(office: PostOffice) -> None:
    message = office.write(MessageKind.CODE)
    office.work(message)
    old = sent_code(office)
    newer = SigningKey(office.club.signing_keys[0].key_id + 1, b"n" * 32)
    office.club = replace(office.club, signing_keys=(newer, *office.club.signing_keys)[:2])
    assert is_right(office, message, old)
    again = office.write(MessageKind.CODE)
    office.work(again)
    assert is_right(office, again, sent_code(office))


def test_a_code_with_a_sign_in_the_clubs_name_comes_out_twice_and_no_more(office: PostOffice) -> None:
    office.club = make_club(name=f"Bager {CODE_PLACE}Holm", club_id=office.club.club_id)
    office.work(office.write(MessageKind.CODE))
    assert sent_code(office)


@pytest.mark.parametrize("found_by", ["worker", "job"])
def test_a_code_that_is_too_late_expires_and_is_not_sent(office: PostOffice, found_by: str) -> None:
    message = office.write(MessageKind.CODE)
    office.wait(seconds=SENT_WITHIN.total_seconds())
    if found_by == "worker":
        assert office.work(message) is not None
    else:
        tended = office.tend()
        assert (tended.waiting, [each.message_id for each in tended.given_up]) == (0, [message.message_id])
    assert (office.state(message), office.reason(message)) == (DeliveryState.EXPIRED, "too_late")
    assert office.handed_over() == 0
    assert office.is_only_its_outcome_left()
    assert PHONE not in json.dumps(rows(office.client, "messages"))


def test_a_code_is_sent_as_long_as_two_minutes_are_left_to_type_it(office: PostOffice) -> None:
    assert timedelta(minutes=8) == SENT_WITHIN
    message = office.write(MessageKind.CODE)
    office.wait(seconds=SENT_WITHIN.total_seconds() - 0.001)
    office.work(message)
    assert office.state(message) is DeliveryState.SENT


def test_a_code_that_the_gateway_would_not_take_in_time_expires(office: PostOffice) -> None:
    office.in_a_mood(Mood.THROTTLES)
    message = office.write(MessageKind.CODE)
    with pytest.raises(NotAccepted):
        office.work(message)
    office.in_a_mood(Mood.ACCEPTS)
    office.wait(minutes=8)
    office.work(message)
    assert (office.state(message), len(office.network.perhaps_taken())) == (DeliveryState.EXPIRED, 0)


@pytest.mark.parametrize("kind", A_DAY)
def test_other_messages_are_worth_sending_for_a_day(office: PostOffice, kind: MessageKind) -> None:
    message = office.write(kind)
    office.wait(hours=23, minutes=59)
    office.work(message)
    assert office.state(message) is DeliveryState.SENT


@pytest.mark.parametrize("kind", A_DAY)
def test_whom_a_message_was_for_is_forgotten_after_a_day_at_the_latest(office: PostOffice, kind: MessageKind) -> None:
    message = office.write(kind)
    office.wait(days=1)
    assert [each.message_id for each in office.tend().given_up] == [message.message_id]
    assert (office.state(message), office.reason(message)) == (DeliveryState.EXPIRED, "too_late")
    assert (office.handed_over(), office.is_only_its_outcome_left()) == (0, True)
    assert message.recipient not in json.dumps(rows(office.client, "messages"))


def test_a_row_that_says_no_end_has_that_of_its_kind(office: PostOffice) -> None:
    message = office.compose(MessageKind.WELCOME)
    row = dict(office.store.outbox_write(message).item)
    assert row.pop("send_before")
    office.client.put_item(TableName="messages", Item=to_wire(row))
    assert office.outbox.load(outbox_key(message)) == message


def test_a_code_of_a_club_that_is_gone_fails_and_is_not_sent(office: PostOffice) -> None:
    message = office.write(MessageKind.CODE)
    office.club = make_club()
    assert office.work(message) is not None
    office.club = replace(office.club, club_id=message.club_id)
    assert (office.state(message), office.reason(message)) == (DeliveryState.FAILED, "club_gone")
    assert (office.handed_over(), office.is_only_its_outcome_left()) == (0, True)


def test_what_breaks_before_the_claim_leaves_the_message_to_the_next_worker(office: PostOffice) -> None:
    message = office.write(MessageKind.CODE)

    def no_table(_: Message) -> str:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        replace(office.worker, code_of=no_table).send(outbox_key(message))
    assert office.outbox.load(outbox_key(message)) == message
    office.work(message)
    assert office.state(message) is DeliveryState.SENT


def morning_message(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> Message:
    """A message that a timer set off at midnight; on Sundays it may arrive from ten."""
    timed = replace(KINDS[MessageKind.WELCOME], timing=Timing.TIMED)
    monkeypatch.setitem(KINDS, MessageKind.WELCOME, timed)
    office.now = office.now.replace(hour=23)
    message = office.write(MessageKind.WELCOME)
    assert message.due_at == office.now + timedelta(hours=10)
    assert len(office.woken()) == 1
    return message


def test_nothing_is_sent_before_it_is_due(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    message = morning_message(office, monkeypatch)
    assert office.work(message) is None
    office.wait(hours=10, seconds=-1)
    assert office.work(message) is None
    assert (office.tend().waiting, office.woken(), office.handed_over()) == (0, [], 0)
    office.wait(seconds=1)
    office.work(message)
    assert office.state(message) is DeliveryState.SENT


def test_what_comes_due_is_woken_each_minute_and_waits_too_long_only_after_two(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = morning_message(office, monkeypatch)
    office.wait(hours=10)
    waiting, wake_ups = [], []
    for _ in range(3):
        office.wait(seconds=50)
        waiting.append(office.tend().waiting)
        wake_ups += office.woken()
    assert waiting == [0, 0, 1]
    assert list(map(json.loads, wake_ups)) == [outbox_key(message)] * 3
    office.work(message)
    assert office.state(message) is DeliveryState.SENT


def evening_message(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> Message:
    """A message that a timer set off on Saturday at 20.30, which the gateway doesn't take before it is nine."""
    monkeypatch.setitem(KINDS, MessageKind.WELCOME, replace(KINDS[MessageKind.WELCOME], timing=Timing.TIMED))
    office.now = office.now.replace(hour=19, minute=30)
    message = office.write(MessageKind.WELCOME)
    assert message.due_at == office.now
    assert len(office.woken()) == 1
    office.in_a_mood(Mood.THROTTLES)
    with pytest.raises(NotAccepted):
        office.work(message)
    office.in_a_mood(Mood.ACCEPTS)
    return message


def test_what_waits_past_closing_time_is_not_sent_at_night_and_goes_when_the_club_opens(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    message, handed_over = evening_message(office, monkeypatch), office.handed_over()
    for at in (office.now.replace(hour=20, minute=0), office.now.replace(day=22, hour=8, minute=59)):
        office.now = at
        assert office.work(message) is None
        assert (office.tend().waiting, office.woken(), office.handed_over()) == (0, [], handed_over)
    office.wait(minutes=1, seconds=1)
    assert (office.tend().waiting, len(office.woken())) == (0, 1)
    office.wait(minutes=2)
    assert office.tend().waiting == 1
    office.work(message)
    assert office.state(message) is DeliveryState.SENT


def test_nothing_that_keeps_quiet_hours_waits_through_two_nights(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = evening_message(office, monkeypatch)
    # On a Sunday it is over at eight, half an hour before a day has passed.
    assert message.send_before == office.now.replace(day=22, hour=19, minute=0)
    office.now = message.send_before
    office.tend()
    assert office.state(message) is DeliveryState.EXPIRED


def test_what_waits_for_the_morning_hides_no_code_whose_wake_up_was_lost(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    evening_message(office, monkeypatch)
    monkeypatch.setattr("stamkunde.messaging.store.OUTBOX_SHARDS", 1)
    monkeypatch.setattr("stamkunde.messaging.sending.OUTBOX_SHARDS", 1)
    monkeypatch.setattr("stamkunde.messaging.store.MOST_ROWS_A_SHARD", 1)
    hidden = office.write(MessageKind.WELCOME)
    office.now = office.now.replace(hour=23)
    code = office.write(MessageKind.CODE)
    office.woken()
    office.wait(minutes=3)
    assert office.tend().waiting == 1
    assert list(map(json.loads, office.woken())) == [outbox_key(code)]
    assert office.outbox.load(outbox_key(hidden)) == hidden


def test_a_worker_that_died_at_closing_time_is_found_out_at_night(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = evening_message(office, monkeypatch)
    found = office.outbox.load(outbox_key(message))
    assert found is not None
    office.outbox.claim(found, office.now)
    office.wait(hours=2)
    office.tend()
    assert office.state(message) is DeliveryState.UNKNOWN


@pytest.mark.parametrize("kind", BY_ITSELF)
def test_what_answers_a_member_goes_at_once_although_the_workers_clock_is_behind(
    office: PostOffice, kind: MessageKind
) -> None:
    message = office.write(kind)
    office.wait(seconds=-2)
    office.work(message)
    assert office.state(message) is DeliveryState.SENT


@pytest.mark.parametrize("kind", [MessageKind.WELCOME, MessageKind.CONFIRM_EMAIL])
@pytest.mark.parametrize(("words", "reason"), [(" \n", BodyFault.BLANK), ("a" * 919, BodyFault.TOO_LONG)])
def test_what_is_blank_or_has_too_many_parts_fails_and_is_not_sent(
    office: PostOffice, kind: MessageKind, words: str, reason: BodyFault
) -> None:
    message = replace(office.compose(kind), text=words)
    office.store.commit(office.members.writes(message))
    office.work(message)
    # An e-mail has no parts.
    goes = kind is MessageKind.CONFIRM_EMAIL and reason is BodyFault.TOO_LONG
    outcome = (DeliveryState.SENT, None, 1) if goes else (DeliveryState.FAILED, reason, 0)
    assert (office.state(message), office.reason(message), office.handed_over()) == outcome
    assert office.is_only_its_outcome_left()


@pytest.mark.parametrize("kind", BY_ITSELF)
def test_what_answers_a_member_goes_at_once_also_at_night(office: PostOffice, kind: MessageKind) -> None:
    office.now = office.now.replace(hour=2)
    assert office.compose(kind).due_at == office.now


@pytest.mark.parametrize("kind", BY_ITSELF)
def test_a_message_is_read_as_it_was_written(office: PostOffice, kind: MessageKind) -> None:
    message = office.write(kind)
    assert office.outbox.load(outbox_key(message)) == message


def test_an_e_mail_goes_out_in_the_clubs_name_and_leaves_nothing_of_its_reader(office: PostOffice) -> None:
    message = office.write(MessageKind.CONFIRM_EMAIL)
    (link,) = re.findall(rf"https://{DOMAINS.short}/[0-9a-z]{{16}}\b", message.text)
    sent = office.work(message)
    assert sent is not None
    assert (sent.state, sent.channel, sent.parts, sent.encoding) == (DeliveryState.SENT, "email", 0, None)
    assert office.delivery(message) == sent
    (call,) = office.network.calls
    assert (call.recipient, call.text) == (EMAIL, message.text)
    assert call.given["FromEmailAddress"] == "Bager Holm <bager-holm@stamkunde.test>"
    assert call.given["Content"]["Simple"]["Subject"]["Data"] == "Bekræft din e-mail hos Bager Holm"
    left = json.dumps(rows(office.client, "messages"))
    assert EMAIL not in left
    assert link.rpartition("/")[2] not in left


def test_the_welcome_names_the_club_only_and_the_till_join_carries_its_token(office: PostOffice) -> None:
    welcome = office.members.welcome(PHONE, "Mette", "da", office.now)
    assert welcome.text == (
        "Hej Mette. Du er nu medlem hos Bager Holm. Dit kort, dine oplysninger og betingelserne: k.test/c/bager-holm"
    )
    nameless = office.members.welcome(PHONE, None, "nb", office.now)
    assert nameless.text.startswith("Hei. Du er nå medlem hos Bager Holm.")
    till_join = office.members.till_join(PHONE, "0123456789abcdef", "en", office.now)
    assert "k.test/0123456789abcdef Not you?" in till_join.text


def test_the_link_to_new_terms_names_the_club_only(office: PostOffice) -> None:
    published_at = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    at_once = TermsVersion(2, "da", "Nye betingelser", published_at)
    told = office.members.terms_changed(PHONE, at_once, "da", office.now)
    assert told.text == (
        "Bager Holm har nye betingelser for medlemmer fra 21. november. Bonus, du har optjent, følger de gamle. "
        "Se, hvad der er nyt: k.test/t/bager-holm"
    )


@pytest.mark.parametrize("day", [date(2026, 11, 21), date(2026, 12, 24)], ids=["gone by", "to come"])
def test_new_terms_are_told_in_words_that_are_true_before_their_day_and_after_it(
    office: PostOffice, day: date
) -> None:
    terms = TermsVersion(2, "da", "Nye betingelser", datetime(2026, 11, 21, tzinfo=UTC), valid_from=day)
    in_a_wave = datetime(2026, 11, 26, 9, tzinfo=UTC)
    beginnings = {
        "da": f"Bager Holm har nye betingelser for medlemmer fra {written_day(day, 'da')}. Bonus",
        "nb": f"Bager Holm har nye vilkår for medlemmer fra {written_day(day, 'nb')}. Bonus",
        "en": f"Bager Holm has new terms for members from {written_day(day, 'en')}. Bonus",
    }
    for language, beginning in beginnings.items():
        assert office.members.terms_changed(PHONE, terms, language, in_a_wave).text.startswith(beginning)


def test_messages_of_several_kinds_are_written_together(office: PostOffice) -> None:
    both = (office.compose(MessageKind.WELCOME), office.compose(MessageKind.CONFIRM_EMAIL))
    office.store.commit(office.members.writes(*both))
    office.members.wake(*both)
    assert office.kinds_of_rows() == {"OUTBOX": 2}
    assert sorted(json.loads(body)["sk"] for body in office.woken()) == sorted(
        outbox_key(each)["sk"] for each in both
    )


def test_the_outbox_keeps_real_time_when_a_clubs_clock_is_moved(office: PostOffice) -> None:
    ahead = timedelta(days=400)
    moved = MemberMessages(office.club, office.store, office.wake_ups, DOMAINS, ahead)
    message = moved.welcome(PHONE, "Mette", "da", office.now + ahead)
    assert message.due_at == office.now
    office.store.commit(moved.writes(message))
    office.work(message)
    assert office.state(message) is DeliveryState.SENT
