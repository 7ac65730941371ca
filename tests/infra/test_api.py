"""The HTTP API: every catalogued route reaches its function, and the access log names nobody."""

import json
import re
from typing import Any

from infra.function_catalogue import FUNCTIONS
from infra.function_description import Http
from infra.local.inbox import PATHS as INBOX_PATHS
from stamkunde.clubs.model import RESERVED_SLUGS
from tests.infra.templates import Stacks

REACHED = {function.name: function.trigger for function in FUNCTIONS if isinstance(function.trigger, Http)}
ROUTES = [route for trigger in REACHED.values() for route in trigger.routes]


def test_the_api_has_one_proxy_route_per_function_single_paths_and_the_default(stacks: Stacks) -> None:
    keys = [str(route.properties["RouteKey"]) for route in stacks.resources("AWS::ApiGatewayV2::Route")]
    assert sorted(keys) == [
        "$default",
        "ANY /assets/{proxy+}",
        "ANY /docs",
        "ANY /hooks/{proxy+}",
        "ANY /m/{proxy+}",
        "ANY /openapi.json",
        "ANY /v1/{proxy+}",
    ]


def test_every_catalogued_route_reaches_its_own_function(stacks: Stacks) -> None:
    """Decided as the gateway does: the proxy route whose beginning fits, else the default."""
    assert ROUTES
    for name, trigger in REACHED.items():
        assert {_reached_by(route.path) for route in trigger.routes} == {name}
    assert all(re.fullmatch(r"(/[a-z0-9_{}.-]+)+", route.path) for route in ROUTES)


def test_no_club_can_hide_a_page_of_ours(stacks: Stacks) -> None:
    """Clubs' names are first segments of addresses, as are ours."""
    firsts = {str(trigger.below).strip("/") for trigger in REACHED.values() if trigger.below}
    # A club's name has no dot.
    firsts |= {segment for route in ROUTES if not set("{.") & set(segment := route.path.split("/")[1])}
    firsts |= {path.split("/")[1] for path in INBOX_PATHS if "." not in path}
    assert firsts <= RESERVED_SLUGS


def test_no_two_catalogued_routes_are_the_same() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    for trigger in REACHED.values():
        assert len({route.name for route in trigger.routes}) == len(trigger.routes)


def test_every_gateway_route_leads_to_its_function_with_payload_version_2(stacks: Stacks) -> None:
    integrations = {each.logical_id: each.properties for each in stacks.resources("AWS::ApiGatewayV2::Integration")}
    for route in stacks.resources("AWS::ApiGatewayV2::Route"):
        integration = integrations[route.properties["Target"]["Fn::Join"][1][1]["Ref"]]
        assert integration["PayloadFormatVersion"] == "2.0"
        assert integration["IntegrationType"] == "AWS_PROXY"
        path = route.properties["RouteKey"].removeprefix("ANY ").removesuffix("/{proxy+}")
        (function,) = [
            name
            for name, trigger in REACHED.items()
            if path in trigger.at or trigger.below == (None if path == "$default" else path)
        ]
        assert stacks.target_of(integration["IntegrationUri"]) == stacks.function(function).logical_id


def test_only_the_api_may_call_functions_and_only_those_it_reaches(stacks: Stacks) -> None:
    permissions = [each.properties for each in stacks.resources("AWS::Lambda::Permission")]
    assert {permission["Principal"] for permission in permissions} == {"apigateway.amazonaws.com"}
    assert {stacks.target_of(permission["FunctionName"]) for permission in permissions} == {
        stacks.function(name).logical_id for name in REACHED
    }
    assert all("SourceArn" in permission for permission in permissions)


def test_the_stage_is_the_default_one_and_throttles(stacks: Stacks) -> None:
    stage = _stage(stacks)
    assert stage["StageName"] == "$default"
    assert stage["AutoDeploy"] is True
    limits = stage["DefaultRouteSettings"]
    assert 100 <= limits["ThrottlingRateLimit"] <= limits["ThrottlingBurstLimit"] <= 1000


def test_no_traffic_on_pages_can_use_up_what_tills_may_do(stacks: Stacks) -> None:
    """Every route has limits of its own; those of all pages together leave something even of one shared limit."""
    limits = dict(_stage(stacks)["RouteSettings"])
    routes = [route.properties["RouteKey"] for route in stacks.resources("AWS::ApiGatewayV2::Route")]
    assert sorted(limits) == sorted(routes)
    till = limits.pop("ANY /v1/{proxy+}")
    assert till == _stage(stacks)["DefaultRouteSettings"]
    for kind in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
        assert 0 < sum(page[kind] for page in limits.values()) < till[kind]


def test_limits_are_set_when_their_routes_are_there(stacks: Stacks) -> None:
    (stage,) = stacks.resources("AWS::ApiGatewayV2::Stage")
    routes = {route.logical_id for route in stacks.resources("AWS::ApiGatewayV2::Route")}
    assert routes <= set(stage.definition["DependsOn"])


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


def _reached_by(path: str) -> str:
    named = {name: trigger.below for name, trigger in REACHED.items()}
    (default,) = [name for name, below in named.items() if below is None]
    alone = [name for name, trigger in REACHED.items() if path in trigger.at]
    below = [name for name, below in named.items() if below and path.startswith(f"{below}/")]
    return [*alone, *below, default][0]
