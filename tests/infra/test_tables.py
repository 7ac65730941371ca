"""Every table can be brought back, can't be deleted by accident, and lies under the one customer key."""

import pytest

from infra.function_catalogue import TABLES
from infra.stacks.data import RECOVERY_DAYS
from tests.infra.templates import Resource, Stacks

LONGEST_RECOVERY_AWS_ALLOWS = 35

every_table = pytest.mark.parametrize("name", TABLES)


def test_there_are_the_catalogued_tables_and_no_others(stacks: Stacks) -> None:
    tables = {table.logical_id for table in stacks.resources("AWS::DynamoDB::Table")}
    assert tables == {_table(name, stacks).logical_id for name in TABLES}
    assert not stacks.resources("AWS::DynamoDB::GlobalTable")


@every_table
def test_every_table_can_be_brought_back_for_31_days(name: str, stacks: Stacks) -> None:
    assert _table(name, stacks).properties["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": True,
        "RecoveryPeriodInDays": 31,
    }
    assert RECOVERY_DAYS == 31 <= LONGEST_RECOVERY_AWS_ALLOWS


@every_table
def test_every_table_outlives_its_stack(name: str, stacks: Stacks) -> None:
    table = _table(name, stacks)
    assert table.properties["DeletionProtectionEnabled"] is True
    assert table.definition["DeletionPolicy"] == "Retain"
    assert table.definition["UpdateReplacePolicy"] == "Retain"


@every_table
def test_every_table_lies_under_the_customer_key(name: str, stacks: Stacks) -> None:
    (key,) = stacks.resources("AWS::KMS::Key")
    encryption = _table(name, stacks).properties["SSESpecification"]
    assert encryption["SSEEnabled"] is True
    assert stacks.target_of(encryption["KMSMasterKeyId"]) == key.logical_id


def test_the_customer_key_turns_and_outlives_its_stack(stacks: Stacks) -> None:
    (key,) = stacks.resources("AWS::KMS::Key")
    assert key.properties["EnableKeyRotation"] is True
    assert key.definition["DeletionPolicy"] == "Retain"


@every_table
def test_every_table_has_one_key_and_no_index(name: str, stacks: Stacks) -> None:
    properties = _table(name, stacks).properties
    assert properties["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert not properties.keys() & {"GlobalSecondaryIndexes", "LocalSecondaryIndexes"}


def test_only_rows_of_the_members_and_the_messages_table_go_by_themselves(stacks: Stacks) -> None:
    cleared = {name: _table(name, stacks).properties.get("TimeToLiveSpecification") for name in TABLES}
    for name in ("members", "messages"):
        assert cleared.pop(name) == {"AttributeName": "expires", "Enabled": True}
    assert set(cleared.values()) == {None}


def test_the_mail_domain_outlives_its_stack(stacks: Stacks) -> None:
    """A new identity would have other DKIM records than those in the domain's zone."""
    (identity,) = stacks.resources("AWS::SES::EmailIdentity", "StamkundeData")
    assert identity.definition["DeletionPolicy"] == "Retain"


def test_a_stream_tells_of_the_ledger_and_of_members_the_keys_only(stacks: Stacks) -> None:
    """What a member's row holds is in no stream, and so in no queue of what could not be taken in."""
    streams = {name: _table(name, stacks).properties.get("StreamSpecification") for name in TABLES}
    assert streams.pop("ledger") == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert streams.pop("members") == {"StreamViewType": "KEYS_ONLY"}
    assert set(streams.values()) == {None}


def _table(name: str, stacks: Stacks) -> Resource:
    wanted = stacks.target_of(stacks.templates["StamkundeData"]["Outputs"][f"{name.title()}Table"]["Value"])
    (table,) = [each for each in stacks.resources("AWS::DynamoDB::Table") if each.logical_id == wanted]
    return table
