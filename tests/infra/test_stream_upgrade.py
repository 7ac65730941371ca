"""A stack from before segments gets the members table's stream in place: no row is lost, and only keys are told."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import Any

from tests.aws_clients import engine_client
from tests.infra.templates import Stacks

STACK = "StamkundeData"
MEMBER = {"pk": {"S": "M#c1#m1"}, "sk": {"S": "MEMBER"}, "phone": {"S": "+4520123456"}}


def template(stacks: Stacks, *, streamed: bool) -> str:
    """The members table as it is deployed, alone; or as it was before it had a stream."""
    output = stacks.templates[STACK]["Outputs"]["MembersTable"]["Value"]
    table = deepcopy(stacks.templates[STACK]["Resources"][stacks.target_of(output)])
    # The customer's key is a resource of its own.
    del table["Properties"]["SSESpecification"]
    if not streamed:
        del table["Properties"]["StreamSpecification"]
    outputs: dict[str, Any] = {"Table": {"Value": {"Ref": "MembersTable"}}}
    if streamed:
        outputs["Stream"] = {"Value": {"Fn::GetAtt": ["MembersTable", "StreamArn"]}}
    return json.dumps({"Resources": {"MembersTable": table}, "Outputs": outputs})


def outputs_of(cloudformation: Any) -> dict[str, str]:
    (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def test_an_older_table_gets_its_stream_in_place(local: Stacks, engine_endpoint: str) -> None:
    account = f"{random.randrange(10**11, 10**12)}"
    cloudformation, tables, streams = (
        engine_client(service, engine_endpoint, account=account)
        for service in ("cloudformation", "dynamodb", "dynamodbstreams")
    )
    cloudformation.create_stack(StackName=STACK, TemplateBody=template(local, streamed=False))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    name = outputs_of(cloudformation)["Table"]
    assert "LatestStreamArn" not in tables.describe_table(TableName=name)["Table"]
    tables.put_item(TableName=name, Item=MEMBER)

    cloudformation.update_stack(StackName=STACK, TemplateBody=template(local, streamed=True))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    after = outputs_of(cloudformation)
    described = tables.describe_table(TableName=name)["Table"]
    assert after == {"Table": name, "Stream": described["LatestStreamArn"]}
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert tables.scan(TableName=name)["Items"] == [MEMBER]

    tables.put_item(TableName=name, Item=MEMBER | {"first_name": {"S": "Mette"}})
    (told,) = records(streams, after["Stream"])
    assert told["eventName"] == "MODIFY"
    assert told["dynamodb"]["Keys"] == {"pk": MEMBER["pk"], "sk": MEMBER["sk"]}
    assert told["dynamodb"].keys().isdisjoint({"NewImage", "OldImage"})
    assert "Mette" not in json.dumps(told, default=str)


def records(streams: Any, arn: str) -> list[dict[str, Any]]:
    """All that a stream tells from its beginning."""
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    begin = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(**begin)["ShardIterator"]
    found: list[dict[str, Any]] = streams.get_records(ShardIterator=iterator)["Records"]
    return found
