"""The HTTP API: every catalogued route reaches its function, and the access log names nobody."""

import json
import re
from typing import Any

from infra.function_catalogue import FUNCTIONS, Http
from tests.infra.templates import Stacks

ROUTES = [route for function in FUNCTIONS if isinstance(function.trigger, Http) for route in function.trigger.routes]


def test_the_api_has_one_proxy_route_and_the_default(stacks: Stacks) -> None:
    keys = {route.properties["RouteKey"] for route in stacks.resources("AWS::ApiGatewayV2::Route")}
    assert keys == {"ANY /v1/{proxy+}", "$default"}


def test_every_catalogued_route_is_under_the_proxy_route(stacks: Stacks) -> None:
    (proxy,) = [
        key.removeprefix("ANY ").removesuffix("{proxy+}") for key in _route_keys(stacks) if key.endswith("{proxy+}")
    ]
    assert ROUTES
    assert all(route.path.startswith(proxy) for route in ROUTES)
    assert all(re.fullmatch(r"(/[a-z0-9_{}-]+)+", route.path) for route in ROUTES)


def test_no_two_catalogued_routes_are_the_same() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert len({route.name for route in ROUTES}) == len(ROUTES)


def test_every_route_leads_to_till_api_with_payload_version_2(stacks: Stacks) -> None:
    integrations = {each.logical_id: each.properties for each in stacks.resources("AWS::ApiGatewayV2::Integration")}
    till_api = stacks.function("till_api").logical_id
    for route in stacks.resources("AWS::ApiGatewayV2::Route"):
        integration = integrations[route.properties["Target"]["Fn::Join"][1][1]["Ref"]]
        assert integration["PayloadFormatVersion"] == "2.0"
        assert integration["IntegrationType"] == "AWS_PROXY"
        assert stacks.target_of(integration["IntegrationUri"]) == till_api


def test_only_the_api_may_call_till_api_and_nobody_else_is_let_in(stacks: Stacks) -> None:
    permissions = [each.properties for each in stacks.resources("AWS::Lambda::Permission")]
    assert {permission["Principal"] for permission in permissions} == {"apigateway.amazonaws.com"}
    assert {stacks.target_of(permission["FunctionName"]) for permission in permissions} == {
        stacks.function("till_api").logical_id
    }
    assert all("SourceArn" in permission for permission in permissions)


def test_the_stage_is_the_default_one_and_throttles(stacks: Stacks) -> None:
    stage = _stage(stacks)
    assert stage["StageName"] == "$default"
    assert stage["AutoDeploy"] is True
    limits = stage["DefaultRouteSettings"]
    assert 100 <= limits["ThrottlingRateLimit"] <= limits["ThrottlingBurstLimit"] <= 1000


def test_the_access_log_names_nobody(stacks: Stacks) -> None:
    """Neither an address nor a path nor a user agent: a path names a member, an address a person."""
    settings = _stage(stacks)["AccessLogSettings"]
    assert stacks.target_of(settings["DestinationArn"])
    variables = set(json.loads(settings["Format"]).values())
    assert variables == {
        "$context.requestId",
        "$context.requestTimeEpoch",
        "$context.routeKey",
        "$context.status",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.integrationLatency",
        "$context.integrationStatus",
        "$context.error.responseType",
    }


def _stage(stacks: Stacks) -> dict[str, Any]:
    (stage,) = stacks.resources("AWS::ApiGatewayV2::Stage")
    return stage.properties


def _route_keys(stacks: Stacks) -> list[str]:
    return [str(route.properties["RouteKey"]) for route in stacks.resources("AWS::ApiGatewayV2::Route")]
