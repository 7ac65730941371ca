"""What is turned away before it costs anything."""

from aws_cdk import aws_wafv2 as waf
from constructs import Construct

# All tills of a chain may share one address: 20 requests a second is far more than their cashiers make.
REQUESTS_PER_FIVE_MINUTES = 6_000

# Counted, not blocked: a batch of receipts is larger than 8 kB, and some tills send no user agent. Names are free
# text: a bad one is refused beside its field in the visitor's language, where WAF would show a bare 403. Pages escape
# what was typed and run no script, and nothing opens files or addresses that somebody typed.
COUNTED_ONLY = {
    "AWSManagedRulesCommonRuleSet": (
        "SizeRestrictions_BODY",
        "NoUserAgent_HEADER",
        "CrossSiteScripting_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
        "EC2MetaDataSSRF_BODY",
    )
}
MANAGED_RULES = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
)


def web_acl(scope: Construct) -> waf.CfnWebACL:
    """The web ACL; it hangs on CloudFront because WAF cannot be attached to an HTTP API."""
    rules = [_rate_rule(0), *(_managed_rule(name, number) for number, name in enumerate(MANAGED_RULES, 1))]
    return waf.CfnWebACL(
        scope,
        "WebAcl",
        scope="CLOUDFRONT",
        default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
        visibility_config=_visibility("FrontDoor"),
        rules=rules,
    )


def _rate_rule(priority: int) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name="TooManyRequests",
        priority=priority,
        # 429 rather than WAF's own 403: a till keeps the receipt and sends it again.
        action=waf.CfnWebACL.RuleActionProperty(
            block=waf.CfnWebACL.BlockActionProperty(
                custom_response=waf.CfnWebACL.CustomResponseProperty(response_code=429)
            )
        ),
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                limit=REQUESTS_PER_FIVE_MINUTES, aggregate_key_type="IP", evaluation_window_sec=300
            )
        ),
        visibility_config=_visibility("TooManyRequests"),
    )


def _managed_rule(name: str, priority: int) -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    waf.CfnWebACL.RuleActionOverrideProperty(
                        name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={})
                    )
                    for rule in COUNTED_ONLY.get(name, ())
                ],
            )
        ),
        visibility_config=_visibility(name),
    )


def _visibility(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    # Sampled requests would show visitors' addresses and paths.
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
