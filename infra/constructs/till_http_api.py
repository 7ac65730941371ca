"""The HTTP API in front of the till."""

import json

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.constructs.acknowledge import acknowledge

# Far above what tills do, far below what an attack could cost: 300 a second is 40 dollars a day.
REQUESTS_PER_SECOND = 300
BURST = 600

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


class TillHttpApi(Construct):
    """One proxy route per function, and ``$default`` so that every other answer is a problem document too."""

    def __init__(self, scope: Construct, construct_id: str, *, till_api: lambda_.IFunction) -> None:
        super().__init__(scope, construct_id)
        integration = HttpLambdaIntegration(
            "TillApi", till_api, payload_format_version=apigateway.PayloadFormatVersion.VERSION_2_0
        )
        self.api = apigateway.HttpApi(
            self,
            "Api",
            description="Stamkunde's till API, behind the front door",
            create_default_stage=False,
            default_integration=integration,
        )
        routes = self.api.add_routes(
            path="/v1/{proxy+}", methods=[apigateway.HttpMethod.ANY], integration=integration
        )
        # The local engine answers 404 under a stage with a name.
        self.stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(rate_limit=REQUESTS_PER_SECOND, burst_limit=BURST),
        )
        self._log_access()
        for resource in (*routes, self.api):
            acknowledge(
                resource,
                "APIG4",
                "till_api itself reads the till's key from the table on every request, so that a revoked key is "
                "refused at once and the refusal is a problem document; a gateway's own 401 is neither.",
            )

    def _log_access(self) -> None:
        group = logs.LogGroup(
            self,
            "AccessLogs",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        # The stage's own parameter takes an interface that jsii cannot implement from Python.
        stage = self.stage.node.default_child
        assert isinstance(stage, apigateway.CfnStage)
        stage.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=group.log_group_arn, format=json.dumps(ACCESS_LOG)
        )
