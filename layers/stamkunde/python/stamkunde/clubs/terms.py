"""What a club's terms must say, and how a version is made: own words and the club's settings. Pure rules.

A club fills in a form, point by point. What follows from its settings (the rate, when bonus lapses, how long somebody
is kept, who is responsible) is written by us, so that terms and settings can't disagree.
"""

from collections.abc import Iterable, Mapping
from copy import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from msgspec import Struct

from stamkunde.clubs.model import Club, MemberPolicy, PurchaseUse, TermsVersion
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import LANGUAGES, Catalogue
from stamkunde.shared.money import Money, Points, percent_text
from stamkunde.shared.programme import BonusProgramme, Unit

NOTICE_OF_WORSE_TERMS = timedelta(days=30)
"""Whoever is a member may leave before terms hold that are worse for them."""

SENTENCE_ENDS = (".", "?", "!", "…")

LONGEST_POINT = 1_500
MONTHS_OF_A_YEAR = 12

_TEXTS = Catalogue(Path(__file__).parent / "languages")


class TermsPoint(StrEnum):
    """What terms must say, in the order in which they say it: feature 38's nine points, and article 13's list."""

    CONTACT = "contact"
    DATA = "data"
    PURPOSES = "purposes"
    KEEPING = "keeping"
    DELETION = "deletion"
    BENEFITS = "benefits"
    BONUS = "bonus"
    EARNING = "earning"
    EXPIRY = "expiry"
    MARKETING = "marketing"
    CHOOSING = "choosing"
    RECIPIENTS = "recipients"
    TRANSFERS = "transfers"
    MUST_GIVE = "must_give"
    RIGHTS = "rights"
    COMPLAINT = "complaint"
    CHANGES = "changes"


FIGURES_FROM_SETTINGS = frozenset({TermsPoint.BONUS, TermsPoint.EXPIRY, TermsPoint.KEEPING})
"""Points in which own words name no figure: it could differ from the one that holds."""

type OwnWords = Mapping[TermsPoint, str]


class TermsForm(Struct, frozen=True):
    """What a club says in its own words, by language and point."""

    words: Mapping[str, OwnWords]

    def document(self) -> dict[str, dict[str, str]]:
        """The form as it is kept, shown and edited."""
        return {
            language: {point.value: words.get(point, "") for point in TermsPoint}
            for language, words in self.words.items()
        }


class TermsSettings(Struct, frozen=True):
    """The settings that a version is merged from."""

    programme: BonusProgramme
    policy: MemberPolicy


class NewTerms(Struct, frozen=True):
    """What an operator says of a new version.

    Parameters
    ----------
    valid_from
        The club's day; None for the first that may be.
    said_worse
        That it is worse in what no rule can judge.
    """

    form: TermsForm
    valid_from: date | None = None
    said_worse: bool = False


def read_form(document: Mapping[str, Any], own_language: str) -> TermsForm:
    """A form as somebody filled it in: whole in each language that it has.

    Raises
    ------
    Refusal
        ``invalid_field`` with a JSON Pointer: a language or a point that there isn't, what is no text or too long, or
        nothing in the club's own language. ``figures_from_settings``: a figure where the settings say it.
    """
    if own_language not in document:
        raise Refusal("invalid_field", {"expected": own_language}, f"/{own_language}")
    return TermsForm({language: _read_words(language, words) for language, words in document.items()})


def first_form(club: Club, languages: Iterable[str]) -> TermsForm:
    """The words that we suggest to a club."""
    return TermsForm({language: _suggested(club, language) for language in languages})


def compose(club: Club, words: OwnWords, settings: TermsSettings, language: str) -> str:
    """The text of the terms in one language: each point with its heading, what the settings say, then own words.

    Raises
    ------
    Refusal
        ``terms_point_empty``: nothing says anything about a point (R23).
    """
    said = _said_by_settings(club, settings, language)
    title = _TEXTS.text(language, "title", club=club.name)
    return "\n\n".join([title, *(_point(point, words, said, language) for point in TermsPoint)])


def next_terms(club: Club, wish: NewTerms, settings: TermsSettings, now: datetime, today: date) -> TermsVersion:
    """The version after the newest.

    Raises
    ------
    Refusal
        ``terms_point_empty``. ``notice_too_short``: it holds before members could know. ``terms_unchanged``: it says
        what the newest one says.
    """
    newest = club.current_terms()
    texts = {language: compose(club, words, settings, language) for language, words in wish.form.words.items()}
    if texts == newest.texts:
        raise Refusal("terms_unchanged")
    version = TermsVersion(
        version=newest.version + 1,
        language=club.language,
        text=texts[club.language],
        published_at=now,
        bonus_expiry_months=settings.programme.expiry_months,
        texts=texts,
        rate=settings.programme.rate,
        inactive_months=settings.policy.inactive_months,
        valid_from=wish.valid_from,
        said_worse=wish.said_worse,
    )
    notice = NOTICE_OF_WORSE_TERMS if _is_worse(version, club, today) else timedelta()
    if wish.valid_from is not None and wish.valid_from < today + notice:
        raise Refusal("notice_too_short", {"days": notice.days}, "/valid_from")
    return replace(version, valid_from=wish.valid_from or today + notice)


def outdated_points(club: Club, terms: TermsVersion, form: TermsForm) -> tuple[TermsPoint, ...]:
    """The points of a version that would read otherwise if it were made anew of the same words: settings changed.

    Nothing is refused for it: what members accepted holds, and terms that say the new things can be published.
    """
    settings = TermsSettings(club.programmes[-1], club.member_policy)
    found: set[TermsPoint] = set()
    for language in terms.texts:
        read = {block.heading: block.words for block in terms.blocks_in(language)}
        said, words = _said_by_settings(club, settings, language), form.words.get(language, {})
        found |= {
            point for point in TermsPoint if read.get(heading(point, language), "") != _sentences(point, words, said)
        }
    return tuple(point for point in TermsPoint if point in found)


def check_promises(terms: TermsVersion, programme: BonusProgramme | None, policy: MemberPolicy | None = None) -> None:
    """See that new settings keep what the terms say; who wants less publishes terms that say so along with them.

    Raises
    ------
    Refusal
        ``rate_not_in_terms``, ``keeping_not_in_terms``.
    """
    if programme is not None and terms.rate is not None and programme.rate < terms.rate:
        raise Refusal("rate_not_in_terms", pointer="/rate")
    keeps = terms.inactive_months
    if policy is not None and keeps is not None and policy.inactive_months < keeps:
        raise Refusal("keeping_not_in_terms", {"months": keeps}, "/inactive_months")


def rate_text(programme: BonusProgramme, currency: str, language: str) -> str:
    """How much bonus a programme gives on what has no rule of its own, as the language writes it."""
    if programme.unit is Unit.MONEY:
        return percent_text(programme.rate, language)
    value = Money(programme.point_value, currency)
    return _TEXTS.text(language, "points", points=Points(programme.rate), value=value)


def duration_text(months: int, language: str) -> str:
    """A number of months as one says it: whole years as years."""
    years, rest = divmod(months, MONTHS_OF_A_YEAR)
    unit, number = ("month", months) if rest else ("year", years)
    return _TEXTS.text(language, f"{unit}.{'one' if number == 1 else 'many'}", number=number)


def keeping_text(months: int, language: str) -> str:
    """For how long somebody is kept who stays away, as terms say it."""
    return _TEXTS.text(language, "set.keeping", duration=duration_text(months, language))


def heading(point: TermsPoint, language: str) -> str:
    """A point as its readers know it."""
    return _TEXTS.text(language, f"heading.{point.value}")


def _is_worse(version: TermsVersion, club: Club, today: date) -> bool:
    """Whether members lose by it: against what holds today too, where the newest version doesn't hold yet."""
    held = [each for each in club.terms if each.first_day(club.time_zone) <= today]
    coming = [each for each in club.terms if each.first_day(club.time_zone) > today]
    said_worse = version.said_worse or any(each.said_worse for each in coming)
    return said_worse or any(version.is_worse_than(each) for each in (*held[-1:], *coming))


def _read_words(language: str, words: Any) -> OwnWords:
    if language not in LANGUAGES:
        raise Refusal("invalid_field", {"expected": ", ".join(LANGUAGES)}, f"/{language}")
    if not isinstance(words, Mapping):
        raise Refusal("invalid_field", {"expected": "points"}, f"/{language}")
    for name in words:
        if name not in {*TermsPoint}:
            raise Refusal("invalid_field", {"expected": ", ".join(TermsPoint)}, f"/{language}/{name}")
    return {
        point: _read_point(words.get(point.value, ""), point, f"/{language}/{point.value}") for point in TermsPoint
    }


def _read_point(typed: Any, point: TermsPoint, pointer: str) -> str:
    if not isinstance(typed, str) or len(typed) > LONGEST_POINT:
        raise Refusal("invalid_field", {"expected": f"0-{LONGEST_POINT}"}, pointer)
    words = " ".join(typed.split())
    if not words.isprintable():
        raise Refusal("invalid_field", {"expected": "text"}, pointer)
    if point in FIGURES_FROM_SETTINGS and any(character.isdigit() for character in words):
        raise Refusal("figures_from_settings", pointer=pointer)
    return words


def _suggested(club: Club, language: str) -> OwnWords:
    texts = _TEXTS.texts(language)
    goods = _as_typed(club.join_page.goods, club, language) if club.join_page else texts["goods"]
    values = {"club": club.name, "goods": goods, "notice_days": NOTICE_OF_WORSE_TERMS.days}
    return {point: texts.get(f"own.{point}", "").format_map(values) for point in TermsPoint}


def _point(point: TermsPoint, words: OwnWords, said: Mapping[TermsPoint, str], language: str) -> str:
    sentences = _sentences(point, words, said)
    if not sentences:
        point_name = heading(point, language)
        raise Refusal("terms_point_empty", {"point": point_name}, f"/{language}/{point.value}")
    return f"{heading(point, language)}\n{sentences}"


def _sentences(point: TermsPoint, words: OwnWords, said: Mapping[TermsPoint, str]) -> str:
    return " ".join(filter(None, (said.get(point, ""), words.get(point, ""))))


def _said_by_settings(club: Club, settings: TermsSettings, language: str) -> dict[TermsPoint, str]:
    """What follows from a club's settings, point by point; nothing for what it hasn't said yet."""
    programme, policy = settings.programme, settings.policy

    def say(key: str, **values: str) -> str:
        return _TEXTS.text(language, f"set.{key}", **values)

    rate = rate_text(programme, club.currency, language)
    return {
        TermsPoint.CONTACT: _responsible(club, language),
        TermsPoint.DATA: " ".join(say(f"data.{asked}") for asked in _asked_by(policy)),
        TermsPoint.KEEPING: keeping_text(policy.inactive_months, language),
        TermsPoint.BONUS: say("bonus", rate=rate) if programme.rate else say("bonus.none"),
        TermsPoint.EXPIRY: say("expiry", duration=duration_text(programme.expiry_months, language)),
        TermsPoint.MARKETING: say("marketing.soft_opt_in") if policy.soft_opt_in else "",
        TermsPoint.CHOOSING: _how_offers_are_chosen(club, policy, language),
        TermsPoint.COMPLAINT: say("complaint", authority=_TEXTS.text(language, f"authority.{club.country}")),
    }


def _responsible(club: Club, language: str) -> str:
    page = club.join_page
    if page is None:
        return ""
    register = _TEXTS.text(language, f"register.{club.country}")
    number = page.registration_number
    return _TEXTS.text(
        language, "set.contact", company=page.company, register=register, number=number, contact=page.contact
    )


def _asked_by(policy: MemberPolicy) -> list[str]:
    asked = {"birth_date": policy.asks_birth_date, "outlet": policy.asks_outlet, "answers": bool(policy.questions)}
    return [name for name, is_asked in asked.items() if is_asked]


def _how_offers_are_chosen(club: Club, policy: MemberPolicy, language: str) -> str:
    reason = policy.balancing_test
    if policy.purchase_use is PurchaseUse.CONSENT or not reason:
        return _TEXTS.text(language, "set.choosing.consent")
    sentence = reason if reason.endswith(SENTENCE_ENDS) else f"{reason}."
    return _TEXTS.text(language, "set.choosing.balancing_test", reason=_as_typed(sentence, club, language))


def _as_typed(words: str, club: Club, language: str) -> str:
    """What a club typed in its own language; in any other one it is quoted, for nobody has translated it."""
    return words if language == club.language else _TEXTS.text(language, "quoted", words=words)
