"""The name that a text message comes from: what every gateway takes, and what members recognise."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stamkunde.messaging.sender import GENERIC, LAST_RESORT, sender_id

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
