"""Devices and cards on real tables: opened by a code, known again, listed, closed; a number is one card's."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from copy import replace
from typing import TYPE_CHECKING

import pytest

from stamkunde.members.card import new_card_number
from stamkunde.members.codes import CodePurpose
from stamkunde.members.consents import Caller
from stamkunde.members.device import MOST_DEVICES, parse_device_token
from stamkunde.members.model import Member
from stamkunde.shared.signing import SigningKey
from stamkunde.shared.transaction import Busy, ConditionFailed
from tests.access_scene import PHONE, AccessScene, access_scene, make_member
from tests.factories import make_club
from tests.ledger_checks import every_row, rows

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

LAPTOP = Caller("203.0.113.9", "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0")


@pytest.fixture
def scene(dynamodb: DynamoDBClient, engine_endpoint: str) -> AccessScene:
    return access_scene(dynamodb, engine_endpoint)


def device_id(token: str) -> str:
    parsed = parse_device_token(token)
    assert parsed is not None
    return parsed.device_id


def open_at_intervals(scene: AccessScene, member: Member, count: int) -> list[str]:
    tokens = []
    for _ in range(count):
        tokens.append(scene.open_device(member))
        scene.wait(hours=3)
    return tokens


def test_a_device_that_entered_a_code_is_known_again_and_listed(scene: AccessScene) -> None:
    member = make_member()
    phone = scene.open_device(member)
    scene.wait(minutes=1)
    laptop = scene.open_device(member, LAPTOP)
    assert scene.opens(phone) == scene.opens(laptop) == member.member_id
    listed = scene.devices.list(member.member_id)
    assert [(device.label, device.device_id) for device in listed] == [
        ("Firefox, Windows", device_id(laptop)),
        ("Chrome, Android", device_id(phone)),
    ]


def test_the_secret_lies_in_no_row(scene: AccessScene) -> None:
    token = scene.open_device(make_member())
    assert token.partition(".")[2] not in json.dumps(rows(scene.client, "members"))


def test_a_token_opens_nothing_of_another_member_or_club(
    scene: AccessScene, dynamodb: DynamoDBClient, engine_endpoint: str
) -> None:
    token, other = scene.open_device(make_member()), scene.open_device(make_member(phone="+4520123457"))
    secret, other_member = token.partition(".")[2], other.partition(".")[0]
    assert scene.opens(f"{other_member}.{secret}") is None
    for nothing in ("", "x", token[:-1], token.upper()):
        assert scene.opens(nothing) is None
    elsewhere = access_scene(dynamodb, engine_endpoint, club=make_club())
    assert elsewhere.opens(token) is None


def test_a_device_lasts_180_days_from_its_last_use(scene: AccessScene) -> None:
    member = make_member()
    token = scene.open_device(member)
    scene.wait(days=100)
    device = scene.devices.find(token)
    assert device is not None
    scene.devices.note_use(device)
    scene.wait(days=179, hours=23)
    assert scene.opens(token) == member.member_id
    scene.wait(hours=1)
    assert scene.opens(token) is None
    assert scene.devices.list(member.member_id) == []


def test_looking_writes_nothing_and_a_use_is_noted_once_a_day(scene: AccessScene) -> None:
    token = scene.open_device(make_member())
    scene.wait(hours=23)
    before = every_row(scene.client)
    device = scene.devices.find(token)
    assert device is not None
    scene.devices.note_use(device)
    scene.devices.list(device.member_id)
    assert every_row(scene.client) == before
    scene.wait(hours=1)
    scene.devices.note_use(device)
    assert every_row(scene.client) != before


def test_a_removed_device_is_unknown_and_noting_its_use_does_not_bring_it_back(scene: AccessScene) -> None:
    member = make_member()
    token, kept = open_at_intervals(scene, member, 2)
    device = scene.devices.find(token)
    assert device is not None
    scene.devices.remove(member.member_id, frozenset({device_id(token), "0" * 64}))
    scene.wait(days=2)
    scene.devices.note_use(device)
    assert scene.opens(token) is None
    assert scene.opens(kept) == member.member_id
    scene.devices.remove(member.member_id, frozenset({device_id(token)}))


def test_a_member_cannot_remove_somebody_elses_device(scene: AccessScene) -> None:
    mine, yours = make_member(), make_member(phone="+4520123457")
    token = scene.open_device(yours)
    scene.devices.remove(mine.member_id, frozenset({device_id(token)}))
    assert scene.opens(token) == yours.member_id


def test_twenty_who_remove_the_same_devices_at_once_all_succeed(scene: AccessScene) -> None:
    member = make_member()
    tokens = [*open_at_intervals(scene, member, 5)]
    every = frozenset(map(device_id, tokens))
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: scene.devices.remove(member.member_id, every), range(20)))
    assert scene.devices.list(member.member_id) == []


def test_the_eleventh_device_takes_the_place_of_the_one_unused_longest(scene: AccessScene) -> None:
    member = make_member()
    tokens = open_at_intervals(scene, member, MOST_DEVICES)
    first = scene.devices.find(tokens[0])
    scene.wait(days=1)
    assert first is not None
    scene.devices.note_use(first)
    newest = scene.open_device(member)
    known = {token for token in (*tokens, newest) if scene.opens(token)}
    assert known == {*tokens, newest} - {tokens[1]}
    assert len(scene.devices.list(member.member_id)) == MOST_DEVICES


def test_devices_that_are_over_go_when_another_is_opened(scene: AccessScene) -> None:
    member = make_member()
    scene.open_device(member)
    scene.wait(days=181)
    scene.open_device(member)
    assert len([row for row in rows(scene.client, "members") if row["sk"].startswith("DEVICE#")]) == 1


def test_a_code_posted_by_twenty_at_once_opens_one_device_for_all(scene: AccessScene) -> None:
    member = make_member()
    asked = scene.ask(purpose=CodePurpose.OPEN_CARD)
    typed = scene.code(asked, purpose=CodePurpose.OPEN_CARD)
    first = scene.check(asked, typed, purpose=CodePurpose.OPEN_CARD)

    def open_with(_: int) -> str | None:
        token, writes = scene.devices.open(first, member, LAPTOP)
        try:
            scene.store.commit([scene.codes.use_write(first, member.member_id), *writes])
        except (ConditionFailed, Busy):
            return scene.devices.opened_by(scene.codes.again(first), member.member_id)
        return token

    with ThreadPoolExecutor(20) as pool:
        tokens = set(pool.map(open_with, range(20)))
    assert len(tokens) == 1
    assert len(scene.devices.list(member.member_id)) == 1


def test_a_used_code_leads_back_to_its_device_also_after_a_new_signing_key(scene: AccessScene) -> None:
    member = make_member()
    token = scene.open_device(member)
    asked = scene.rows_of("CODE")[0]["pk"].rpartition("#")[2]
    challenge = scene.store.load_challenge(asked)
    assert challenge is not None
    assert scene.devices.opened_by(challenge, member.member_id) == token
    scene.club = replace(scene.club, signing_keys=(SigningKey(2, b"n" * 32), *scene.club.signing_keys))
    assert scene.devices.opened_by(challenge, member.member_id) == token
    assert scene.devices.opened_by(challenge, make_member(member_id="m-other").member_id) is None
    scene.devices.remove(member.member_id, frozenset({device_id(token)}))
    assert scene.devices.opened_by(challenge, member.member_id) is None
    assert scene.devices.opened_by(replace(challenge, used_by=None), member.member_id) is None


def test_a_members_end_closes_every_device_and_the_card(scene: AccessScene) -> None:
    member = make_member(card_number=new_card_number())
    assert member.card_number is not None
    scene.store.commit([scene.store.card_write(member.card_number, member.member_id)])
    open_at_intervals(scene, member, 3)
    scene.store.commit(
        [
            *(scene.store.device_removal(device) for device in scene.store.devices(member.member_id)),
            scene.store.card_removal(member.card_number),
        ]
    )
    assert scene.store.find_by_card(member.card_number, consistent=True) is None
    assert {row["pk"].split("#")[0] for row in rows(scene.client, "members")} == {"CODE", "LIMIT"}


def test_a_card_number_belongs_to_one_member(scene: AccessScene) -> None:
    number = new_card_number()
    scene.store.commit([scene.store.card_write(number, "m0000000000000001")])
    with pytest.raises(ConditionFailed) as failed:
        scene.store.commit([scene.store.card_write(number, "m0000000000000002")])
    assert set(failed.value.found) == {"card"}
    assert scene.store.find_by_card(number) == "m0000000000000001"
    assert scene.store.find_by_card(new_card_number()) is None


def test_no_key_tells_the_number_of_whoever_opened_a_card(scene: AccessScene) -> None:
    scene.open_device(make_member())
    keys = [row["pk"] + row["sk"] for row in rows(scene.client, "members")]
    assert keys
    assert not any(PHONE[3:] in key for key in keys)
