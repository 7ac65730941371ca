"""The two demo clubs: a bakery in Aarhus and a bike shop in Oslo, with people and months of purchases."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

HISTORY = timedelta(days=120)


@dataclass(frozen=True)
class DemoTill:
    """A till of a demo club."""

    till_id: str
    outlet_id: str
    name: str
    receipt_numbers: str


@dataclass(frozen=True)
class DemoMember:
    """Somebody who shops about every so many days; `accepts` tells whether they signed the form."""

    first_name: str
    phone: str
    days_between_visits: int
    accepts: bool = True


@dataclass(frozen=True)
class DemoGoods:
    """What the shop sells, and for how much in minor units."""

    item_number: str
    price: int


@dataclass(frozen=True)
class DemoStamps:
    """A stamp card for one of the goods, a unit of which is free when it is full."""

    stamp_programme_id: str
    name: str
    item_number: str
    needed: int
    reward_name: str


@dataclass(frozen=True)
class DemoCoupon:
    """One of the goods, free once for every member."""

    coupon_id: str
    name: str
    item_number: str


@dataclass(frozen=True)
class DemoClub:
    """Everything a demo club starts with."""

    slug: str
    name: str
    country: str
    currency: str
    contact: str
    company: str
    registration_number: str
    sells: str
    accent: str
    trade: str
    keeping_months: int | None
    outlets: dict[str, str]
    tills: tuple[DemoTill, ...]
    members: tuple[DemoMember, ...]
    goods: tuple[DemoGoods, ...]
    stamps: DemoStamps
    coupon: DemoCoupon


@dataclass(frozen=True)
class Visit:
    """One member's purchase: how long after the club began, at which till, what."""

    member: DemoMember
    till: DemoTill
    after: timedelta
    lines: tuple[tuple[str, int, int], ...]
    spends: bool


BAKERY = DemoClub(
    slug="bager-holm",
    name="Bager Holm",
    country="DK",
    currency="DKK",
    contact="hej@bagerholm.example",
    company="Bager Holm ApS",
    registration_number="12345678",
    sells="brød, kager og kaffe",
    accent="#9a4f1c",
    trade="groceries",
    keeping_months=None,
    outlets={"banegaarden": "Banegårdspladsen", "trojborg": "Trøjborg"},
    tills=(
        DemoTill("kasse-1", "banegaarden", "Kasse 1", "yearly"),
        DemoTill("kasse-2", "banegaarden", "Kasse 2", "yearly"),
        DemoTill("trojborg-1", "trojborg", "Kassen på Trøjborg", "never"),
    ),
    members=(
        DemoMember("Mette", "+4520123456", 4),
        DemoMember("Søren", "+4526347810", 7),
        DemoMember("Anne Grethe", "+4551902244", 9),
        DemoMember("Ibrahim", "+4528771903", 6),
        DemoMember("Astrid", "+4540556612", 14),
        DemoMember("Jens", "+4561238890", 30),
        DemoMember("Freja", "+4522447719", 12, accepts=False),
    ),
    goods=(
        DemoGoods("5701001000013", 4_200),
        DemoGoods("5701001000020", 2_400),
        DemoGoods("5701001000037", 1_800),
        DemoGoods("5701001000044", 3_495),
        DemoGoods("5701001000051", 3_000),
    ),
    stamps=DemoStamps("rugbrod", "Rugbrød", "5701001000013", 10, "gratis rugbrød"),
    coupon=DemoCoupon("kanelsnegl", "Gratis kanelsnegl", "5701001000037"),
)

BIKE_SHOP = DemoClub(
    slug="sykkelhuset",
    name="Sykkelhuset",
    country="NO",
    currency="NOK",
    contact="hei@sykkelhuset.example",
    company="Sykkelhuset AS",
    registration_number="987654321",
    sells="sykler, deler og service",
    accent="#1f6f5c",
    trade="own",
    keeping_months=24,
    outlets={"grunerlokka": "Grünerløkka", "nettbutikk": "Nettbutikken"},
    tills=(
        DemoTill("kasse-1", "grunerlokka", "Kasse 1", "daily"),
        DemoTill("nettbutikk", "nettbutikk", "Nettbutikken", "never"),
    ),
    members=(
        DemoMember("Ingrid", "+4791234567", 25),
        DemoMember("Lars", "+4748123490", 40),
        DemoMember("Nora", "+4790511223", 18),
        DemoMember("Øyvind", "+4741887766", 60),
        DemoMember("Amina", "+4793440192", 35, accepts=False),
    ),
    goods=(
        DemoGoods("7090001000011", 24_900),
        DemoGoods("7090001000028", 129_900),
        DemoGoods("7090001000035", 7_950),
        DemoGoods("7090001000042", 59_000),
    ),
    stamps=DemoStamps("slange", "Slange", "7090001000035", 5, "gratis slange"),
    coupon=DemoCoupon("lappesaker", "Gratis lappesaker", "7090001000011"),
)

DEMO_CLUBS = (BAKERY, BIKE_SHOP)


def visits(club: DemoClub) -> Iterator[Visit]:
    """The club's visits in order of time: always the same, so that seeding twice changes nothing."""
    chance = random.Random(club.slug)  # noqa: S311 - believable numbers, no secrets
    planned = [visit for member in club.members for visit in _visits_of(member, club, chance)]
    return iter(sorted(planned, key=lambda visit: visit.after))


def _visits_of(member: DemoMember, club: DemoClub, chance: random.Random) -> Iterator[Visit]:
    day = chance.uniform(0, member.days_between_visits)
    while day < HISTORY.days - 1:
        hour = chance.uniform(7, 17)
        goods = chance.sample(club.goods, chance.randint(1, min(3, len(club.goods))))
        lines = tuple(
            (each.item_number, quantity, quantity * each.price)
            for each in goods
            for quantity in [chance.choice((1, 1, 1, 2))]
        )
        spends = member.accepts and chance.random() < 0.15
        yield Visit(member, chance.choice(club.tills), timedelta(days=int(day), hours=hour), lines, spends)
        day += chance.uniform(0.5, 1.5) * member.days_between_visits


def local_midnight(instant: datetime) -> datetime:
    """The midnight that a club's history is counted from."""
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)
