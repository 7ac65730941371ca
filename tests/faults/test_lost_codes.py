"""The answer lost after the write: a code is sent once, a try counts once, a card opens once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import HTTPClientError

from stamkunde.settings import Settings
from tests.access_scene import CALLER, AccessScene, access_scene, make_member
from tests.faults.conftest import READ_TIMEOUT
from tests.faults.proxy import FaultProxy, lost_answer
from tests.tables import create_tables

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

WRITE = "TransactWriteItems"


@dataclass
class CodesBehindProxy:
    """A club's codes, reached through the proxy by the production client."""

    access: AccessScene
    proxy: FaultProxy

    def tries_counted(self) -> int:
        return sum(row["tries"] for row in self.access.rows_of("CODE"))

    def codes_counted(self) -> set[int]:
        return {row["used"] for row in self.access.rows_of("LIMIT")}


@pytest.fixture
def behind(
    engine_endpoint: str, fault_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CodesBehindProxy]:
    from stamkunde.bootstrap import CLIENT_CONFIG, dynamodb_client

    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", fault_proxy.url)
        patch.setenv("AWS_ACCESS_KEY_ID", f"{random.randrange(10**11, 10**12)}")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        config = CLIENT_CONFIG.merge(Config(read_timeout=READ_TIMEOUT))
        client: DynamoDBClient = dynamodb_client(Settings(region="eu-north-1"), config)
        create_tables(client)
        yield CodesBehindProxy(access_scene(client, engine_endpoint), fault_proxy)
    fault_proxy.relent()


def test_a_code_whose_asking_was_not_answered_once_is_sent_once(behind: CodesBehindProxy) -> None:
    behind.proxy.inject(lost_answer(operation=WRITE, times=1))
    asked = behind.access.ask()
    assert (behind.proxy.fired(), behind.access.messages_waiting()) == (1, 1)
    assert behind.codes_counted() == {1}
    assert behind.access.answer(asked, behind.access.code(asked)) == "right"


def test_a_form_sent_again_after_no_answer_leads_to_the_code_that_was_sent(behind: CodesBehindProxy) -> None:
    behind.proxy.inject(lost_answer(operation=WRITE))
    with pytest.raises(HTTPClientError):
        behind.access.ask(once="letters")
    behind.proxy.relent()
    asked = behind.access.ask(once="letters")
    assert (behind.access.messages_waiting(), behind.codes_counted()) == (1, {1})
    assert len(behind.access.woken()) == 1
    assert behind.access.answer(asked, behind.access.code(asked)) == "right"


def test_a_try_whose_counting_was_not_answered_once_counts_once(behind: CodesBehindProxy) -> None:
    asked = behind.access.ask()
    behind.proxy.inject(lost_answer(operation=WRITE, times=1))
    assert behind.access.answer(asked, behind.access.wrong_code(asked)) == "code_wrong"
    assert (behind.proxy.fired(), behind.tries_counted()) == (1, 1)


def test_a_code_is_never_compared_when_its_try_may_not_be_counted(behind: CodesBehindProxy) -> None:
    asked = behind.access.ask()
    behind.proxy.inject(lost_answer(operation=WRITE))
    with pytest.raises(HTTPClientError):
        behind.access.check(asked, behind.access.code(asked))
    behind.proxy.relent()
    assert behind.tries_counted() == 1
    assert behind.access.answer(asked, behind.access.code(asked)) == "right"


def test_a_use_whose_answer_was_lost_leads_back_to_its_device(behind: CodesBehindProxy) -> None:
    access, member = behind.access, make_member()
    asked = access.ask()
    challenge = access.check(asked, access.code(asked))
    token, writes = access.devices.open(challenge, member, CALLER)
    behind.proxy.inject(lost_answer(operation=WRITE))
    with pytest.raises(HTTPClientError):
        access.store.commit([access.codes.use_write(challenge, member.member_id), *writes])
    behind.proxy.relent()
    used = access.check(asked, access.code(asked))
    assert used.was_used_by(member.member_id)
    assert access.devices.opened_by(used, member.member_id) == token
