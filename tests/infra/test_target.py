"""Where Stamkunde may be deployed to: the EU, and never with clocks that move."""

import json
from pathlib import Path

import botocore.session
import pytest

from infra.packaging import ROOT
from infra.target import EDGE_REGION, EU_REGIONS, Kind, Target, TargetRefused, read_target
from tests.infra.synthesis import composed
from tests.infra.templates import Stacks


@pytest.mark.parametrize("region", sorted(EU_REGIONS))
def test_every_region_of_the_eu_is_taken_where_messages_can_be_sent(region: str) -> None:
    assert _target(region=region).region == region
    session = botocore.session.get_session()
    for sends in ("sesv2", "sns", "pinpoint-sms-voice-v2"):
        assert region in session.get_available_regions(sends)


@pytest.mark.parametrize(
    "region", ["us-east-1", "eu-west-2", "eu-central-2", "eu-south-2", "ap-south-1", "", "eu-north-2"]
)
@pytest.mark.parametrize("target", ["aws", "local"])
def test_a_region_outside_the_eu_is_refused(target: str, region: str) -> None:
    with pytest.raises(TargetRefused, match="customers' data stays in the EU"):
        _target(target=target, region=region)


def test_synthesis_for_virginia_fails(tmp_path: Path) -> None:
    with pytest.raises(TargetRefused, match="region=us-east-1"):
        composed(tmp_path, {"region": "us-east-1"})


@pytest.mark.parametrize("name", ["club_clocks", "CLUB_CLOCKS"])
@pytest.mark.parametrize("value", ["allowed", "", "no"])
def test_movable_clocks_are_refused_for_aws(name: str, value: str) -> None:
    with pytest.raises(TargetRefused, match=f"^{name}: .*local target only"):
        _target(**{name: value})


def test_synthesis_for_aws_with_movable_clocks_fails(tmp_path: Path) -> None:
    with pytest.raises(TargetRefused, match="club_clocks"):
        composed(tmp_path, {"target": "aws", "club_clocks": "allowed"})


def test_no_function_on_aws_has_a_movable_clock(aws: Stacks) -> None:
    assert "CLUB_CLOCKS" not in json.dumps(list(aws.templates.values()))


@pytest.mark.parametrize("target", ["azure", "AWS", ""])
def test_an_unknown_target_is_refused(target: str) -> None:
    with pytest.raises(TargetRefused, match="there are only aws and local"):
        _target(target=target)


@pytest.mark.parametrize("name", ["monthly_budget_usd", "sms_quota_usd"])
@pytest.mark.parametrize("amount", ["0", "-5", "12.50", "many"])
def test_an_amount_that_is_no_whole_number_of_dollars_is_refused(name: str, amount: str) -> None:
    with pytest.raises(TargetRefused, match=f"^{name}="):
        _target(**{name: amount})


@pytest.mark.parametrize("name", ["domain", "short_domain", "mail_domain"])
@pytest.mark.parametrize(
    "given", ["", "club", "Club.example.com", "https://club.example.com", "club.example.com/", "-.dk"]
)
def test_a_domain_that_is_none_is_refused(name: str, given: str) -> None:
    with pytest.raises(TargetRefused, match=f"^{name}="):
        _target(**{name: given})


def test_the_short_domain_is_not_the_pages_own() -> None:
    with pytest.raises(TargetRefused, match="everything under it leads to the pages"):
        _target(domain="k.example.com", short_domain="k.example.com")


def test_the_default_is_aws_in_stockholm() -> None:
    target = _target()
    assert (target.kind, target.region) == (Kind.AWS, "eu-north-1")


def test_a_source_digest_is_for_the_local_target_only() -> None:
    assert _target(target="local", source_digest="abc").source_digest == "abc"
    assert _target(target="aws", source_digest="abc").source_digest == ""


def test_no_stack_but_the_edge_is_outside_the_eu(aws: Stacks, local: Stacks) -> None:
    regions = dict(aws.regions)
    assert regions.pop("StamkundeEdge") == EDGE_REGION
    assert {*regions.values(), *local.regions.values()} == {"eu-north-1"}


def test_the_local_target_has_the_three_stacks_the_engine_can_hold(aws: Stacks, local: Stacks) -> None:
    assert set(local.templates) == {"StamkundeData", "StamkundeService", "StamkundeMonitoring"}
    assert set(aws.templates) == set(local.templates) | {"StamkundeEdge", "StamkundeOps"}


def test_cdk_json_runs_the_app_as_a_module() -> None:
    """As a script, infra/constructs would hide PyPI's constructs."""
    assert json.loads((ROOT / "cdk.json").read_text())["app"] == "python -m infra.app"


def _target(**context: str) -> Target:
    return read_target(context.get)
