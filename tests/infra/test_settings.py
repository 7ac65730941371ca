"""The stacks set exactly what settings.py reads: nothing unread, nothing missing."""

import ast

import pytest

from infra.function_catalogue import FUNCTIONS
from infra.function_description import Function, Http
from infra.packaging import ROOT
from infra.stacks.service import MACHINE_VARIABLES
from tests.infra.templates import Stacks

SETTINGS = ROOT / "layers" / "stamkunde" / "python" / "stamkunde" / "settings.py"
# Read by Powertools itself.
POWERTOOLS = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL"}
# Set by the Lambda runtime.
FROM_RUNTIME = {"AWS_REGION"}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_every_function_gets_what_it_reads_and_the_names_of_its_own_tables_only(
    function: Function, aws: Stacks
) -> None:
    learned = {
        ("ORIGIN_SECRET",): isinstance(function.trigger, Http),
        ("MESSAGE_QUEUE",): function.wakes,
        ("EVIDENCE_BUCKET",): function.on_evidence,
        ("TOMBSTONE_BUCKET",): function.on_tombstones,
        ("PAGES_DOMAIN", "SHORT_DOMAIN", "MAIL_DOMAIN", "SMS_GATEWAY"): function.knows_domains,
        ("SMS_A_SECOND", "EMAILS_A_SECOND", "CLUB_A_SECOND"): function.knows_paces,
        ("MAIL_CONFIGURATION_SET",): function.sends_messages,
        ("SMS_CONFIGURATION_SET", "GATEWAYAPI_URL", "GATEWAYAPI_TOKEN"): function.sends_campaigns,
        ("GATEWAYAPI_HOOK_SECRET",): function.hears_gatewayapi,
    }
    wanted = {f"{table.upper()}_TABLE" for table in function.rights}
    wanted |= {MACHINE_VARIABLES[machine] for machine in function.starts}
    wanted |= {name for names, is_told in learned.items() if is_told for name in names}
    assert _variables(function, aws) == wanted | POWERTOOLS


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_locally_every_function_may_move_clocks_and_gets_the_same_otherwise(
    function: Function, aws: Stacks, local: Stacks
) -> None:
    assert _variables(function, local) - _variables(function, aws) == {"CLUB_CLOCKS"}


def test_settings_reads_what_the_stacks_set_and_nothing_else(local: Stacks) -> None:
    given = {name for function in FUNCTIONS for name in _variables(function, local)}
    assert _read_by_settings() == (given - POWERTOOLS) | FROM_RUNTIME


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_every_function_logs_under_its_own_name(function: Function, stacks: Stacks) -> None:
    variables = stacks.function(function.name).properties["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == function.name


def _variables(function: Function, stacks: Stacks) -> set[str]:
    return set(stacks.function(function.name).properties["Environment"]["Variables"])


def _read_by_settings() -> set[str]:
    """Names that ``environment[...]`` and ``environment.get(...)`` ask for."""
    read = set()
    for node in ast.walk(ast.parse(SETTINGS.read_text())):
        match node:
            case ast.Subscript(value=ast.Name(id="environment"), slice=ast.Constant(value=str(name))):
                read.add(name)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="environment"), attr="get"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                read.add(name)
    return read


def test_the_domains_are_the_targets(aws: Stacks, local: Stacks) -> None:
    names = ("PAGES_DOMAIN", "SHORT_DOMAIN", "MAIL_DOMAIN")
    for stacks, expected in (
        (aws, ["club.example.com", "k.example.com", "mail.example.com"]),
        (local, ["localhost", "k.test", "stamkunde.test"]),
    ):
        variables = stacks.function("join_page").properties["Environment"]["Variables"]
        assert [variables[name] for name in names] == expected
