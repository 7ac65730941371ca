"""What a one-time code is made of, what can be typed as one, and how many may be asked for."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.members.codes import (
    LIMITS,
    MOST_TRIES,
    MOST_TRIES_AFTER_USE,
    Challenge,
    CodePurpose,
    LimitKind,
    Window,
    clean_code,
    counted_address,
    is_right_code,
    new_challenge,
    one_time_code,
    purpose_of,
)
from stamkunde.members.device import device_label, device_token, parse_device_token
from stamkunde.shared.one_time_code import CODE_LASTS
from stamkunde.shared.signing import SigningKey
from tests.factories import NOON

OLD, NEW = SigningKey(1, b"o" * 32), SigningKey(2, b"n" * 32)
PHONE = "+4520123456"
JOIN = CodePurpose.JOIN


def test_a_code_is_six_digits_and_the_same_again() -> None:
    codes = {one_time_code((NEW,), f"j{number}", JOIN, PHONE) for number in range(2_000)}
    assert all(len(code) == 6 and code.isdigit() for code in codes)
    assert any(code.startswith("0") for code in codes)
    assert one_time_code((NEW, OLD), "j1", JOIN, PHONE) == one_time_code((NEW,), "j1", JOIN, PHONE)


def test_codes_fall_everywhere_alike() -> None:
    first_digits = Counter(one_time_code((NEW,), f"j{number}", JOIN, PHONE)[0] for number in range(5_000))
    assert len(first_digits) == 10
    assert all(400 < count < 600 for count in first_digits.values())


@pytest.mark.parametrize(
    ("keys", "challenge", "purpose", "phone"),
    [
        ((OLD,), "j1", JOIN, PHONE),
        ((NEW,), "j2", JOIN, PHONE),
        ((NEW,), "j1", CodePurpose.OPEN_CARD, PHONE),
        ((NEW,), "j1", JOIN, "+4520123457"),
    ],
)
def test_another_key_challenge_purpose_or_number_has_another_code(
    keys: tuple[SigningKey, ...], challenge: str, purpose: CodePurpose, phone: str
) -> None:
    code = one_time_code((NEW,), "j1", JOIN, PHONE)
    assert one_time_code(keys, challenge, purpose, phone) != code
    assert not is_right_code(keys, challenge, purpose, phone, code)


def test_a_new_key_breaks_no_code_that_is_on_its_way() -> None:
    sent = one_time_code((OLD,), "j1", JOIN, PHONE)
    assert is_right_code((NEW, OLD), "j1", JOIN, PHONE, sent)
    assert is_right_code((NEW, OLD), "j1", JOIN, PHONE, one_time_code((NEW, OLD), "j1", JOIN, PHONE))
    assert not is_right_code((SigningKey(3, b"z" * 32), NEW), "j1", JOIN, PHONE, sent)


@pytest.mark.parametrize("typed", ["012345", " 012 345 ", "012-345", "012.345", "０１２３４５", "01 23 45\n"])
def test_however_a_code_is_typed_it_is_its_digits(typed: str) -> None:
    assert clean_code(typed) == "012345"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "12345\u0665", "²²²²²²a", "-", "😀" * 6])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert clean_code(typed) is None


@given(st.text(max_size=30))
def test_anything_typed_is_compared_without_breaking(typed: str) -> None:
    assert clean_code(typed) is None or len(clean_code(typed) or "") == 6
    assert not is_right_code((NEW,), "j1", JOIN, PHONE, "x" + typed.encode("utf-8", "replace").decode())


@pytest.mark.parametrize("purpose", CodePurpose)
def test_a_challenge_tells_its_purpose_and_lasts_ten_minutes(purpose: CodePurpose) -> None:
    challenge = new_challenge(purpose, NOON)
    assert purpose_of(challenge.challenge_id) is purpose
    assert timedelta(minutes=10) == CODE_LASTS
    assert not challenge.is_over(NOON + timedelta(minutes=10, milliseconds=-1))
    assert challenge.is_over(NOON + timedelta(minutes=10))


def test_five_codes_may_be_typed_and_a_few_more_once_one_was_right() -> None:
    challenge = Challenge("j1", JOIN, NOON)
    assert [challenge.tries_left, challenge.counted().tries_left] == [5, 4]
    assert Challenge("j1", JOIN, NOON, tries=MOST_TRIES).tries_left == 0
    assert Challenge("j1", JOIN, NOON, MOST_TRIES, used_by="m1").tries_left == MOST_TRIES_AFTER_USE - MOST_TRIES
    assert Challenge("j1", JOIN, NOON, MOST_TRIES_AFTER_USE, used_by="m1").tries_left == 0


def test_the_limits_are_the_agreed_ones() -> None:
    assert {(limit.kind, limit.window, limit.most) for limit in LIMITS} == {
        (LimitKind.NUMBER, Window.HOUR, 5),
        (LimitKind.NUMBER, Window.DAY, 10),
        (LimitKind.ADDRESS, Window.HOUR, 30),
        (LimitKind.CLUB, Window.HOUR, 300),
    }
    assert len({limit.purpose for limit in LIMITS}) == len(LIMITS)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
def test_a_window_is_left_exactly_when_it_says(now: datetime) -> None:
    for window in Window:
        left = window.seconds_left(now)
        start = now.replace(microsecond=0)
        assert window.name_at(start + timedelta(seconds=left - 1)) == window.name_at(now)
        assert window.name_at(start + timedelta(seconds=left)) != window.name_at(now)


@pytest.mark.parametrize(
    ("client_ip", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("nowhere", "nowhere"),
    ],
)
def test_addresses_are_counted_by_whoever_holds_them(client_ip: str, counted: str) -> None:
    assert counted_address(client_ip) == counted


CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
ANDROID = f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {CHROME}"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        (f"{ANDROID} Mobile Safari/537.36", "Chrome, Android"),
        (f"{ANDROID} Mobile Safari/537.36 EdgA/142.0", "Edge, Android"),
        (f"{ANDROID} SamsungBrowser/27.0 Mobile Safari/537.36", "Samsung Internet, Android"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 OPR/110.0", "Opera, Windows"),
        (f"{IPHONE} Version/19.0 Mobile/15E148 Safari/604.1", "Safari, iPhone"),
        (f"{IPHONE} CriOS/142.0 Mobile/15E148 Safari/604.1", "Chrome, iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Mac"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("curl/8.5", ""),
        ("", ""),
        ("<script>alert(1)</script> Firefox/1", "Firefox"),
    ],
)
def test_a_device_is_called_what_its_owner_calls_it(user_agent: str, label: str) -> None:
    assert device_label(user_agent) == label


def test_a_code_posted_twice_opens_one_device_and_another_code_another() -> None:
    token = device_token(NEW, "o1", "m0123456789abcdef")
    assert device_token(NEW, "o1", "m0123456789abcdef") == token
    others = [
        device_token(OLD, "o1", "m0123456789abcdef"),
        device_token(NEW, "o2", "m0123456789abcdef"),
        device_token(NEW, "o1", "m0123456789abcdeg"),
    ]
    assert token.device_id not in {other.device_id for other in others}
    assert token.secret not in token.device_id


def test_a_device_token_is_read_back_and_nothing_else_is() -> None:
    token = device_token(NEW, "o1", "m0123456789abcdef")
    assert parse_device_token(str(token)) == token
    for text in ("", "m0123456789abcdef", str(token)[:-1], str(token) + "x", f"m1.{token.secret}", f"{token}\n"):
        assert parse_device_token(text) is None
