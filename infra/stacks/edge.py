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
from infra.constructs.viewer_request import viewer_request
from infra.constructs.web_acl import web_acl
from infra.stacks.service import ServiceStack, origin_secret
from infra.target import ORIGIN_HEADER, Target

ERRORS_KEPT_BY_DEFAULT = (404, 405, 414, 500, 501, 502, 503, 504)


class EdgeStack(cdk.Stack):
    """One domain for everything, and a short one that leads there.

    The origin answers nobody else, for only CloudFront knows the secret header.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, target: Target, service: ServiceStack, **options: Any
    ) -> None:
        super().__init__(
            scope, construct_id, description="Stamkunde: front door, certificate, web ACL, budget", **options
        )
        self._target = target
        self._service = service
        certificate = acm.Certificate(
            self,
            "Certificate",
            domain_name=target.domain,
            subject_alternative_names=[target.short_domain],
            validation=acm.CertificateValidation.from_dns(),
        )
        self._origin = self._api_as_origin()
        self._headers = self._security_headers()
        self._viewer_request = viewer_request(self, target)
        distribution = cloudfront.Distribution(
            self,
            "FrontDoor",
            comment=f"Stamkunde at {target.domain}",
            domain_names=[target.domain, target.short_domain],
            certificate=certificate,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            price_class=cloudfront.PriceClass.PRICE_CLASS_100,
            web_acl_id=web_acl(self).attr_arn,
            # Nobody types https: a text message's link doesn't hold it either.
            default_behavior=self._functions(cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS),
            additional_behaviors={
                # A redirect comes too late for a till that has already sent its key in clear.
                "/v1/*": self._functions(cloudfront.ViewerProtocolPolicy.HTTPS_ONLY),
                "/assets/*": self._kept(),
                "/openapi.json": self._kept(),
                "/docs": self._kept(),
            },
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

    def _api_as_origin(self) -> origins.HttpOrigin:
        return origins.HttpOrigin(
            f"{self._service.http_api.api.api_id}.execute-api.{self._target.region}.amazonaws.com",
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
            custom_headers={ORIGIN_HEADER: origin_secret(self._target)},
        )

    def _functions(self, protocol: cloudfront.ViewerProtocolPolicy) -> cloudfront.BehaviorOptions:
        return cloudfront.BehaviorOptions(
            origin=self._origin,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            viewer_protocol_policy=protocol,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            response_headers_policy=self._headers,
            function_associations=[self._viewer_request],
        )

    def _kept(self) -> cloudfront.BehaviorOptions:
        """Kept as long as the function says, and asked for without a visitor's cookies."""
        return cloudfront.BehaviorOptions(
            origin=self._origin,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
            response_headers_policy=self._headers,
            function_associations=[self._viewer_request],
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
