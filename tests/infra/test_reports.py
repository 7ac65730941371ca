"""What gateways report comes in by a topic that nobody else may publish to; what they ask of us is secret."""

from pathlib import Path

import pytest

from infra.constructs.report_topic import PUBLISHERS
from infra.function_catalogue import FUNCTIONS
from infra.target import TargetRefused
from tests.infra.synthesis import TARGETS, composed
from tests.infra.templates import Stacks, actions, as_list


def test_reports_reach_one_queue_by_an_encrypted_topic_that_only_gateways_publish_to(stacks: Stacks) -> None:
    (topic,) = stacks.resources("AWS::SNS::Topic", "StamkundeService")
    (policy,) = stacks.resources("AWS::SNS::TopicPolicy", "StamkundeService")
    (subscription,) = stacks.resources("AWS::SNS::Subscription", "StamkundeService")
    assert topic.properties["KmsMasterKeyId"]
    allowed = [each for each in policy.properties["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    assert {service for each in allowed for service in as_list(each["Principal"]["Service"])} == {*PUBLISHERS}
    for statement in allowed:
        (ours,) = [value for name, value in statement["Condition"]["StringEquals"].items() if "Account" in name]
        assert ours == {"Ref": "AWS::AccountId"}
    (mapping,) = [
        each
        for each in stacks.resources("AWS::Lambda::EventSourceMapping")
        if stacks.target_of(each.properties["FunctionName"]) == stacks.function("delivery_worker").logical_id
    ]
    queue = stacks.target_of(mapping.properties["EventSourceArn"])
    assert stacks.target_of(subscription.properties["Endpoint"]) == queue
    assert subscription.properties["RawMessageDelivery"] is True


def test_the_key_may_be_used_by_whoever_publishes_reports(stacks: Stacks) -> None:
    (key,) = stacks.resources("AWS::KMS::Key")
    allowed = [
        service
        for each in key.properties["KeyPolicy"]["Statement"]
        if each["Effect"] == "Allow" and "Condition" in each
        for service in as_list(each["Principal"].get("Service", []))
    ]
    assert {*PUBLISHERS} <= {*allowed}


def test_mail_is_reported_and_no_opening_or_click_is_followed(stacks: Stacks) -> None:
    (destination,) = stacks.resources("AWS::SES::ConfigurationSetEventDestination")
    told = destination.properties["EventDestination"]
    assert sorted(told["MatchingEventTypes"]) == ["bounce", "complaint", "delivery", "reject"]
    (topic,) = stacks.resources("AWS::SNS::Topic", "StamkundeService")
    assert stacks.target_of(told["SnsDestination"]["TopicARN"]) == topic.logical_id


def test_each_secret_is_read_by_those_alone_who_need_it(stacks: Stacks) -> None:
    read = {
        (function.name, statement["Resource"]["Fn::Join"][1][-1].rpartition("/")[2])
        for function in FUNCTIONS
        for statement in stacks.statements(stacks.target_of(stacks.function(function.name).properties["Role"]))
        if actions(statement) == {"ssm:GetParameter"}
    }
    assert read == {("campaign_worker", "token"), ("gateway_hook", "hook")}


def test_end_user_messaging_is_there_once_it_is_chosen(tmp_path: Path) -> None:
    app = composed(tmp_path, {**TARGETS["aws"], "sms_gateway": "voice"})
    app.synth()
    stacks = Stacks.read(tmp_path / "assembly")
    (texts,) = stacks.resources("AWS::SMSVOICE::ConfigurationSet")
    variables = stacks.function("campaign_worker").properties["Environment"]["Variables"]
    assert (variables["SMS_GATEWAY"], variables["SMS_CONFIGURATION_SET"]) == (
        "voice",
        texts.properties["ConfigurationSetName"],
    )
    role = stacks.target_of(stacks.function("campaign_worker").properties["Role"])
    granted = {action for statement in stacks.statements(role) for action in actions(statement)}
    assert "sms-voice:SendTextMessage" in granted


def test_a_gateway_that_there_is_none_of_stops_synthesis(tmp_path: Path) -> None:
    with pytest.raises(TargetRefused, match="sms_gateway=pigeon: choose one of sns, voice, gatewayapi"):
        composed(tmp_path, {**TARGETS["aws"], "sms_gateway": "pigeon"})
