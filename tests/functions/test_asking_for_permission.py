"""How permissions are asked for: each by itself, nothing ticked beforehand, and with the way back beside it (R2)."""

from __future__ import annotations

import re

import pytest

from stamkunde.members.consents import PermissionKind
from stamkunde.members.wordings import permission_wording
from stamkunde.shared.language import LANGUAGES
from tests.functions.conftest import OpenClub

TAKING_BACK = {"da": "sige stop|afmelde mig", "nb": "si stopp|melde meg av", "en": "stop|unsubscribe"}


def test_no_box_is_ticked_before_somebody_ticks_it(shop: OpenClub) -> None:
    form = shop.browser().get(shop.join).form(shop.join)
    assert {"terms", "sms", "email_news"} <= form.boxes
    assert not form.boxes & form.fields.keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", PermissionKind)
def test_every_permission_says_that_it_can_be_taken_back(kind: PermissionKind, language: str) -> None:
    wording = permission_wording(kind, language, "Bager Holm", "brød").wording
    assert re.search(TAKING_BACK[language], wording)
