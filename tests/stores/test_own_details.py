"""What members correct about themselves, their number among it: kept as typed, proved where it must be."""

from __future__ import annotations

from copy import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from stamkunde.clubs.model import MemberPolicy, Outlet, Question
from stamkunde.members.codes import PROOFS_LIMIT, PROOFS_TO_LIMIT, CodePurpose, one_time_code
from stamkunde.members.consents import PermissionKind
from stamkunde.members.joining import FormErrors
from stamkunde.members.model import GRACE, AskedBy, Member
from stamkunde.members.number_change import NumberAsked, NumberChange
from stamkunde.members.own_details import DetailsForm, OwnDetails
from stamkunde.shared.errors import Refusal
from tests.access_scene import CALLER
from tests.factories import make_club
from tests.ledger_checks import every_row, rows
from tests.letterbox import waiting
from tests.shop import Shop
from tests.stores.test_erasing import ask, erasing
from tests.stores.test_joining import join
from tests.stores.test_member_card import PHONE, change, permitted, with_email

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

NEW = "+4526123456"
BIKES = Question("cykel", "Hvad cykler du på?", ("Racer", "Mountainbike"))
ASKS_ALL = MemberPolicy(asks_birth_date=True, asks_outlet=True, questions=(BIKES,))


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb)


@pytest.fixture
def curious(dynamodb: DynamoDBClient) -> Shop:
    """A club that asks for everything it may."""
    return Shop(dynamodb, make_club(member_policy=ASKS_ALL))


def details(shop: Shop) -> OwnDetails:
    outlets = [Outlet("banegaarden", "Banegårdspladsen")]
    return OwnDetails(shop.club, shop.admission, lambda: outlets, shop.clock, shop.patience)


def save(shop: Shop, member_id: str, **typed: Any) -> Member:
    standard: dict[str, Any] = {"first_name": "Mette", "email": "", "language": "da"}
    details(shop).save(member_id, DetailsForm(**(standard | typed)), CALLER)
    return details(shop).show(member_id)


def faults(shop: Shop, member_id: str, **typed: Any) -> dict[str, str]:
    with pytest.raises(FormErrors) as wrong:
        save(shop, member_id, **typed)
    return {field: refusal.code for field, refusal in wrong.value.errors.items()}


def numbers(shop: Shop) -> NumberChange:
    return NumberChange(shop.club, shop.admission, shop.codes, shop.stops, shop.clock, shop.patience)


def asked(shop: Shop, member_id: str, phone: str = NEW) -> NumberAsked:
    return numbers(shop).ask(member_id, phone, "da", CALLER)


def codes(shop: Shop, asked: NumberAsked, old_phone: str = PHONE) -> tuple[str, str]:
    keys = shop.club.signing_keys
    return (
        one_time_code(keys, asked.old_challenge, CodePurpose.GIVE_UP_NUMBER, old_phone),
        one_time_code(keys, asked.new_challenge, CodePurpose.TAKE_NUMBER, asked.phone),
    )


def change_number(shop: Shop, member_id: str, phone: str = NEW) -> None:
    wish = asked(shop, member_id, phone)
    numbers(shop).change(member_id, wish, *codes(shop, wish), "da")


def test_what_is_corrected_is_kept_and_counts_as_activity(curious: Shop) -> None:
    member = curious.join(PHONE, name="Mete").at_till.member
    assert member.details_confirmed_at is None
    curious.wait(timedelta(days=400))
    chosen = {"birth_date": "3.5.1990", "own_outlet": "banegaarden", "answers": {"cykel": "Racer"}}
    after = save(curious, member.member_id, first_name=" Mette ", language="nb", **chosen)
    assert (after.first_name, after.language, after.birth_date) == ("Mette", "nb", date(1990, 5, 3))
    assert (after.own_outlet, after.answers) == ("banegaarden", (("cykel", "Racer"),))
    assert after.details_confirmed_at == curious.now()
    curious.wait(timedelta(days=1))
    cleared = save(curious, member.member_id, first_name="")
    assert (cleared.first_name, cleared.birth_date, cleared.own_outlet, cleared.answers) == (None, None, None, ())
    assert cleared.details_confirmed_at == curious.now()


def test_a_club_that_asks_for_nothing_gets_nothing(shop: Shop) -> None:
    member_id = shop.new_member()
    after = save(shop, member_id, birth_date="3.5.1990", own_outlet="banegaarden", answers={"cykel": "Racer"})
    assert (after.birth_date, after.own_outlet, after.answers) == (None, None, ())


def test_what_a_club_has_stopped_asking_for_stays_as_it_was_told(curious: Shop) -> None:
    member_id = curious.new_member()
    save(curious, member_id, birth_date="1990-05-03", answers={"cykel": "Racer"})
    curious.club = replace(curious.club, member_policy=MemberPolicy())
    after = save(curious, member_id)
    assert (after.birth_date, after.answers) == (date(1990, 5, 3), (("cykel", "Racer"),))


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_kept(curious: Shop) -> None:
    member_id = curious.new_member()
    before = every_row(curious.client)
    found = faults(
        curious,
        member_id,
        first_name="www.tilbud.dk",
        email="mette",
        language="sv",
        birth_date="31.2.1990",
        own_outlet="lukket",
        answers={"cykel": "Hest"},
    )
    assert found == {
        "first_name": "name_not_allowed",
        "email": "email_invalid",
        "language": "wording_changed",
        "birth_date": "birth_date_invalid",
        "own_outlet": "wording_changed",
        "answer.cykel": "wording_changed",
    }
    assert faults(curious, member_id, birth_date="3.5.2015") == {"birth_date": "too_young"}
    assert every_row(curious.client) == before


def test_a_new_address_waits_beside_the_confirmed_one_and_is_asked_once(shop: Shop) -> None:
    member_id = shop.join(PHONE).at_till.member.member_id
    with_email(shop, member_id)
    after = save(shop, member_id, email="ny@example.com")
    assert (after.email, after.pending_email) == ("mette@example.com", "ny@example.com")
    assert [row["recipient"] for row in waiting(shop.client, "confirm_email")] == ["ny@example.com"]
    save(shop, member_id, email="ny@example.com")
    assert len(waiting(shop.client, "confirm_email")) == 1
    details(shop).ask_email_again(member_id)
    assert len(waiting(shop.client, "confirm_email")) == 2
    assert save(shop, member_id, email="mette@example.com").pending_email is None
    details(shop).ask_email_again(member_id)
    assert len(waiting(shop.client, "confirm_email")) == 2


def test_nobody_writes_to_strangers_without_end(shop: Shop) -> None:
    member_id = shop.new_member()
    for number in range(PROOFS_LIMIT.most):
        save(shop, member_id, email=f"stranger{number}@example.com")
    before = every_row(shop.client)
    with pytest.raises(Refusal, match="too_many_proofs") as refused:
        save(shop, member_id, email="one-more@example.com")
    assert refused.value.retry_after is not None
    assert every_row(shop.client) == before
    shop.wait(timedelta(days=1))
    save(shop, member_id, email="one-more@example.com")


def test_a_strangers_address_is_asked_only_so_often_however_many_members_type_it(shop: Shop) -> None:
    for _ in range(PROOFS_TO_LIMIT.most):
        save(shop, shop.new_member(), email="stranger@example.com")
    one_more = shop.new_member()
    with pytest.raises(Refusal, match="too_many_proofs") as refused:
        save(shop, one_more, email="stranger@example.com")
    assert refused.value.retry_after is not None
    assert len(waiting(shop.client, "confirm_email")) == PROOFS_TO_LIMIT.most
    save(shop, one_more, email="another@example.com")


def test_whoever_takes_their_address_away_takes_back_what_they_allowed_by_it(shop: Shop) -> None:
    member_id = shop.join(PHONE).at_till.member.member_id
    with_email(shop, member_id)
    change(shop, member_id, PermissionKind.EMAIL, PermissionKind.SMS)
    after = save(shop, member_id, email="")
    assert (after.email, after.email_confirmed, permitted(shop, member_id)) == (None, False, {PermissionKind.SMS})
    newest = shop.members.consent_records(member_id)[-1]
    assert newest.withdrawn == (PermissionKind.EMAIL,)
    assert newest.evidence.client_ip == CALLER.client_ip


def test_a_number_is_changed_once_both_ends_have_proved_it_and_the_old_one_is_told(shop: Shop) -> None:
    member_id = shop.join(PHONE).at_till.member.member_id
    wish = asked(shop, member_id)
    assert sorted(row["recipient"] for row in waiting(shop.client, "code")) == [PHONE, NEW]
    old_code, new_code = codes(shop, wish)
    numbers(shop).change(member_id, wish, old_code, new_code, "da")
    assert shop.membership.look_up(NEW).member.member_id == member_id
    with pytest.raises(Refusal, match="unknown_member"):
        shop.membership.look_up(PHONE)
    (told,) = waiting(shop.client, "number_changed")
    assert (told["recipient"], "hej@bagerholm.example" in told["text"]) == (PHONE, True)
    before = every_row(shop.client)
    numbers(shop).change(member_id, wish, old_code, new_code, "da")
    assert every_row(shop.client) == before
    assert shop.join(PHONE).new


def test_what_was_stopped_under_a_number_is_known_there_after_it_was_changed(shop: Shop) -> None:
    """R6: an old file of the club's still has the old number."""
    member_id = shop.join(PHONE).at_till.member.member_id
    change(shop, member_id, PermissionKind.SMS)
    change(shop, member_id)
    stopped_at = shop.now()
    change_number(shop, member_id)
    assert shop.stops.of(PHONE, shop.now()) == {PermissionKind.SMS: stopped_at}
    assert shop.stops.of(NEW, shop.now()) == {}


@pytest.mark.parametrize("wrong", ["old_code", "new_code", "both"])
def test_one_right_code_changes_no_number(shop: Shop, wrong: str) -> None:
    member_id = shop.join(PHONE).at_till.member.member_id
    wish = asked(shop, member_id)
    old_code, new_code = codes(shop, wish)
    typed = {"old_code": old_code, "new_code": new_code}
    mistyped = {name: f"{(int(typed[name]) + 1) % 10**6:06d}" for name in typed if wrong in (name, "both")}
    with pytest.raises(FormErrors) as refused:
        numbers(shop).change(member_id, wish, **(typed | mistyped), language="da")
    assert {name: fault.code for name, fault in refused.value.errors.items()} == dict.fromkeys(mistyped, "code_wrong")
    assert shop.membership.look_up(PHONE).member.member_id == member_id
    numbers(shop).change(member_id, wish, old_code, new_code, "da")
    assert shop.membership.look_up(NEW).member.member_id == member_id


def test_a_code_of_the_other_end_or_of_another_purpose_proves_nothing(shop: Shop) -> None:
    member_id = shop.join(PHONE).at_till.member.member_id
    wish = asked(shop, member_id)
    old_code, new_code = codes(shop, wish)
    with pytest.raises(FormErrors) as refused:
        numbers(shop).change(member_id, wish, new_code, old_code, "da")
    assert set(refused.value.errors) == {"old_code", "new_code"}
    swapped = NumberAsked(NEW, wish.new_challenge, wish.old_challenge)
    with pytest.raises(FormErrors) as refused:
        numbers(shop).change(member_id, swapped, *codes(shop, wish), "da")
    assert {fault.code for fault in refused.value.errors.values()} == {"code_expired"}


def test_somebody_elses_number_is_not_taken_and_nobody_learns_of_them_before_both_codes(shop: Shop) -> None:
    member_id = shop.join(PHONE).at_till.member.member_id
    other = shop.join(NEW).at_till.member
    wish = asked(shop, member_id)
    with pytest.raises(Refusal, match="phone_taken"):
        numbers(shop).change(member_id, wish, *codes(shop, wish), "da")
    assert shop.membership.look_up(NEW).member == other
    assert shop.membership.look_up(PHONE).member.member_id == member_id


def test_the_number_of_now_is_no_new_one(shop: Shop) -> None:
    member_id = shop.join(PHONE).at_till.member.member_id
    for typed, code in ((PHONE, "phone_unchanged"), ("20 12 34 56", "phone_unchanged"), ("abc", "phone_has_letters")):
        with pytest.raises(Refusal, match=code):
            asked(shop, member_id, typed)
    assert waiting(shop.client, "code") == []


def test_the_number_of_somebody_who_is_gone_is_free(shop: Shop) -> None:
    gone = shop.join(NEW).at_till.member
    ask(shop, gone.member_id)
    shop.wait(GRACE)
    member_id = shop.join(PHONE).at_till.member.member_id
    change_number(shop, member_id)
    assert shop.membership.look_up(NEW).member.member_id == member_id


def test_a_new_number_is_free_again_on_the_day_that_its_member_goes(shop: Shop) -> None:
    member_id = shop.join(PHONE).at_till.member.member_id
    ask(shop, member_id)
    change_number(shop, member_id)
    shop.wait(GRACE)
    assert shop.join(NEW).new
    with pytest.raises(Refusal, match="unknown_member"):
        erasing(shop).undo(member_id, AskedBy.MEMBER)


def test_everything_written_to_a_member_is_noted_without_its_words(shop: Shop) -> None:
    member = join(shop).member
    change_number(shop, member.member_id)
    ask(shop, member.member_id)
    notes = shop.access.message_notes.of(member.member_id, shop.now())
    assert sorted(note.kind for note in notes) == ["code", "code", "erasure_requested", "number_changed", "welcome"]
    kept = [row for row in rows(shop.client, "members") if row["sk"].startswith("MESSAGE#")]
    assert {name for row in kept for name in row} == {"pk", "sk", "v", "kind", "channel", "written_at", "expires"}
    shop.wait(timedelta(days=366))
    assert shop.access.message_notes.of(member.member_id, shop.now()) == []
