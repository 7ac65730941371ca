"""What holds of what somebody agreed to, and the words they agreed to."""

from __future__ import annotations

import hashlib
from copy import replace
from datetime import timedelta
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.clubs.model import Club
from stamkunde.members.consents import (
    LONGEST_USER_AGENT,
    Caller,
    ConsentMethod,
    ConsentRecord,
    Evidence,
    PermissionKind,
    PermissionText,
    new_record_id,
    permissions,
)
from stamkunde.members.wordings import (
    WORDING_VERSION,
    club_permission,
    permission_wording,
    terms_wording,
    wordings,
)
from stamkunde.shared.language import LANGUAGES
from tests.factories import NOON, make_club

CALLER = Caller("192.0.2.7", "Mozilla/5.0 (Android 14)")


def act(
    minute: int,
    *,
    given: tuple[PermissionKind, ...] = (),
    withdrawn: tuple[PermissionKind, ...] = (),
    wording: str = "Ja tak",
) -> ConsentRecord:
    at = NOON + timedelta(minutes=minute)
    evidence = Evidence.on_page(ConsentMethod.MEMBER_PAGE, at, "da", CALLER)
    texts = tuple(PermissionText(kind, 1, wording) for kind in given)
    return ConsentRecord(new_record_id(at), evidence, given=texts, withdrawn=withdrawn)


def test_the_last_use_of_a_permission_outlives_its_renewal_and_ends_with_a_stop() -> None:
    sms = (PermissionKind.SMS,)
    first, again, anew = (act(minute, given=sms) for minute in (1, 3, 5))
    used = replace(first, used=((PermissionKind.SMS, NOON + timedelta(minutes=2)),))
    held = permissions([used, again], email_confirmed=True)[PermissionKind.SMS]
    assert (held.record_id, held.last_used_at) == (again.record_id, NOON + timedelta(minutes=2))
    held = permissions([used, act(4, withdrawn=sms), anew], email_confirmed=True)[PermissionKind.SMS]
    assert (held.record_id, held.last_used_at) == (anew.record_id, None)


def test_nothing_is_allowed_before_anybody_said_so() -> None:
    assert permissions([], email_confirmed=True) == {}


def test_the_latest_word_on_a_channel_wins() -> None:
    records = [
        act(3, given=(PermissionKind.SMS,), wording="Ja tak igen"),
        act(1, given=(PermissionKind.SMS, PermissionKind.EMAIL)),
        act(2, withdrawn=(PermissionKind.SMS,)),
        act(4, withdrawn=(PermissionKind.EMAIL,)),
    ]
    held = permissions(records, email_confirmed=True)
    assert held.keys() == {PermissionKind.SMS}
    assert held[PermissionKind.SMS].wording.wording == "Ja tak igen"
    assert held[PermissionKind.SMS].given_at == NOON + timedelta(minutes=3)


def test_of_two_words_in_one_instant_the_no_counts() -> None:
    yes, no = act(1, given=(PermissionKind.SMS,)), act(1, withdrawn=(PermissionKind.SMS,))
    assert permissions([yes, no], email_confirmed=True) == permissions([no, yes], email_confirmed=True) == {}


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_permission_by_email_waits_until_the_address_is_confirmed(confirmed: bool) -> None:
    held = permissions([act(1, given=(PermissionKind.SMS, PermissionKind.EMAIL))], email_confirmed=confirmed)
    assert held[PermissionKind.EMAIL].waits_for_confirmation is not confirmed
    assert not held[PermissionKind.SMS].waits_for_confirmation


@given(st.lists(st.tuples(st.sampled_from(PermissionKind), st.booleans()), max_size=12), st.randoms())
def test_what_holds_is_the_last_word_however_the_records_are_read(
    words: list[tuple[PermissionKind, bool]], random: object
) -> None:
    records = [
        act(minute, given=(channel,)) if yes else act(minute, withdrawn=(channel,))
        for minute, (channel, yes) in enumerate(words)
    ]
    last = dict(words)
    shuffled = list(records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert permissions(shuffled, email_confirmed=True).keys() == {channel for channel, yes in last.items() if yes}


def test_a_browser_that_tells_its_life_story_is_cut_short() -> None:
    evidence = Evidence.on_page(ConsentMethod.JOIN_PAGE, NOON, "da", Caller("192.0.2.7", "x" * 5_000))
    assert evidence.user_agent == "x" * LONGEST_USER_AGENT
    assert (evidence.client_ip, evidence.outlet_id, evidence.till_id) == ("192.0.2.7", None, None)


def test_records_sort_by_when_they_were_written() -> None:
    assert act(1).record_id < act(2).record_id < act(11).record_id


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_exists_in_every_language_and_merges_the_same(language: str) -> None:
    def fields(sentence: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(sentence) if name}

    assert wordings(language).keys() == wordings("da").keys()
    for key, sentence in wordings(language).items():
        assert fields(sentence) == fields(wordings("da")[key])
        assert "!" not in sentence


def test_a_changed_sentence_gets_a_version_of_its_own() -> None:
    written = "\n".join(
        f"{language} {key} {text}" for language in LANGUAGES for key, text in wordings(language).items()
    )
    digests = {
        1: "176e6f85fbbd26b4505b9e7b5e89e15c652f7c107b114a0033c3731262d295ab",
        2: "bc38534d7e78d3f46ccaeb96965135e5279444631a9be01fbf9fafa59f4fa707",
    }
    assert hashlib.sha256(written.encode()).hexdigest() == digests[WORDING_VERSION]


def test_a_permission_names_the_club_its_goods_and_its_channel() -> None:
    sms = permission_wording(PermissionKind.SMS, "da", "Bager Holm", "brød og kager")
    assert sms == PermissionText(
        PermissionKind.SMS,
        WORDING_VERSION,
        "Ja tak, Bager Holm må sende mig tilbud, nyheder og invitationer om brød og kager på sms. "
        "Jeg kan altid sige stop igen, gratis, via linket i beskeden eller på min side.",
    )
    assert "på e-post" in permission_wording(PermissionKind.EMAIL, "nb", "Bager Holm", "brød og kager").wording


def test_terms_are_accepted_in_the_pages_language_or_else_the_clubs() -> None:
    club = make_club(language="nb")
    assert terms_wording(club) == "Jeg har lest vilkårene for kundeklubben hos Bager Holm og godtar dem."
    assert terms_wording(club, "en") == "I have read the terms of the customer club at Bager Holm and accept them."


def test_a_club_that_has_not_said_what_it_sells_asks_for_no_permission() -> None:
    club: Club = make_club(join_page=None)
    with pytest.raises(ValueError, match="advertising"):
        club_permission(club, PermissionKind.SMS, "da")


@pytest.mark.parametrize("name", ["{club}", "{goods}", "{0}", "100 % {"])
def test_a_clubs_name_is_merged_as_it_is(name: str) -> None:
    assert name in permission_wording(PermissionKind.SMS, "da", name, "brød").wording
