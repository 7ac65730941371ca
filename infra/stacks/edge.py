"""What AWS has in us-east-1 only: CloudFront with its certificate and its web ACL, and the budget."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.budget import monthly_budget
from infra.constructs.front_door_log import FrontDoorLog
from infra.constructs.web_acl import web_acl
from infra.stacks.service import ServiceStack, origin_secret
from infra.target import ORIGIN_HEADER, Target

ERRORS_KEPT_BY_DEFAULT = (404, 405, 414, 500, 501, 502, 503, 504)


class EdgeStack(cdk.Stack):
    """One domain for everything; the origin answers nobody else, for only CloudFront knows the secret header."""

    def __init__(
        self, scope: Construct, construct_id: str, *, target: Target, service: ServiceStack, **options: Any
    ) -> None:
        super().__init__(
            scope, construct_id, description="Stamkunde: front door, certificate, web ACL, budget", **options
        )
        self._target = target
        self._service = service
        certificate = acm.Certificate(
            self, "Certificate", domain_name=target.domain, validation=acm.CertificateValidation.from_dns()
        )
        distribution = cloudfront.Distribution(
            self,
            "FrontDoor",
            comment=f"Stamkunde at {target.domain}",
            domain_names=[target.domain],
            certificate=certificate,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            price_class=cloudfront.PriceClass.PRICE_CLASS_100,
            web_acl_id=web_acl(self).attr_arn,
            default_behavior=self._till_api(),
            # Else errors are kept for ten seconds whatever they say, and one till is given another's.
            error_responses=[
                cloudfront.ErrorResponse(http_status=status, ttl=cdk.Duration.seconds(0))
                for status in ERRORS_KEPT_BY_DEFAULT
            ],
        )
        acknowledge(distribution, "CFR1", "Customers of Danish and Norwegian shops open their card from any country.")
        acknowledge(
            distribution,
            "CFR3",
            "Logged by FrontDoorLog, which can leave out visitors' addresses; the older log this rule knows cannot.",
        )
        FrontDoorLog(self, "Log", distribution=distribution)
        monthly_budget(self, dollars=target.monthly_budget_usd, email=target.alarm_email)
        cdk.CfnOutput(self, "FrontDoorDomain", value=distribution.distribution_domain_name)

    def _till_api(self) -> cloudfront.BehaviorOptions:
        api = self._service.till_http_api.api
        return cloudfront.BehaviorOptions(
            origin=origins.HttpOrigin(
                f"{api.api_id}.execute-api.{self._target.region}.amazonaws.com",
                protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
                origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
                custom_headers={ORIGIN_HEADER: origin_secret(self._target)},
            ),
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            # A redirect comes too late for a till that has already sent its key in clear.
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            response_headers_policy=self._security_headers(),
        )

    def _security_headers(self) -> cloudfront.ResponseHeadersPolicy:
        return cloudfront.ResponseHeadersPolicy(
            self,
            "SecurityHeaders",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=cdk.Duration.days(365), include_subdomains=True, override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
                # A path may name a member: it goes to no other site.
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
            ),
        )
