"""docs/processing.md has every service that the stacks deploy and every gateway, and says whose each is."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from infra import processing
from infra.processing import DOCUMENT, GATEWAYS, SERVICES, SUB_PROCESSORS, document, gateway_modules, services_in
from tests.infra.templates import Stacks


def test_the_processing_record_is_as_it_was_written(aws: Stacks) -> None:
    written = document(aws.templates, aws.regions)
    assert DOCUMENT.read_text() == written, "run: python -m infra.processing"


def test_a_service_that_is_not_described_stops_the_record(aws: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in services_in(aws.templates, aws.regions):
        with monkeypatch.context() as without:
            without.delitem(SERVICES, service)
            with pytest.raises(LookupError, match="describe"):
                document(aws.templates, aws.regions)


def test_a_service_that_is_only_called_is_seen_too() -> None:
    statement = {"Effect": "Allow", "Action": ["textract:DetectText"], "Resource": "*"}
    policy = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [statement]}}}
    templates = {"Some": {"Resources": {"Policy": policy}}}
    assert services_in(templates, {"Some": "eu-north-1"}) == {"IAM": {"eu-north-1"}, "textract": {"eu-north-1"}}
    with pytest.raises(LookupError, match="textract"):
        document(templates, {"Some": "eu-north-1"})


@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
def test_a_gateway_that_is_not_described_stops_the_record(
    gateway: str, aws: Stacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(GATEWAYS, gateway)
    with pytest.raises(LookupError, match=gateway):
        document(aws.templates, aws.regions)


def test_a_gateway_that_is_gone_stops_the_record(aws: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GATEWAYS, "fax", GATEWAYS["sms"])
    with pytest.raises(LookupError, match="fax"):
        document(aws.templates, aws.regions)


def test_every_gateway_goes_by_a_service_that_is_deployed(aws: Stacks) -> None:
    used = services_in(aws.templates, aws.regions)
    assert {GATEWAYS[name].by for name in gateway_modules()} <= used.keys()


def test_every_sub_processor_has_a_name_a_purpose_a_country_and_an_owner() -> None:
    assert SUB_PROCESSORS
    for each in SUB_PROCESSORS:
        assert all(asdict(each).values())
        assert f"| {each.name} | {each.purpose} | {each.country} | {each.owner} |" in DOCUMENT.read_text()


def test_what_is_kept_lies_in_the_union(aws: Stacks) -> None:
    used = services_in(aws.templates, aws.regions)
    assert used["DynamoDB"] == used["S3"] == {"eu-north-1"}
    assert set(processing.COUNTRIES) >= set(aws.regions.values())
