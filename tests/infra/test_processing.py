"""docs/processing.md has every service that the stacks deploy and every gateway, and says whose each is."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from infra import processing
from infra.processing import (
    CHOSEN,
    DOCUMENT,
    GATEWAYS,
    SERVICES,
    SUB_PROCESSORS,
    document,
    gateway_modules,
    services_in,
)
from stamkunde.clubs.terms import TermsPoint, first_form
from stamkunde.shared.language import LANGUAGES, text
from stamkunde.web.texts import page_text
from tests.factories import make_club
from tests.infra.templates import Stacks

WITHIN_THE_UNION = {"Denmark", "Luxembourg", "Sweden"}
ABROAD = {
    "Europe": {"da": "resten af Europa", "nb": "resten av Europa", "en": "the rest of Europe"},
    "Israel": dict.fromkeys(LANGUAGES, "Israel"),
    "North America": {"da": "Nordamerika", "nb": "Nord-Amerika", "en": "North America"},
    "United States": {"da": "USA", "nb": "USA", "en": "the United States"},
}
"""Places that aren't all in the EU and the EEA, as members read of them."""

PARTS_OF_THE_WORLD = ("Africa", "Asia", "Australia", "Europe", "Israel", "Middle East", "America")
GROUND = {
    "Amazon's data processing addendum": {
        "da": "Amazons databehandleraftale",
        "nb": "Amazons databehandleravtale",
        "en": "Amazon's data processing agreement",
    },
    "the Commission's standard contractual clauses": {
        "da": "EU-Kommissionens standardkontrakt",
        "nb": "EU-kommisjonens standardkontrakt",
        "en": "the European Commission's standard contract",
    },
}
"""What transfers rest on, as members read of it."""


def test_the_processing_record_is_as_it_was_written(aws: Stacks) -> None:
    written = document(aws.templates, aws.regions)
    assert DOCUMENT.read_text() == written, "run: python -m infra.processing"


def test_a_service_that_is_not_described_stops_the_record(aws: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    for service in services_in(aws.templates, aws.regions):
        with monkeypatch.context() as without:
            without.delitem(SERVICES, service)
            with pytest.raises(LookupError, match="describe"):
                document(aws.templates, aws.regions)


def test_a_service_that_is_only_called_is_seen_too() -> None:
    statement = {"Effect": "Allow", "Action": ["textract:DetectText"], "Resource": "*"}
    policy = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [statement]}}}
    templates = {"Some": {"Resources": {"Policy": policy}}}
    assert services_in(templates, {"Some": "eu-north-1"}) == {"IAM": {"eu-north-1"}, "textract": {"eu-north-1"}}
    with pytest.raises(LookupError, match="textract"):
        document(templates, {"Some": "eu-north-1"})


@pytest.mark.parametrize("gateway", sorted(GATEWAYS))
def test_a_gateway_that_is_not_described_stops_the_record(
    gateway: str, aws: Stacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(GATEWAYS, gateway)
    with pytest.raises(LookupError, match=gateway):
        document(aws.templates, aws.regions)


def test_a_gateway_that_is_gone_stops_the_record(aws: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GATEWAYS, "fax", GATEWAYS["sms"])
    with pytest.raises(LookupError, match="fax"):
        document(aws.templates, aws.regions)


def test_every_gateway_goes_by_a_service_that_is_deployed(aws: Stacks) -> None:
    used = services_in(aws.templates, aws.regions)
    assert {GATEWAYS[name].by for name in gateway_modules()} - CHOSEN <= used.keys()


def test_every_sub_processor_has_a_name_a_purpose_a_country_and_an_owner() -> None:
    assert SUB_PROCESSORS
    for each in SUB_PROCESSORS:
        assert all(asdict(each).values())
        assert f"| {each.name} | {each.purpose} | {each.country} | {each.owner} |" in DOCUMENT.read_text()


@pytest.mark.parametrize("language", LANGUAGES)
def test_members_read_of_every_place_outside_the_union_that_the_record_names_and_of_the_ground(language: str) -> None:
    record = " ".join(DOCUMENT.read_text().split())
    front_door = SERVICES["CloudFront"].purpose
    assert front_door in record
    # What is left of it names no part of the world that the texts would have to name too.
    rest = front_door
    for place in ABROAD:
        rest = rest.replace(place, "")
    assert not any(part in rest for part in PARTS_OF_THE_WORLD)
    countries = {*processing.COUNTRIES.values()}
    for each in SUB_PROCESSORS:
        countries |= {each.country.partition(";")[0], each.owner.rpartition(", ")[2]}
    places = {*(countries - WITHIN_THE_UNION), *(place for place in ABROAD if place in record)}
    told = (
        first_form(make_club(), [language]).words[language][TermsPoint.TRANSFERS],
        page_text(language, "details.where"),
        text(language, "terms.first", club="Holm", rate="3 %", months=36, contact="hej@holm.example", keeping=""),
    )
    wanted = [ABROAD[place][language] for place in places] + [words[language] for words in GROUND.values()]
    for words in told:
        assert not [each for each in wanted if each not in words], words
    assert all(ground in record for ground in GROUND)


def test_what_is_kept_lies_in_the_union(aws: Stacks) -> None:
    used = services_in(aws.templates, aws.regions)
    assert used["DynamoDB"] == used["S3"] == {"eu-north-1"}
    assert set(processing.COUNTRIES) >= set(aws.regions.values())
