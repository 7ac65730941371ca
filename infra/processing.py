"""The processing record with its list of sub-processors (R24), made of what stacks deploy and gateways hand over.

``python -m infra.processing`` writes it. What a service is for and what it sees of people is said here; which
services there are, and in which regions, the synthesized templates say.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.packaging import ROOT

DOCUMENT = ROOT / "docs" / "processing.md"
TEMPLATE = ROOT / "infra" / "processing.template.md"
DATA_PAGE = ROOT / "docs" / "data.md"
GATEWAYS_FOLDER = ROOT / "layers" / "stamkunde" / "python" / "stamkunde" / "gateways"
COUNTRIES = {"eu-north-1": "Sweden", "us-east-1": "United States"}
SAME_SERVICE = {"states": "stepfunctions", "sts": "iam", "sms-voice": "smsvoice"}
"""Services whose rights are named otherwise than their resources."""

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Service:
    """A service of Amazon's that is used."""

    name: str
    purpose: str
    sees: str


@dataclass(frozen=True, slots=True)
class Gateway:
    """A way out of the service: a module of ``stamkunde.gateways``."""

    by: str
    hands_over: str


@dataclass(frozen=True, slots=True)
class SubProcessor:
    """A firm that processes members' data on our behalf."""

    name: str
    purpose: str
    country: str
    owner: str


SUB_PROCESSORS = (
    SubProcessor(
        "Amazon Web Services EMEA SARL",
        "runs everything: the services below",
        "Luxembourg; what is kept lies in the region that the stacks are deployed to, by default Sweden",
        "Amazon.com, Inc., United States",
    ),
    SubProcessor(
        "ONLINECITY.IO ApS (GatewayAPI)",
        "sends campaigns' text messages, where a deployment has chosen it",
        "Denmark",
        "not checked by us, Denmark",
    ),
)

SERVICES = {
    "ApiGatewayV2": Service("API Gateway", "hands requests to functions", "what is sent and answered, in passing"),
    "Budgets": Service("AWS Budgets", "tells what a month costs", NOTHING),
    "CertificateManager": Service("Certificate Manager", "the domain's certificate", NOTHING),
    "CloudFront": Service(
        "CloudFront",
        "the front door: one domain, encrypted, in Europe, Israel and North America, nearest to whoever asks",
        "what is sent and answered, in passing; its log holds no address, path, cookie or user agent",
    ),
    "CloudWatch": Service("CloudWatch", "figures, alarms, the dashboard", NOTHING),
    "DynamoDB": Service("DynamoDB", "keeps every row", "everything that is listed under what is kept"),
    "IAM": Service("IAM", "the rights of each function", NOTHING),
    "KMS": Service("KMS", "the key that encrypts tables, queues and evidence", NOTHING),
    "Lambda": Service("Lambda", "runs the functions", "what a request or a row holds, while it is worked on"),
    "Logs": Service("CloudWatch Logs", "keeps logs for 30 days", "ids of requests, clubs and cases, nobody's data"),
    "S3": Service(
        "S3",
        "keeps photos of signed forms, and for 45 days which random ids were erased",
        "a name, a number and a signature, as far as a form has them",
    ),
    "SES": Service("SES", "sends e-mail", "e-mail address and text of a message, while it is sent"),
    "SMSVOICE": Service(
        "End User Messaging", "sends text messages of campaigns", "number and text of a message, while it is sent"
    ),
    "SNS": Service(
        "SNS",
        "sends text messages; hands over what gateways report; tells operators of alarms",
        "number and text of a message, while it is sent; to which address what happened",
    ),
    "SQS": Service(
        "SQS",
        "wakes what sends, holds what gateways report, and keeps what failed",
        "keys of rows, ids of messages; to which address what happened, for a day, or two weeks if it can't be read",
    ),
    "SSM": Service("Systems Manager", "keeps secrets of gateways", NOTHING),
    "Scheduler": Service("EventBridge Scheduler", "starts jobs by the clock", NOTHING),
    "SecretsManager": Service("Secrets Manager", "the header that the front door is known by", NOTHING),
    "StepFunctions": Service(
        "Step Functions", "reminds and deletes step by step", "random ids of a club and a case, for 90 days"
    ),
    "WAFv2": Service("WAF", "turns away floods of requests", "network addresses, in passing"),
}

GATEWAYS = {
    "backups": Gateway("DynamoDB", "which copies of tables are to be deleted"),
    "campaign_starts": Gateway("StepFunctions", "random ids of a club and a campaign"),
    "cases": Gateway("StepFunctions", "random ids of a club and a case"),
    "chunk_wake_ups": Gateway("SQS", "random ids of a club and a campaign, the number of a list"),
    "email": Gateway("SES", "an e-mail address, the club's name, subject and text"),
    "gatewayapi": Gateway("GatewayAPI", "a phone number, the club's name, a text; where that is chosen"),
    "evidence_store": Gateway("S3", "the photo of a signed form, under random ids"),
    "secrets": Gateway("SSM", "the name of a parameter"),
    "sms_voice": Gateway("SMSVOICE", "a phone number, the club's name, a text; where that is chosen"),
    "sms": Gateway("SNS", "a phone number, the club's name, a text"),
    "tombstones": Gateway("S3", "a club's random id, a day, a digest of a random id"),
    "wake_ups": Gateway("SQS", "the key of a row"),
}
PORTS = ("handover", "reference", "reports")
"""Modules that say what a gateway is or what it tells, and hand nothing over themselves."""
OTHERS = {"GatewayAPI": "GatewayAPI"}
"""Who carries messages and isn't Amazon."""
CHOSEN = frozenset({"GatewayAPI", "SMSVOICE"})
"""Those that are used only where a deployment has chosen them."""


def document(templates: Mapping[str, Mapping[str, Any]], regions: Mapping[str, str]) -> str:
    """The whole page.

    Parameters
    ----------
    templates, regions
        The synthesized stacks by name, and where each is deployed.

    Raises
    ------
    LookupError
        Something is used that isn't described here.
    """
    used = services_in(templates, regions)
    modules = gateway_modules()
    if unknown := [*(used.keys() - SERVICES.keys()), *(modules ^ GATEWAYS.keys())]:
        raise LookupError(f"describe in infra/processing.py, or take out: {', '.join(sorted(unknown))}")
    sub_processors = ((each.name, each.purpose, each.country, each.owner) for each in SUB_PROCESSORS)
    gateways = ((name, _by(each), each.hands_over) for name, each in sorted(GATEWAYS.items()))
    return TEMPLATE.read_text().format(
        kept=_table(("kind of row", "table", "of whom and what", "until"), _kept()),
        sub_processors=_table(("name", "purpose", "country", "owner"), sub_processors),
        services=_table(("service", "purpose", "sees of people", "region"), _services(used)),
        gateways=_table(("gateway", "by", "hands over"), gateways),
    )


def _by(gateway: Gateway) -> str:
    return OTHERS.get(gateway.by) or SERVICES[gateway.by].name


def services_in(templates: Mapping[str, Mapping[str, Any]], regions: Mapping[str, str]) -> dict[str, set[str]]:
    """The services that stacks are made of or have rights on, each with its regions."""
    names = {name.lower(): name for name in SERVICES}
    used: dict[str, set[str]] = {}
    for stack, template in templates.items():
        made = {resource["Type"].split("::")[1] for resource in template["Resources"].values()}
        called = {action.partition(":")[0] for action in _actions(template)}
        for name in made | {names.get(SAME_SERVICE.get(each, each), each) for each in called}:
            used.setdefault(name, set()).add(regions[stack])
    return used


def gateway_modules() -> set[str]:
    """The modules by which something leaves."""
    return {path.stem for path in GATEWAYS_FOLDER.glob("*.py")} - {"__init__", *PORTS}


def _actions(part: object) -> Iterator[str]:
    """What statements allow, wherever in a template they stand."""
    if isinstance(part, list):
        for each in part:
            yield from _actions(each)
    elif isinstance(part, dict):
        if part.get("Effect") == "Allow":
            actions = part["Action"]
            yield from [actions] if isinstance(actions, str) else actions
        for each in part.values():
            yield from _actions(each)


def _services(used: Mapping[str, set[str]]) -> Iterator[tuple[str, ...]]:
    for name in sorted(used, key=lambda each: SERVICES[each].name.lower()):
        service = SERVICES[name]
        where = ", ".join(f"{region} ({COUNTRIES[region]})" for region in sorted(used[name]))
        yield service.name, service.purpose, service.sees, where


def _kept() -> Iterator[tuple[str, ...]]:
    """The kinds of rows that tell of people, as docs/data.md has them."""
    section = DATA_PAGE.read_text().partition("\n## Entities\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    for entity, _, table, *_, personal, step in ([cell.strip() for cell in line] for line in lines[2:]):
        if personal != "no":
            yield entity, table, personal, step


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    first, *others = (f"| {' | '.join(line)} |" for line in (head, *rows))
    return "\n".join((first, f"|{'---|' * len(head)}", *others))


def main(path: Path = DOCUMENT) -> int:
    """Write the page."""
    from infra.app import compose
    from infra.function_catalogue import FUNCTIONS
    from infra.packaging import Packages

    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    with tempfile.TemporaryDirectory() as name:
        code = Path(name) / "code"
        code.mkdir()
        (code / "handler.py").write_text("")
        packages = Packages(code, code, {function.name: code for function in FUNCTIONS})
        assembly = compose(packages, {**flags, "target": "aws"}, f"{name}/assembly").synth()
        templates = {stack.stack_name: stack.template for stack in assembly.stacks}
        regions = {stack.stack_name: stack.environment.region for stack in assembly.stacks}
        path.write_text(document(templates, regions))
    return 0


if __name__ == "__main__":
    sys.exit(main())
