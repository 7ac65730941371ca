"""What a campaign's text messages cost before they are sent: the parts of each member's own, by where it goes."""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from stamkunde.campaigns.model.emoji import around_emoji, emoji_in, without_emoji
from stamkunde.campaigns.model.rendering import Rendered
from stamkunde.messaging.parts import Cost, Encoding, costly_characters, count_parts
from stamkunde.messaging.prices import PART_PRICES
from stamkunde.shared.money import Money


class SmsPrice(Struct, frozen=True):
    """What a text message costs by the list, in the club's currency.

    Parameters
    ----------
    is_known
        Whether there is a list price for its country in that currency; if not, it is reckoned as the club's own.
    """

    money: Money
    is_known: bool


def price_of_sms(parts: int, country: str, own_country: str) -> SmsPrice:
    """What so many parts cost to a number of a country, for a club of another or the same."""
    own, theirs = PART_PRICES[own_country], PART_PRICES.get(country)
    if theirs is None or theirs.part.currency != own.part.currency:
        return SmsPrice(Money(parts * own.part.amount, own.part.currency), is_known=False)
    return SmsPrice(Money(parts * theirs.part.amount, theirs.part.currency), is_known=True)


class AudiencePrice(Struct, frozen=True):
    """The text messages of a whole audience.

    Parameters
    ----------
    histogram
        Members by the parts of their message, fewest parts first.
    parts, most_parts
        Altogether; the most with a gateway that keeps composed emoji whole.
    price
        In the club's currency; see `price_of_sms`.
    price_without_emoji
        Of the same messages without their emoji.
    unpriced
        Members by country, for countries without a list price in that currency.
    ucs2
        Members whose message is UCS-2.
    costly
        What makes it so: emoji and characters with the number of messages that have them, most first.
    unsendable
        Members whose message is blank or too long: they cost nothing and get nothing.
    """

    members: int
    histogram: Mapping[int, int]
    parts: int
    most_parts: int
    price: Money
    price_without_emoji: Money
    unpriced: Mapping[str, int]
    ucs2: int
    costly: tuple[tuple[str, int], ...]
    unsendable: int


class PriceTally:
    """Counts an audience's messages one by one: fifty thousand of them are never held at once."""

    def __init__(self, own_country: str) -> None:
        self._own_country = own_country
        self._histogram: Counter[int] = Counter()
        self._unpriced: Counter[str] = Counter()
        self._costly: Counter[str] = Counter()
        self._amount = self._amount_without_emoji = self._most_parts = self._ucs2 = self._unsendable = 0

    def add(self, rendered: Rendered, country: str) -> None:
        """One more message, to a number of a country."""
        if rendered.fault is not None:
            self._unsendable += 1
            return
        count = rendered.count
        price = price_of_sms(count.parts, country, self._own_country)
        self._histogram[count.parts] += 1
        self._most_parts += count.most_parts
        self._amount += price.money.amount
        self._amount_without_emoji += price.money.amount // count.parts * _parts_without_emoji(rendered)
        if not price.is_known:
            self._unpriced[country] += 1
        if count.encoding is Encoding.UCS_2:
            self._ucs2 += 1
            self._costly.update(costly_pieces(rendered.text))

    def total(self) -> AudiencePrice:
        """What was counted so far."""
        currency = PART_PRICES[self._own_country].part.currency
        return AudiencePrice(
            members=self._histogram.total(),
            histogram=dict(sorted(self._histogram.items())),
            parts=sum(parts * members for parts, members in self._histogram.items()),
            most_parts=self._most_parts,
            price=Money(self._amount, currency),
            price_without_emoji=Money(self._amount_without_emoji, currency),
            unpriced=dict(sorted(self._unpriced.items())),
            ucs2=self._ucs2,
            costly=tuple(sorted(self._costly.items(), key=lambda each: (-each[1], each[0]))),
            unsendable=self._unsendable,
        )


def _parts_without_emoji(rendered: Rendered) -> int:
    if rendered.count.encoding is Encoding.GSM_7:
        return rendered.count.parts
    return count_parts(without_emoji(rendered.text)).parts


def price_audience(messages: Iterable[tuple[Rendered, str]], own_country: str) -> AudiencePrice:
    """What messages cost, each with the country of its number."""
    tally = PriceTally(own_country)
    for rendered, country in messages:
        tally.add(rendered, country)
    return tally.total()


def costly_pieces(text: str) -> tuple[str, ...]:
    """What makes a text longer than it looks, each once: emoji as they are seen, and single characters."""
    emoji = tuple(dict.fromkeys(emoji_in(text)))
    others = costly_characters(around_emoji(text))
    return (*emoji, *(each.character for each in others if not emoji or each.cost is Cost.WHOLE_MESSAGE_UCS_2))
