"""Nobody agrees to words that they were not shown: what a page read like stands in the evidence, or nothing does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stamkunde.clubs.model import TermsVersion
from stamkunde.clubs.store import ClubStore
from stamkunde.members.model import LONGEST_NAME
from stamkunde.shared.transaction import commit
from tests.functions.conftest import PAGE, OpenClub
from tests.functions.test_join_page import MEMBER, SMS_WORDING, at_the_code, at_the_form, stored
from tests.page_browser import SENT_BACK

MOST_A_BROWSER_KEEPS = 4096
CHANGED = "Teksten ved et felt er ændret, siden du åbnede siden. Læs den, og vælg igen."


@pytest.fixture
def club(shop: OpenClub, monkeypatch: pytest.MonkeyPatch) -> OpenClub:
    """A club whose changes the pages know at once."""
    from join_page import handler as join_page
    from member_page import handler as member_page

    monkeypatch.setattr("stamkunde.clubs.known.KNOWN_FOR_SECONDS", 0)
    for pages in (join_page.PAGES, member_page.PAGES):
        monkeypatch.setattr(pages.clubs, "_known", {})
    return shop


def sells(club: OpenClub, goods: str) -> None:
    club.operate("publish_join_page", club_id=club.club.club_id, **(PAGE | {"goods": goods}))


def has_new_terms(club: OpenClub) -> None:
    store = ClubStore(club.client, "clubs", club.club.club_id)
    commit(club.client, [*store.terms_writes(TermsVersion(2, "da", "Helt nye betingelser", datetime.now(UTC)))])


def test_terms_that_changed_meanwhile_are_shown_and_not_taken_as_accepted(club: OpenClub) -> None:
    browser = at_the_form(club)
    has_new_terms(club)
    seen = browser.send(club.join, phone=club.number(), sms="yes", **MEMBER)
    assert browser.statuses == SENT_BACK
    assert "nye betingelser" in seen.by_id("terms-fault").text
    form = seen.form(club.join)
    assert (form.fields["terms_version"], form.fields.get("terms"), form.fields["sms"]) == ("2", None, "yes")
    assert club.messages() == []
    browser.send(club.join, terms="yes")
    assert browser.send(f"{club.join}/code", code=club.code()).heading == "Hej Mette"


def test_words_that_changed_before_the_form_was_sent_are_shown_unticked_and_agreed_to_by_nobody(
    club: OpenClub,
) -> None:
    number = club.number()
    browser = at_the_form(club)
    sells(club, "vin og tobak")
    seen = browser.send(club.join, phone=number, sms="yes", **MEMBER)
    assert browser.statuses == SENT_BACK
    assert seen.alerts == [CHANGED]
    assert "vin og tobak" in seen.text
    form = seen.form(club.join)
    assert (form.fields["phone"], form.fields["terms"], form.fields.get("sms")) == (number, "yes", None)
    assert club.messages() == []
    browser.send(club.join, sms="yes")
    browser.send(f"{club.join}/code", code=club.code())
    (record,) = stored(club, number)[1]
    assert "vin og tobak" in record.given[0].wording


def test_words_that_change_before_the_code_is_typed_change_nothing_of_what_was_agreed_to(club: OpenClub) -> None:
    number = club.number()
    browser = at_the_code(club, number, sms="yes", **MEMBER)
    sells(club, "vin og tobak")
    has_new_terms(club)
    browser.send(f"{club.join}/code/again")
    assert browser.send(f"{club.join}/code", code=club.code()).heading == "Hej Mette"
    (record,) = stored(club, number)[1]
    assert [given.wording for given in record.given] == [SMS_WORDING]
    assert record.terms is not None
    assert (record.terms.version, record.terms.text_hash) == (1, club.club.terms[0].text_hash)


def test_a_stale_card_gives_no_permission_in_words_that_it_did_not_show(club: OpenClub) -> None:
    number = club.number()
    browser = club.joined(number)
    sells(club, "vin og tobak")
    seen = browser.send(f"{club.card}/permissions", act="give")
    assert (browser.statuses, browser.path, len(stored(club, number)[1])) == (SENT_BACK, club.card, 1)
    assert seen.alerts == [CHANGED]
    browser.send(f"{club.card}/permissions", act="give")
    assert "vin og tobak" in stored(club, number)[1][-1].given[0].wording


def test_a_stale_accept_page_is_shown_again_when_its_sentence_was_another(club: OpenClub) -> None:
    number = club.number()
    club.till.join(number, accepts=False)
    link = club.link("till_join")
    browser = club.browser()
    browser.get(link)
    seen = browser.send(link, act="accept", shown="0" * 32)
    assert (browser.statuses, stored(club, number)[1]) == (SENT_BACK, [])
    assert seen.alerts == [CHANGED]
    assert len(browser.send(link, act="accept", lang="en", shown=seen.form(link).fields["shown"]).alerts) == 1
    assert browser.send(link, act="accept").heading == "You are a member"


def test_the_longest_wish_fits_in_a_cookie(club: OpenClub) -> None:
    sells(club, "ø" * 60)
    name, email = "ø" * LONGEST_NAME, f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 60}.dk"
    typed = {"first_name": name, "email": email, "terms": "yes", "sms": "yes", "email_news": "yes"}
    browser = at_the_code(club, club.number(), **typed)
    (pending,) = [name for name in browser.cookies if "pending" in name]
    assert len(pending) + len(browser.cookies[pending]) < MOST_A_BROWSER_KEEPS
    assert browser.send(f"{club.join}/code", code=club.code()).heading == f"Hej {name}"
