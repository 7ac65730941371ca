"""What a purchase earns: one base rate a line, the multipliers of the hour, rounded down once per receipt."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import prod

from msgspec import Struct

from stamkunde.ledger.model.entries import Earned, EarnedShare
from stamkunde.ledger.model.receipts import Line, LineKind
from stamkunde.shared.programme import FULL_RATE, SAME_FACTOR, BonusProgramme, Multiplier


class Occasion(Struct, frozen=True):
    """Where and when something is bought.

    Parameters
    ----------
    at
        The instant it counts at, UTC.
    time_zone
        The club's.
    """

    outlet_id: str
    at: datetime
    time_zone: str


class LineRate(Struct, frozen=True):
    """What a line earns by; nothing at all if it is excluded."""

    rate: int
    rule_id: str | None = None
    multipliers: tuple[str, ...] = ()
    excluded: bool = False


def line_rate(line: Line, programme: BonusProgramme, occasion: Occasion) -> LineRate:
    """The rate a line earns by: that of the first rule that fits it, times what multiplies this hour.

    Of the multipliers that fit only the highest counts, besides those that are marked cumulative. The product is
    cut to whole basis points, once. Nobody earns more than was paid.
    """
    if not earns(line, programme):
        return LineRate(0, excluded=True)
    rule = next(
        (
            rule
            for rule in programme.rules
            if rule.items.takes(line.item_number, line.item_group)
            and (not rule.outlets or occasion.outlet_id in rule.outlets)
            and rule.hours.hold(occasion.at, occasion.time_zone)
        ),
        None,
    )
    base = programme.rate if rule is None else rule.rate
    counting = _counting([each for each in programme.multipliers if _fits(each, line, occasion)])
    factor = prod(each.factor for each in counting)
    rate = min(base * factor // SAME_FACTOR ** len(counting), FULL_RATE // programme.point_value)
    return LineRate(rate, rule.rule_id if rule else None, tuple(each.multiplier_id for each in counting))


def earns(line: Line, programme: BonusProgramme) -> bool:
    """Whether a line earns bonus and stamps at all: gift cards, deposits and excluded goods don't."""
    return line.kind is LineKind.GOODS and not programme.exclusions.excludes(line.item_number, line.item_group)


def _fits(multiplier: Multiplier, line: Line, occasion: Occasion) -> bool:
    return (
        multiplier.starts_at <= occasion.at < multiplier.ends_at
        and multiplier.items.takes(line.item_number, line.item_group)
        and (not multiplier.outlets or occasion.outlet_id in multiplier.outlets)
        and multiplier.hours.hold(occasion.at, occasion.time_zone)
    )


def _counting(fitting: Sequence[Multiplier]) -> list[Multiplier]:
    exclusive = [each for each in fitting if not each.cumulative]
    highest = max(exclusive, key=lambda each: each.factor, default=None)
    return [each for each in fitting if each.cumulative or each is highest]


def earned_amount(nets: Sequence[int], rates: Sequence[int], paid: int, total: int) -> int:
    """Units of bonus for lines of which `paid` of `total` was paid in a way that earns; rounded down once.

    Parameters
    ----------
    nets, rates
        By line: minor units after benefits, and basis points.
    """
    if total == 0:
        return 0
    weighed = sum(net * rate for net, rate in zip(nets, rates, strict=True))
    return weighed * paid // (total * FULL_RATE)


def earn(
    nets: Sequence[int], rates: Sequence[LineRate], programme: BonusProgramme, paid: int, terms_version: int
) -> Earned:
    """What lines earn, and why.

    Parameters
    ----------
    nets
        By line: minor units after benefits.
    paid
        What of their sum was paid in a way that earns.
    """
    total = sum(nets)
    bases: dict[LineRate, int] = {}
    for net, rate in zip(nets, rates, strict=True):
        if not rate.excluded:
            bases[rate] = bases.get(rate, 0) + net
    base, cut = divmod(sum(bases.values()) * paid, total) if total else (0, 0)
    plain = bases.keys() <= {LineRate(programme.rate)} and not cut
    return Earned(
        programme_version=programme.version,
        base=base,
        rate=programme.rate,
        amount=earned_amount(nets, [rate.rate for rate in rates], paid, total),
        terms_version=terms_version,
        shares=() if plain or not base else _shares(bases),
    )


def _shares(bases: Mapping[LineRate, int]) -> tuple[EarnedShare, ...]:
    return tuple(EarnedShare(base, rate.rate, rate.rule_id, rate.multipliers) for rate, base in bases.items())
