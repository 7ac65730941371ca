"""What a part of a text message costs, by the country that it goes to: list prices, to see beforehand what is dear.

What is billed in the end is the gateway's own price, which depends on the contract; Amazon tells its prices in no
page that can be read without an account. These are published by resellers for whoever sends little, so that rather
too much is shown than too little.
"""

from datetime import date

from msgspec import Struct

from stamkunde.shared.money import Money


class PartPrice(Struct, frozen=True):
    """A list price, without VAT.

    Parameters
    ----------
    part
        Of one part.
    reseller, source, read_on
        Whose it is, where it stands, and when we read it there.
    """

    part: Money
    reseller: str
    source: str
    read_on: date


PART_PRICES = {
    "DK": PartPrice(
        Money(48, "DKK"),
        "c1st",
        "https://helpcenter.c1st.com/en/articles/2721152-how-much-does-sms-s-cost",
        date(2026, 11, 22),
    ),
    # Up to 2,000 messages a month; more of them are cheaper.
    "NO": PartPrice(Money(44, "NOK"), "Front", "https://fro.no/sms-varsel", date(2026, 11, 22)),
}
"""For the countries in which there are clubs: a club's members mostly have numbers of its own country."""


def price_of(parts: int, country: str) -> Money:
    """What a message of so many parts costs to a number of a country in which there are clubs."""
    price = PART_PRICES[country].part
    return Money(parts * price.amount, price.currency)
