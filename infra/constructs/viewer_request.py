"""What CloudFront does with a request before it goes on: says who calls, and turns short links into long ones."""

import json
from pathlib import Path

from aws_cdk import aws_cloudfront as cloudfront
from constructs import Construct

from infra.target import Target

_SCRIPT = Path(__file__).with_name("viewer_request.js")


def viewer_request_code(pages_domain: str, short_domain: str) -> str:
    """The function's code for these domains."""
    constants = {"PAGES_DOMAIN": pages_domain, "SHORT_DOMAIN": short_domain}
    lines = [f"var {name} = {json.dumps(value)};" for name, value in constants.items()]
    return "\n".join([*lines, "", _SCRIPT.read_text()])


def viewer_request(scope: Construct, target: Target) -> cloudfront.FunctionAssociation:
    """The function, at the place where it sees requests as visitors send them."""
    function = cloudfront.Function(
        scope,
        "ViewerRequest",
        comment="Stamkunde: the caller's address, short links",
        runtime=cloudfront.FunctionRuntime.JS_2_0,
        code=cloudfront.FunctionCode.from_inline(viewer_request_code(target.domain, target.short_domain)),
    )
    return cloudfront.FunctionAssociation(function=function, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST)
