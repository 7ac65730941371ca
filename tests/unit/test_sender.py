"""Who a message comes from: what every gateway takes, and what members recognise."""

from __future__ import annotations

import re
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.messaging.sender import GENERIC, LAST_RESORT, mail_sender, sender_id

ACCEPTED = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9-]{1,9}[A-Za-z0-9]")


@pytest.mark.parametrize(
    ("club", "sender"),
    [
        ("Bager Ærø", "BagerAeroe"),
        ("Brødrene Smør", "BrodreneSmo"),
        ("Bager Holm", "BagerHolm"),
        ("Café Ciné", "CafeCine"),
        ("Ba\u030aden", "Baaden"),
        ("Straße & Söhne", "StraseSohne"),
        ("7-Eleven", "7-Eleven"),
        ("- Ø -", "Stamkunde"),
        ("Sko-kongen-Aarhus", "Sko-kongen"),
        ("H&M", "Stamkunde"),
        ("1234", "Stamkunde"),
        ("Info", "Stamkunde"),
        ("S.M.S.", "Stamkunde"),
        ("Пекарня", "Stamkunde"),
        ("🥐", "Stamkunde"),
    ],
)
def test_the_sender_is_made_of_the_clubs_name(club: str, sender: str) -> None:
    assert sender_id(club) == sender


@given(st.text(min_size=1, max_size=60))
def test_whatever_a_club_is_called_every_gateway_takes_its_sender(club: str) -> None:
    sender = sender_id(club)
    assert ACCEPTED.fullmatch(sender)
    assert sender.lower() not in GENERIC
    assert ACCEPTED.fullmatch(LAST_RESORT)


@pytest.mark.parametrize(
    ("club", "written"),
    [
        ("Bager Holm", "Bager Holm <bager@stamkunde.test>"),
        ("Holm, Bager", '"Holm, Bager" <bager@stamkunde.test>'),
        ("Bager\r\nBcc: x@example.com", '"Bager Bcc: x@example.com" <bager@stamkunde.test>'),
        ("Bager Ærø", "=?utf-8?b?QmFnZXIgw4Zyw7g=?= <bager@stamkunde.test>"),
    ],
)
def test_an_e_mail_comes_from_the_clubs_name(club: str, written: str) -> None:
    assert mail_sender(club, "bager", "stamkunde.test") == written


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Z"]), min_size=1, max_size=80))
def test_whatever_a_club_is_called_its_name_and_address_come_back_out_of_one_line(club: str) -> None:
    sender = mail_sender(club, "bager", "stamkunde.test")
    name, address = parseaddr(sender)
    assert address == "bager@stamkunde.test"
    assert str(make_header(decode_header(name))) == club
    assert sender.isascii()
    assert sender.isprintable()
