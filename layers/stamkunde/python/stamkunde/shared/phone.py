"""Phone numbers: whatever was typed, one E.164 form.

"Is it surely a mobile" can't be asked: Denmark has no mobile range
(google/libphonenumber issues 953 and 960). "Can't it be one" can.
"""

import unicodedata
from collections.abc import Collection

import phonenumbers

from stamkunde.shared.errors import Refusal

LONGEST_TYPED = 40

_MAY_GET_TEXTS = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}


def parse_phone(typed: str, *, country: str, allowed_countries: Collection[str]) -> str:
    """The E.164 form of a typed number, national numbers read as the club's country's.

    Raises
    ------
    Refusal
        ``phone_has_letters`` (libphonenumber would turn letters into vanity digits), ``phone_invalid``,
        ``phone_country_not_allowed``.
    """
    normal = unicodedata.normalize("NFKC", typed)
    if any(character.isalpha() for character in normal):
        raise Refusal("phone_has_letters", pointer="/phone")
    if len(normal) > LONGEST_TYPED:
        raise Refusal("phone_invalid", pointer="/phone")
    number = _parse(normal, country)
    if number is None:
        raise Refusal("phone_invalid", pointer="/phone")
    region = phonenumbers.region_code_for_number(number)
    if region not in allowed_countries:
        raise Refusal("phone_country_not_allowed", pointer="/phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def parse_mobile(typed: str, *, country: str, allowed_countries: Collection[str]) -> str:
    """The E.164 form of a typed number that can get text messages.

    Raises
    ------
    Refusal
        ``phone_not_mobile``: a service number, or a landline where landlines have digits of their own: not in
        Denmark. Those of `parse_phone`.
    """
    phone = parse_phone(typed, country=country, allowed_countries=allowed_countries)
    if phonenumbers.number_type(phonenumbers.parse(phone)) not in _MAY_GET_TEXTS:
        raise Refusal("phone_not_mobile", pointer="/phone")
    return phone


def country_of(phone: str) -> str:
    """The ISO 3166 code of the country that an E.164 number is of; empty if it is of none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or ""
    except phonenumbers.NumberParseException:
        return ""


def _parse(typed: str, country: str) -> phonenumbers.PhoneNumber | None:
    """As a national number first: Norwegian 47123456 is a subscriber, not a country code and six digits."""
    candidates = [(typed, country)]
    digits = "".join(character for character in typed if character.isdigit())
    calling_code = str(phonenumbers.country_code_for_region(country))
    if not typed.lstrip().startswith("+") and digits.startswith(calling_code):
        candidates.append((f"+{digits}", country))
    for text, region in candidates:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return number
    return None
