"""Links in service messages: each does its one act, for one member, and nothing when it is over."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stamkunde.clubs.model import TermsVersion
from stamkunde.ledger.anonymous_store import GONE_SHARDS
from stamkunde.ledger.model.entries import EntryKind
from stamkunde.members.access_store import ServiceLinks
from stamkunde.members.admission import Admission
from stamkunde.members.codes import CodePurpose, one_time_code
from stamkunde.members.consents import (
    Caller,
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    new_record_id,
    permissions,
)
from stamkunde.members.links import LinkActs, LinkSeen, LinkState
from stamkunde.members.member_card import MemberCard
from stamkunde.members.model import Acceptance, Member, MemberState
from stamkunde.members.service_link import LINK_LASTS, FoundLink, LinkAct, link_hash
from stamkunde.members.store import MemberStore
from stamkunde.members.wordings import Shown
from stamkunde.shared.errors import Refusal
from tests.erasing_shop import erase
from tests.factories import LONG_AGO, everything_shown, make_club
from tests.ledger_checks import assert_ledger_adds_up, every_row, rows
from tests.letterbox import token_in, waiting
from tests.shop import Shop
from tests.stores.test_joining import BOTH, form, join, newsletter

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

PHONE = "+4520123456"
CALLER = Caller("192.0.2.7", "Mozilla/5.0 (iPhone)")


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb)


def opened(shop: Shop, *, buys: int = 10_000) -> str:
    """Somebody who joined at the till and bought something, but accepted nothing."""
    member_id = shop.join(PHONE, accepts=False, name="Mette").at_till.member.member_id
    if buys:
        shop.buy(member_id, buys)
    return member_id


def link_in(shop: Shop, kind: str) -> FoundLink:
    """The link of the newest waiting message of a kind."""
    newest = max(waiting(shop.client, kind), key=lambda row: row["due_at"])
    found = ServiceLinks(shop.client, "members").find(token_in(newest))
    assert found is not None
    return found


def accept(shop: Shop, link: FoundLink, shown: Shown | None = None) -> None:
    shop.links.accept(link, shown or everything_shown(shop.club), CALLER)


def confirm(shop: Shop, link: FoundLink) -> None:
    shop.links.confirm_email(link, "da", CALLER)


class SlowStore(MemberStore):
    """A store whose first answer comes so late that something else happens before it is used."""

    def __init__(self, shop: Shop, meanwhile: Callable[[], object]) -> None:
        super().__init__(shop.client, shop.members_table, shop.club.club_id, shop.club.address_key, shop.clock)
        self._meanwhile = iter([meanwhile])

    def load(self, member_id: str, *, consistent: bool = False) -> Member | None:
        found = super().load(member_id, consistent=consistent)
        for happen in self._meanwhile:
            happen()
        return found


def interrupted(shop: Shop, meanwhile: Callable[[], object]) -> Admission:
    """What writes members, with something that happens between its first look at one and its write."""
    return replace(shop.admission, members=SlowStore(shop, meanwhile))


def links_interrupted(shop: Shop, meanwhile: Callable[[], object]) -> LinkActs:
    return replace(shop.links, admission=interrupted(shop, meanwhile))


def refusal_of(act: object) -> str:
    with pytest.raises(Refusal) as refused:
        act()  # type: ignore[operator]
    return refused.value.code


def test_a_link_is_found_by_its_token_and_kept_only_as_a_hash(shop: Shop) -> None:
    member_id = opened(shop)
    (message,) = waiting(shop.client, "till_join")
    token = token_in(message)
    found = ServiceLinks(shop.client, "members").find(token)
    assert found is not None
    assert (found.club_id, found.member_id, found.act) == (shop.club.club_id, member_id, LinkAct.ACCEPT_TERMS)
    assert found.token_hash == link_hash(token)
    assert len(token) == 16
    assert token not in str(rows(shop.client, "members"))


@pytest.mark.parametrize("token", ["", "0" * 16, "x" * 17, "../../etc", "ÆØÅ"])
def test_a_token_nobody_was_sent_finds_nothing(shop: Shop, token: str) -> None:
    opened(shop)
    assert ServiceLinks(shop.client, "members").find(token) is None


def test_a_link_speaks_its_members_language_also_once_it_is_over(shop: Shop) -> None:
    member_id = opened(shop)
    link = link_in(shop, "till_join")
    member = shop.members.load(member_id, consistent=True)
    assert member is not None
    assert shop.links.look(link) == LinkSeen(LinkState.WAITING, member.language)
    shop.wait(timedelta(days=31))
    assert shop.links.look(link) == LinkSeen(LinkState.OVER, member.language)


def test_looking_at_a_link_changes_nothing(shop: Shop) -> None:
    opened(shop)
    link = link_in(shop, "till_join")
    before = every_row(shop.client)
    assert shop.links.look(link).state is LinkState.WAITING
    assert every_row(shop.client) == before


def test_accepting_by_the_link_releases_what_was_pending_and_keeps_the_evidence(shop: Shop) -> None:
    member_id = opened(shop)
    link = link_in(shop, "till_join")
    shop.wait(timedelta(hours=3))
    accept(shop, link)
    member = shop.members.load(member_id, consistent=True)
    assert member is not None
    assert member.state is MemberState.MEMBER
    assert (shop.balance(member_id).available, shop.balance(member_id).pending) == (300, 0)
    (record,) = shop.members.consent_records(member_id)
    assert (record.evidence.method, record.evidence.client_ip) == (ConsentMethod.ACCEPT_LINK, "192.0.2.7")
    assert record.terms is not None
    assert record.terms.text_hash == shop.club.terms[0].text_hash
    assert len(waiting(shop.client, "welcome")) == 1
    assert shop.links.look(link).state is LinkState.DONE
    assert_ledger_adds_up(shop, member_id)


def test_accepting_twice_writes_once(shop: Shop) -> None:
    opened(shop)
    link = link_in(shop, "till_join")
    accept(shop, link)
    before = every_row(shop.client)
    accept(shop, link)
    assert every_row(shop.client) == before


def test_a_double_click_accepts_once(shop: Shop) -> None:
    member_id = opened(shop)
    link = link_in(shop, "till_join")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: accept(shop, link), range(4)))
    assert len(shop.members.consent_records(member_id)) == 1
    assert len(waiting(shop.client, "welcome")) == 1
    assert shop.balance(member_id).available == 300


def test_nobody_accepts_terms_that_the_page_did_not_show(dynamodb: DynamoDBClient) -> None:
    shop = Shop(dynamodb)
    opened(shop)
    link = link_in(shop, "till_join")
    stale = everything_shown(shop.club)
    shop.club = replace(shop.club, terms=(*shop.club.terms, TermsVersion(2, "da", "Nye", LONG_AGO)))
    assert refusal_of(lambda: accept(shop, link, stale)) == "terms_changed"
    accept(shop, link)
    assert shop.links.look(link).state is LinkState.DONE


def test_nobody_accepts_by_words_that_the_page_did_not_show(shop: Shop) -> None:
    member_id = opened(shop)
    link = link_in(shop, "till_join")
    stale = everything_shown(shop.club)
    shop.club = replace(shop.club, name="Bager Holm og Søn")
    before = every_row(shop.client)
    assert refusal_of(lambda: accept(shop, link, stale)) == "wording_changed"
    assert refusal_of(lambda: accept(shop, link, replace(stale, language="nb"))) == "wording_changed"
    assert every_row(shop.client) == before
    accept(shop, link)
    (record,) = shop.members.consent_records(member_id)
    assert record.terms is not None
    assert (
        record.terms.wording == "Jeg har læst betingelserne for kundeklubben hos Bager Holm og Søn og godkender dem."
    )


def test_not_you_takes_away_everything_of_the_person(shop: Shop) -> None:
    member_id = opened(shop)
    link = link_in(shop, "till_join")
    shop.links.delete(link)
    assert shop.members.find_by_phone(PHONE, consistent=True) is None
    assert shop.members.load(member_id) is None
    erase(shop, member_id)
    left = rows(shop.client, "members")
    assert [row["pk"].partition("#")[0] for row in left] == ["LINK"]
    assert not any(told in str(left) for told in ("20123456", "Mette", member_id))
    assert refusal_of(lambda: shop.membership.look_up(PHONE)) == "unknown_member"


def test_not_you_forfeits_what_was_pending_and_the_ledger_still_adds_up(shop: Shop) -> None:
    member_id = opened(shop)
    account_id = shop.account(member_id).account_id
    shop.wait(timedelta(hours=1))
    shop.links.delete(link_in(shop, "till_join"))
    erase(shop, member_id)
    assert shop.store.load_account(account_id, consistent=True) is None
    assert sorted((kind.value, amount) for kind, amount in of_nobody(shop)) == [("forfeit", -300), ("purchase", 300)]


def of_nobody(shop: Shop) -> list[tuple[EntryKind, int]]:
    """The entries that are left of whoever is gone."""
    gone, now = shop.store.gone(shop.club.time_zone), shop.now()
    days = (now - timedelta(days=2), now + timedelta(days=2))
    booked = (entry for shard in range(GONE_SHARDS) for entry in gone.entries_booked(*days, shard))
    return [(entry.kind, entry.amount) for entry in booked]


def test_no_till_books_on_a_number_that_was_deleted(shop: Shop) -> None:
    member_id = opened(shop)
    shop.links.delete(link_in(shop, "till_join"))
    assert refusal_of(lambda: shop.ledger.book(shop.receipt(member_id), shop.point)) == "unknown_member"


def test_deleting_twice_is_as_good_as_once(shop: Shop) -> None:
    opened(shop)
    stale = link_in(shop, "till_join")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: shop.links.delete(stale), range(3)))
    before = every_row(shop.client)
    found = link_in(shop, "till_join")
    assert shop.links.look(found).state is LinkState.DELETED
    shop.links.delete(found)
    assert every_row(shop.client) == before
    assert refusal_of(lambda: accept(shop, found)) == "link_over"


def test_the_second_of_two_taps_finds_the_number_deleted(shop: Shop) -> None:
    member_id = opened(shop)
    link = link_in(shop, "till_join")
    links_interrupted(shop, lambda: shop.links.delete(link)).delete(link)
    assert shop.links.look(link_in(shop, "till_join")).state is LinkState.DELETED
    erase(shop, member_id)
    assert not [row for row in rows(shop.client, "members") if not row["pk"].startswith("LINK#")]


def test_whoever_accepts_while_the_number_is_deleted_is_told_that_the_link_is_over(shop: Shop) -> None:
    opened(shop)
    link = link_in(shop, "till_join")
    acts = links_interrupted(shop, lambda: shop.links.delete(link))
    assert refusal_of(lambda: acts.accept(link, everything_shown(shop.club), CALLER)) == "link_over"
    assert shop.links.look(link_in(shop, "till_join")).state is LinkState.DELETED


def test_whoever_deletes_while_the_terms_are_accepted_deletes_nothing(shop: Shop) -> None:
    member_id = opened(shop)
    link = link_in(shop, "till_join")
    acts = links_interrupted(shop, lambda: accept(shop, link))
    assert refusal_of(lambda: acts.delete(link)) == "already_member"
    assert shop.balance(member_id).available == 300


def test_a_till_that_joins_a_number_while_it_is_deleted_makes_a_new_member(shop: Shop) -> None:
    old = opened(shop)
    link = link_in(shop, "till_join")
    admission = interrupted(shop, lambda: shop.links.delete(link))
    acceptance = Acceptance(1, ConsentMethod.SIGNED_FORM, shop.now())
    till = replace(shop.membership, admission=admission)
    joined = till.join(PHONE, None, acceptance, "banegaarden", "kasse-1")
    member = joined.at_till.member
    assert (joined.new, member.state, member.member_id != old) == (True, MemberState.MEMBER, True)
    assert joined.at_till.balance.total == 0


def test_a_card_opened_while_the_number_is_deleted_stays_shut(shop: Shop) -> None:
    opened(shop)
    link = link_in(shop, "till_join")
    admission = interrupted(shop, lambda: shop.links.delete(link))
    card = MemberCard(shop.club, admission, shop.codes, shop.devices, shop.clock, shop.patience)
    challenge = shop.codes.ask(CodePurpose.OPEN_CARD, PHONE, CALLER, language="da", to_member=True)
    code = one_time_code(shop.club.signing_keys, challenge, CodePurpose.OPEN_CARD, PHONE)
    assert refusal_of(lambda: card.open(challenge, PHONE, code, CALLER)) == "code_expired"
    assert not [row for row in rows(shop.client, "members") if row["sk"].startswith("DEVICE#")]


def test_a_member_who_accepted_is_not_deleted_by_the_old_link(shop: Shop) -> None:
    member_id = opened(shop)
    link = link_in(shop, "till_join")
    accept(shop, link)
    before = every_row(shop.client)
    assert refusal_of(lambda: shop.links.delete(link)) == "already_member"
    assert every_row(shop.client) == before
    assert shop.balance(member_id).available == 300


def test_of_accepting_and_deleting_at_once_one_wins_whole(shop: Shop) -> None:
    member_id = opened(shop)
    link = link_in(shop, "till_join")

    def act(number: int) -> str:
        try:
            shop.links.delete(link) if number % 2 else accept(shop, link)
        except Refusal as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(act, range(6)))
    if shop.members.load(member_id, consistent=True) is None:
        assert set(outcomes) == {"done", "link_over"}
        erase(shop, member_id)
        assert len(rows(shop.client, "members")) == 1
    else:
        assert set(outcomes) == {"done", "already_member"}
        assert shop.balance(member_id).available == 300


def test_purchases_while_the_number_is_deleted_are_forfeited_or_refused(shop: Shop) -> None:
    member_id = opened(shop, buys=0)
    account_id = shop.account(member_id).account_id
    link = link_in(shop, "till_join")
    receipts = [replace(shop.receipt(member_id), account_id=account_id) for _ in range(8)]

    def act(number: int) -> str:
        try:
            shop.links.delete(link) if number == 3 else shop.ledger.book(receipts[number], shop.point)
        except Refusal as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(8) as pool:
        outcomes = set(pool.map(act, range(8)))
    assert outcomes <= {"done", "unknown_member"}
    erase(shop, member_id)
    assert shop.store.load_account(account_id, consistent=True) is None
    assert sum(amount for _, amount in of_nobody(shop)) == 0


def test_deleting_takes_the_newsletters_permission_along(shop: Shop) -> None:
    join(shop, newsletter())
    shop.wait(timedelta(days=1))
    member_id = opened(shop)
    shop.links.delete(link_in(shop, "till_join"))
    erase(shop, member_id)
    left = {row["pk"].partition("#")[0] for row in rows(shop.client, "members")}
    assert left == {"LIMIT", "CODE", "LINK"}


def test_whoever_changed_their_mind_a_hundred_times_is_deleted_too(shop: Shop) -> None:
    member_id = opened(shop)
    member = shop.members.load(member_id, consistent=True)
    assert member is not None
    for minute in range(105):
        at = shop.now() + timedelta(minutes=minute)
        record = ConsentRecord(new_record_id(at), Evidence.on_page(ConsentMethod.MEMBER_PAGE, at, "da", CALLER))
        shop.store.commit([shop.members.consent_write(member_id, record)])
    shop.links.delete(link_in(shop, "till_join"))
    erase(shop, member_id)
    assert [row["sk"] for row in rows(shop.client, "members")] == ["LINK"]


def test_a_number_that_was_deleted_can_join_again(shop: Shop) -> None:
    old = opened(shop)
    shop.links.delete(link_in(shop, "till_join"))
    new = opened(shop)
    assert new != old
    assert shop.balance(new).pending == 300


def test_a_link_ends_after_thirty_days(shop: Shop) -> None:
    opened(shop)
    link = link_in(shop, "till_join")
    shop.wait(LINK_LASTS)
    assert shop.links.look(link).state is LinkState.OVER
    assert refusal_of(lambda: accept(shop, link)) == "link_over"
    assert refusal_of(lambda: shop.links.delete(link)) == "link_over"


def test_confirming_an_address_lets_its_permission_count(shop: Shop) -> None:
    member = join(shop, form(email="mette@holm.dk", permissions=BOTH)).member
    link = link_in(shop, "confirm_email")
    assert (link.act, shop.links.look(link).state) == (LinkAct.CONFIRM_EMAIL, LinkState.WAITING)
    confirm(shop, link)
    confirmed = shop.members.load(member.member_id, consistent=True)
    assert confirmed is not None
    held = permissions(shop.members.consent_records(member.member_id), email_confirmed=confirmed.email_confirmed)
    assert not held[PermissionKind.EMAIL].waits_for_confirmation
    assert shop.links.look(link).state is LinkState.DONE
    before = every_row(shop.client)
    confirm(shop, link)
    assert every_row(shop.client) == before


def test_confirming_an_address_is_evidence_of_its_own(shop: Shop) -> None:
    member = join(shop, form(email="mette@holm.dk", permissions=BOTH)).member
    link = link_in(shop, "confirm_email")
    shop.wait(timedelta(hours=3))
    confirm(shop, link)
    given, confirmed = shop.members.consent_records(member.member_id)
    evidence = confirmed.evidence
    assert (evidence.method, evidence.given_at, evidence.language) == (ConsentMethod.CONFIRM_LINK, shop.now(), "da")
    assert (evidence.client_ip, evidence.user_agent) == (CALLER.client_ip, CALLER.user_agent)
    assert (confirmed.terms, confirmed.given, confirmed.withdrawn) == (None, (), ())
    assert confirmed.address_hash == given.address_hash == link.address_hash


def test_a_new_address_takes_the_confirmed_ones_place_once_it_is_confirmed_itself(shop: Shop) -> None:
    member_id = join(shop, form(email="old@holm.dk")).member.member_id
    old = link_in(shop, "confirm_email")
    confirm(shop, old)
    shop.wait(timedelta(hours=2))
    join(shop, form(email="new@holm.dk", permissions=BOTH))
    new = link_in(shop, "confirm_email")
    assert (shop.links.look(old).state, shop.links.look(new).state) == (LinkState.DONE, LinkState.WAITING)
    confirm(shop, old)
    waiting_still = shop.members.load(member_id, consistent=True)
    assert waiting_still is not None
    assert (waiting_still.email, waiting_still.pending_email) == ("old@holm.dk", "new@holm.dk")
    confirm(shop, new)
    member = shop.members.load(member_id, consistent=True)
    assert member is not None
    assert (member.email, member.email_confirmed_at, member.pending_email) == ("new@holm.dk", shop.now(), None)
    assert (shop.links.look(old).state, shop.links.look(new).state) == (LinkState.OVER, LinkState.DONE)
    assert refusal_of(lambda: confirm(shop, old)) == "link_over"


def test_the_link_of_a_mistyped_address_confirms_no_other(shop: Shop) -> None:
    join(shop, form(email="mete@holm.dk"))
    mistyped = link_in(shop, "confirm_email")
    shop.wait(timedelta(hours=2))
    member = join(shop, form(email="mette@holm.dk")).member
    assert shop.links.look(mistyped).state is LinkState.OVER
    assert refusal_of(lambda: confirm(shop, mistyped)) == "link_over"
    found = shop.members.load(member.member_id, consistent=True)
    assert found is not None
    assert not found.email_confirmed


def test_a_link_does_no_other_act_than_its_own(shop: Shop) -> None:
    join(shop, form(email="mette@holm.dk"))
    confirming = link_in(shop, "confirm_email")
    assert refusal_of(lambda: accept(shop, confirming)) == "link_over"
    assert refusal_of(lambda: shop.links.delete(confirming)) == "link_over"
    shop.wait(timedelta(hours=1))
    shop.join("+4526123456", accepts=False)
    accepting = link_in(shop, "till_join")
    assert refusal_of(lambda: confirm(shop, accepting)) == "link_over"


def test_another_clubs_acts_do_not_reach_a_member(dynamodb: DynamoDBClient) -> None:
    here, there = Shop(dynamodb), Shop(dynamodb, club=make_club(slug="cykelhuset"))
    opened(here)
    link = link_in(here, "till_join")
    before = every_row(dynamodb)
    assert there.links.look(link).state is LinkState.OVER
    assert refusal_of(lambda: accept(there, link)) == "link_over"
    assert refusal_of(lambda: there.links.delete(link)) == "link_over"
    assert every_row(dynamodb) == before
