"""The stacks that no laptop can run: held by their templates alone."""

import json
from pathlib import Path
from typing import Any

from infra.constructs.viewer_request import viewer_request_code
from infra.function_catalogue import FUNCTIONS
from infra.function_description import Http
from infra.stacks.ops import QUERIES
from infra.target import LOCAL_ORIGIN_SECRET, ORIGIN_HEADER, ORIGIN_SECRET_NAME
from stamkunde import http
from tests.infra.synthesis import TARGETS, composed
from tests.infra.templates import Stacks

REACHED = [function.name for function in FUNCTIONS if isinstance(function.trigger, Http)]
KEPT = ("/assets/*", "/openapi.json", "/docs")
NAMES_A_VISITOR = ("c-ip", "x-forwarded-for", "cs-uri-stem", "cs-uri-query", "cs(Cookie)", "cs(User-Agent)")


def test_the_front_door_sends_the_generated_secret_that_functions_compare(aws: Stacks) -> None:
    reference = f"{{{{resolve:secretsmanager:{ORIGIN_SECRET_NAME}:SecretString:::}}}}"
    (origin,) = _distribution(aws)["Origins"]
    assert origin["OriginCustomHeaders"] == [{"HeaderName": ORIGIN_HEADER, "HeaderValue": reference}]
    for name in REACHED:
        assert aws.function(name).properties["Environment"]["Variables"]["ORIGIN_SECRET"] == reference
    assert http.ORIGIN_HEADER == ORIGIN_HEADER


def test_the_local_front_door_sends_what_local_functions_compare(local: Stacks) -> None:
    for name in REACHED:
        variables = local.function(name).properties["Environment"]["Variables"]
        assert variables["ORIGIN_SECRET"] == LOCAL_ORIGIN_SECRET


def test_the_secret_is_long_generated_and_copied_to_the_edge(aws: Stacks) -> None:
    (secret,) = aws.resources("AWS::SecretsManager::Secret")
    assert secret.properties["Name"] == ORIGIN_SECRET_NAME
    assert secret.properties["GenerateSecretString"]["PasswordLength"] >= 32
    assert secret.properties["ReplicaRegions"] == [{"Region": "us-east-1"}]


def test_a_version_of_the_secret_can_be_chosen_in_both_places(tmp_path: Path) -> None:
    app = composed(tmp_path, {**TARGETS["aws"], "origin_secret_version": "v2"})
    app.synth()
    stacks = Stacks.read(tmp_path / "assembly")
    reference = f"{{{{resolve:secretsmanager:{ORIGIN_SECRET_NAME}:SecretString:::v2}}}}"
    for stack, places in (("StamkundeService", len(REACHED)), ("StamkundeEdge", 1)):
        assert json.dumps(stacks.templates[stack]).count(reference) == places


def test_nothing_but_tls_1_2_and_later_comes_in_or_goes_to_the_origin(aws: Stacks) -> None:
    distribution = _distribution(aws)
    assert distribution["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    protocols = {path: behaviour["ViewerProtocolPolicy"] for path, behaviour in _behaviours(aws).items()}
    assert protocols == {"*": "redirect-to-https", "/v1/*": "https-only"} | dict.fromkeys(KEPT, "redirect-to-https")
    (origin,) = distribution["Origins"]
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
    assert origin["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]


def test_the_origin_is_the_api_in_the_eu(aws: Stacks) -> None:
    (origin,) = _distribution(aws)["Origins"]
    reference, rest = origin["DomainName"]["Fn::Join"][1]
    (api,) = aws.resources("AWS::ApiGatewayV2::Api")
    assert aws.target_of(reference) == api.logical_id
    assert rest == ".execute-api.eu-north-1.amazonaws.com"


def test_nothing_is_kept_but_what_is_the_same_for_everybody(aws: Stacks) -> None:
    caching_disabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    caching_optimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    policies = {path: behaviour["CachePolicyId"] for path, behaviour in _behaviours(aws).items()}
    assert policies == {"*": caching_disabled, "/v1/*": caching_disabled} | dict.fromkeys(KEPT, caching_optimized)
    kept_by_default = {404, 405, 414, 500, 501, 502, 503, 504}
    ttls = {error["ErrorCode"]: error["ErrorCachingMinTTL"] for error in _distribution(aws)["CustomErrorResponses"]}
    assert ttls == dict.fromkeys(kept_by_default, 0)


def test_functions_see_what_the_visitor_sent_and_nothing_of_it_for_what_is_kept(aws: Stacks) -> None:
    all_viewer_except_host = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    policies = {path: behaviour.get("OriginRequestPolicyId") for path, behaviour in _behaviours(aws).items()}
    assert policies == {"*": all_viewer_except_host, "/v1/*": all_viewer_except_host} | dict.fromkeys(KEPT)


def test_every_behaviour_says_who_calls(aws: Stacks) -> None:
    (function,) = aws.resources("AWS::CloudFront::Function")
    assert function.properties["FunctionConfig"]["Runtime"] == "cloudfront-js-2.0"
    assert function.properties["AutoPublish"] is True
    assert function.properties["FunctionCode"] == viewer_request_code("club.example.com", "k.example.com")
    for behaviour in _behaviours(aws).values():
        (association,) = behaviour["FunctionAssociations"]
        assert association["EventType"] == "viewer-request"
        assert aws.target_of(association["FunctionARN"]) == function.logical_id


def test_every_answer_carries_the_security_headers(aws: Stacks) -> None:
    (policy,) = aws.resources("AWS::CloudFront::ResponseHeadersPolicy")
    for behaviour in _behaviours(aws).values():
        assert aws.target_of(behaviour["ResponseHeadersPolicyId"]) == policy.logical_id
    headers = policy.properties["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 365 * 24 * 3600
    assert headers.keys() == {
        "StrictTransportSecurity",
        "ContentTypeOptions",
        "FrameOptions",
        "ReferrerPolicy",
    }


def test_the_web_acl_counts_each_address_and_knows_bad_requests(aws: Stacks) -> None:
    (acl,) = aws.resources("AWS::WAFv2::WebACL")
    assert aws.target_of(_distribution(aws)["WebACLId"]) == acl.logical_id
    assert acl.properties["Scope"] == "CLOUDFRONT"
    rules = {rule["Name"]: rule for rule in acl.properties["Rules"]}
    assert rules["TooManyRequests"]["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    assert rules["TooManyRequests"]["Action"] == {"Block": {"CustomResponse": {"ResponseCode": 429}}}
    assert {"AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"} <= rules.keys()
    assert sorted(rule["Priority"] for rule in rules.values()) == list(range(len(rules)))


def test_a_batch_of_receipts_passes_the_web_acl(aws: Stacks) -> None:
    assert "SizeRestrictions_BODY" in _counted(aws)["AWSManagedRulesCommonRuleSet"]


def test_whatever_somebody_types_as_a_name_reaches_the_page_that_refuses_it(aws: Stacks) -> None:
    free_text = {"CrossSiteScripting_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "EC2MetaDataSSRF_BODY"}
    assert free_text <= _counted(aws)["AWSManagedRulesCommonRuleSet"]


def test_what_no_visitor_types_is_still_turned_away(aws: Stacks) -> None:
    counted = {rule for rules in _counted(aws).values() for rule in rules}
    assert {rule for rule in counted if not rule.endswith("_BODY")} == {"NoUserAgent_HEADER"}
    assert _counted(aws)["AWSManagedRulesKnownBadInputsRuleSet"] == set()


def test_no_log_outside_the_eu_names_a_visitor(aws: Stacks) -> None:
    (delivery,) = aws.resources("AWS::Logs::Delivery")
    assert "sc-status" in delivery.properties["RecordFields"]
    assert not set(delivery.properties["RecordFields"]) & set(NAMES_A_VISITOR)
    assert "Logging" not in _distribution(aws)
    (acl,) = aws.resources("AWS::WAFv2::WebACL")
    configurations = [acl.properties, *acl.properties["Rules"]]
    assert not any(each["VisibilityConfig"]["SampledRequestsEnabled"] for each in configurations)


def test_the_certificate_is_for_both_domains(aws: Stacks) -> None:
    (certificate,) = aws.resources("AWS::CertificateManager::Certificate")
    assert certificate.properties["DomainName"] == "club.example.com"
    assert certificate.properties["SubjectAlternativeNames"] == ["k.example.com"]
    assert certificate.properties["ValidationMethod"] == "DNS"
    assert _distribution(aws)["Aliases"] == ["club.example.com", "k.example.com"]


def test_the_budget_tells_the_operator_before_and_after(aws: Stacks) -> None:
    (budget,) = aws.resources("AWS::Budgets::Budget")
    assert budget.properties["Budget"]["BudgetLimit"] == {"Amount": 50, "Unit": "USD"}
    notifications = budget.properties["NotificationsWithSubscribers"]
    assert [each["Notification"]["NotificationType"] for each in notifications] == ["ACTUAL", "FORECASTED"]
    assert {each["Subscribers"][0]["Address"] for each in notifications} == {"operator@example.com"}


def test_the_till_is_down_when_its_errors_throttles_or_answers_say_so(aws: Stacks) -> None:
    (composite,) = aws.resources("AWS::CloudWatch::CompositeAlarm")
    pieces = composite.properties["AlarmRule"]["Fn::Join"][1]
    alarms = [aws.target_of(piece) for piece in pieces if not isinstance(piece, str)]
    watched = {
        alarm.properties["MetricName"]: alarm.properties["Dimensions"]
        for alarm in aws.resources("AWS::CloudWatch::Alarm")
        if alarm.logical_id in alarms
    }
    assert len(alarms) == len(watched)
    # Not the API's 5xx: nobody is woken at night for an error of a page.
    assert watched.pop("ServerErrors") == [{"Name": "service", "Value": "till_api"}]
    assert watched.keys() == {"Errors", "Throttles"}
    for dimensions in watched.values():
        assert [aws.target_of(each["Value"]) for each in dimensions] == [aws.function("till_api").logical_id]


def test_the_saved_queries_read_all_functions_logs(aws: Stacks) -> None:
    queries = [query.properties for query in aws.resources("AWS::Logs::QueryDefinition")]
    assert {query["Name"] for query in queries} == {f"Stamkunde/{title}" for title in QUERIES}
    groups = {
        aws.target_of(function.properties["LoggingConfig"]["LogGroup"])
        for function in aws.resources("AWS::Lambda::Function")
    }
    assert all({aws.target_of(group) for group in query["LogGroupNames"]} == groups for query in queries)


def _counted(aws: Stacks) -> dict[str, set[str]]:
    """The managed rules that count only, by their group."""
    (acl,) = aws.resources("AWS::WAFv2::WebACL")
    groups = [
        rule["Statement"]["ManagedRuleGroupStatement"]
        for rule in acl.properties["Rules"]
        if "ManagedRuleGroupStatement" in rule["Statement"]
    ]
    assert all(
        each["ActionToUse"] == {"Count": {}} for group in groups for each in group.get("RuleActionOverrides", [])
    )
    return {group["Name"]: {each["Name"] for each in group.get("RuleActionOverrides", [])} for group in groups}


def _distribution(aws: Stacks) -> dict[str, Any]:
    (distribution,) = aws.resources("AWS::CloudFront::Distribution")
    configuration: dict[str, Any] = distribution.properties["DistributionConfig"]
    return configuration


def _behaviours(aws: Stacks) -> dict[str, dict[str, Any]]:
    distribution = _distribution(aws)
    by_path = {each["PathPattern"]: each for each in distribution["CacheBehaviors"]}
    return {"*": distribution["DefaultCacheBehavior"], **by_path}
