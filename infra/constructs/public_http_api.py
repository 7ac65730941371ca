"""The HTTP API in front of tills and pages."""

import json
from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.python_function import PythonFunction
from infra.function_description import Function, Http
from stamkunde.shared.routing import Auth

# Far above what tills and visitors do, far below what an attack could cost: 300 a second is 40 dollars a day.
REQUESTS_PER_SECOND = 300
# Anybody can ask for a page as often as he likes. All pages' routes together stay below what tills may do.
PAGE_REQUESTS_PER_SECOND = 70
# What gateways report: twice what campaigns send, and they ask again.
HOOK_REQUESTS_PER_SECOND = 50
# What the front door keeps, it asks for once in a while.
KEPT_REQUESTS_PER_SECOND = 10
BURST_SECONDS = 2
DEFAULT = "$default"

# No address, no path and no user agent: a path names a member, an address a person.
ACCESS_LOG = {
    name: f"$context.{variable}"
    for name, variable in {
        "request_id": "requestId",
        "time": "requestTimeEpoch",
        "route": "routeKey",
        "status": "status",
        "bytes": "responseLength",
        "milliseconds": "responseLatency",
        "function_milliseconds": "integrationLatency",
        "function_status": "integrationStatus",
        "error": "error.responseType",
    }.items()
}


UNAUTHORIZED = (
    "Functions themselves read the till's key or the device's secret from the table on every request, so that what "
    "is revoked is refused at once and the refusal is an answer of ours; a gateway's own 401 is neither."
)


class PublicHttpApi(Construct):
    """One proxy route per function; ``$default`` too is a function's, so that no answer is the gateway's own."""

    def __init__(self, scope: Construct, construct_id: str, *, functions: Iterable[PythonFunction]) -> None:
        super().__init__(scope, construct_id)
        reached = [function for function in functions if isinstance(function.catalogued.trigger, Http)]
        integrations = {
            path: integration
            for function in reached
            for integration in [_integration(function)]
            for path in _paths(function.catalogued)
        }
        self.api = apigateway.HttpApi(
            self,
            "Api",
            description="Stamkunde's till API and pages, behind the front door",
            create_default_stage=False,
            default_integration=integrations.pop(DEFAULT),
        )
        routes = [
            route
            for path, integration in integrations.items()
            for route in self.api.add_routes(path=path, methods=[apigateway.HttpMethod.ANY], integration=integration)
        ]
        for route in routes:
            acknowledge(route, "APIG4", UNAUTHORIZED)
        acknowledge(self.api, "APIG4", UNAUTHORIZED)
        # The local engine answers 404 under a stage with a name.
        self.stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=REQUESTS_PER_SECOND, burst_limit=REQUESTS_PER_SECOND * BURST_SECONDS
            ),
        )
        # A limit can only be set on a route that is there.
        self.stage.node.add_dependency(self.api.node.find_child("DefaultRoute"), *routes)
        self._cfn_stage.route_settings = {
            path if path == DEFAULT else f"ANY {path}": _limits(function.catalogued, path)
            for function in reached
            for path in _paths(function.catalogued)
        }
        self._log_access()

    @property
    def _cfn_stage(self) -> apigateway.CfnStage:
        stage = self.stage.node.default_child
        assert isinstance(stage, apigateway.CfnStage)
        return stage

    def _log_access(self) -> None:
        group = logs.LogGroup(
            self,
            "AccessLogs",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        # The stage's own parameter takes an interface that jsii cannot implement from Python.
        self._cfn_stage.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=group.log_group_arn, format=json.dumps(ACCESS_LOG)
        )


def serves_tills(function: Function) -> bool:
    """Whether shops stand still without it."""
    trigger = function.trigger
    return isinstance(trigger, Http) and any(route.auth is Auth.TILL_KEY for route in trigger.routes)


def _integration(function: PythonFunction) -> HttpLambdaIntegration:
    return HttpLambdaIntegration(
        function.catalogued.title,
        function.function,
        payload_format_version=apigateway.PayloadFormatVersion.VERSION_2_0,
    )


def _paths(function: Function) -> tuple[str, ...]:
    """What the gateway hands to a function: all below a path, or all that no other takes, and single paths."""
    trigger = function.trigger
    assert isinstance(trigger, Http)
    return (DEFAULT if trigger.below is None else f"{trigger.below}/{{proxy+}}", *trigger.at)


def _limits(function: Function, path: str) -> dict[str, int]:
    a_second = _a_second(function, path)
    return {"ThrottlingRateLimit": a_second, "ThrottlingBurstLimit": a_second * BURST_SECONDS}


def _a_second(function: Function, path: str) -> int:
    if serves_tills(function):
        return REQUESTS_PER_SECOND
    if isinstance(function.trigger, Http) and path in function.trigger.at:
        return KEPT_REQUESTS_PER_SECOND
    return HOOK_REQUESTS_PER_SECOND if function.name.endswith("_hook") else PAGE_REQUESTS_PER_SECOND
