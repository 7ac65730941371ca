"""What keeps a campaign from being sent: what its words forbid is refused, and of what they claim is asked. Pure."""

import re
from collections.abc import Iterator

from msgspec import Struct

from stamkunde.campaigns.model.claims import Claim, Claims, claims_of, words_said
from stamkunde.campaigns.model.fields import MERGE_NAMES, MergeField, merges
from stamkunde.campaigns.model.law import NO_ANSWERS, Answers, LawCode, LawFinding, Reduction, Stock
from stamkunde.campaigns.model.stop_label import StopFault, stop_fault
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.messaging.lint import lint
from stamkunde.messaging.model import MessageClass
from stamkunde.messaging.text import Template, parse_template
from stamkunde.shared.channel import Channel

_TRUTH = {"DK": "mfl. § 5", "NO": "mfl. § 7"}
"""Where it says that what advertising claims must be true: markedsføringsloven of either country."""

WITHOUT_ALCOHOL = frozenset({"NO"})
"""Where no advertising may name any (alkoholloven § 9-2)."""

_RULES = {
    LawCode.ADVERTISES: "R5",
    LawCode.SENDER_UNNAMED: "R6",
    LawCode.STOP_MISSING: "R6",
    LawCode.STOP_UNLABELLED: "R6",
    LawCode.PERMISSION_ASKED: "R3",
    LawCode.CONDITIONS_OUT_OF_REACH: "R8",
    LawCode.CONDITIONS_UNSAID: "R8",
    LawCode.REDUCTION_UNPROVEN: "R30",
    LawCode.REDUCTION_OF_LEFTOVERS: "R30",
    LawCode.ALCOHOL: "R31",
    LawCode.FRIENDS_WRITTEN_TO: "R32",
    LawCode.ORDER_UNCLEAR: "R33",
    LawCode.STOCK_UNKNOWN: "R34",
    LawCode.NUMBER_UNSAID: "R34",
}


class _Said(Struct, frozen=True):
    """One message of a campaign with what is known of it."""

    channel: Channel
    template: Template
    text: CampaignText
    country: str
    club_name: str
    answers: Answers
    claims: Claims

    def merges(self, *fields: MergeField) -> bool:
        """Whether it has a place for one of them."""
        return any(merges(self.template, field, self.text.language) for field in fields)


def check_law(
    text: CampaignText,
    *,
    country: str,
    club_name: str,
    answers: Answers = NO_ANSWERS,
    message_class: MessageClass = MessageClass.MARKETING,
) -> tuple[LawFinding, ...]:
    """Everything that keeps a text from being sent, each once: what is refused first, then what is asked.

    Parameters
    ----------
    country
        Of the club.
    club_name
        Who writes: it must say so, by {Klub} or by its name.
    """
    found = [
        finding
        for channel, template in _messages(text)
        for finding in (
            _advertising_findings(
                _Said(channel, template, text, country, club_name, answers, claims_of(template, text.filled))
            )
            if message_class is MessageClass.MARKETING
            else _service_findings(template, text)
        )
    ]
    once = {(finding.code, finding.is_question or finding.excerpt): finding for finding in reversed(found)}
    return tuple(sorted(once.values(), key=lambda finding: (finding.is_question, finding.code)))


def _messages(text: CampaignText) -> Iterator[tuple[Channel, Template]]:
    """What is sent: text messages, and e-mails with their subject as the first words."""
    for source in filter(None, (text.sms, text.sms_without_bonus)):
        yield Channel.SMS, parse_template(source)
    for source in filter(None, (text.body, text.body_without_bonus)):
        yield Channel.EMAIL, parse_template(f"{text.subject}\n{source}")


def _advertising_findings(said: _Said) -> Iterator[LawFinding]:
    for check in _CHECKS:
        yield from check(said)


def _service_findings(template: Template, text: CampaignText) -> Iterator[LawFinding]:
    """What sells, in its own words or in what the shop filled in."""
    whole = Template(
        tuple(piece if isinstance(piece, str) else text.filled.get(piece.name) or piece for piece in template.pieces)
    )
    for found in (*lint(MessageClass.SERVICE, template), *lint(MessageClass.SERVICE, whole)):
        yield _refused(LawCode.ADVERTISES, found.excerpt)


def _who_writes(said: _Said) -> Iterator[LawFinding]:
    if not said.merges(MergeField.CLUB) and not _names(words_said(said.template, {}), said.club_name):
        yield _refused(LawCode.SENDER_UNNAMED)
    fault = stop_fault(said.template, said.text.language, said.channel)
    if fault is StopFault.MISSING:
        yield _refused(LawCode.STOP_MISSING)
    elif fault is StopFault.UNLABELLED:
        yield _refused(LawCode.STOP_UNLABELLED, f"{{{MERGE_NAMES[said.text.language][MergeField.STOP]}}}")


def _names(words: str, club_name: str) -> bool:
    """Whether words name a club, in the genitive too: a club that is called "Bo" isn't named by "boller"."""
    return re.search(rf"(?<!\w){re.escape(club_name)}s?(?!\w)", words, re.IGNORECASE) is not None


def _permission(said: _Said) -> Iterator[LawFinding]:
    """A message asks nobody to allow anything (R3); a newsletter may be told of, not offered."""
    if asked := said.claims.get(Claim.PERMISSION):
        yield _refused(LawCode.PERMISSION_ASKED, asked)
    elif letter := said.claims.get(Claim.NEWSLETTER):
        asks = said.answers.asks_for_permission
        yield from _unless(LawCode.PERMISSION_ASKED, letter, true=None if asks is None else not asks)


def _conditions(said: _Said) -> Iterator[LawFinding]:
    """They are near by, and written (R8); those of a rate of bonus stand in the terms.

    Words such as "100 % organic" offer nothing: whether they reduce a price is asked first.
    """
    kinds = [Claim.OFFER, Claim.GIFT, Claim.FREE, Claim.COMPARED_PRICE]
    if said.answers.reduction is Reduction.LOWEST_PRICE:
        kinds.append(Claim.REDUCTION)
    offer = next((said.claims[kind] for kind in kinds if kind in said.claims), None)
    if offer is None:
        return
    if not said.merges(MergeField.LINK, MergeField.TERMS):
        yield _refused(LawCode.CONDITIONS_OUT_OF_REACH, offer)
    elif not said.answers.conditions.strip():
        yield _question(LawCode.CONDITIONS_UNSAID, offer)


def _reduction(said: _Said) -> Iterator[LawFinding]:
    reduction = said.claims.get(Claim.REDUCTION)
    if reduction is None:
        return
    if said.answers.leftovers:
        yield _refused(LawCode.REDUCTION_OF_LEFTOVERS, reduction)
    elif said.answers.reduction is None:
        yield _question(LawCode.REDUCTION_UNPROVEN, reduction)
    elif said.answers.reduction is Reduction.NO_PRICE and (compared := said.claims.get(Claim.COMPARED_PRICE)):
        # "Half price" compares prices, whatever was answered.
        yield _question(LawCode.REDUCTION_UNPROVEN, compared)


def _stock(said: _Said) -> Iterator[LawFinding]:
    """What is scarce says how many there are; of what has a price it is asked (R34)."""
    scarce = said.claims.get(Claim.SCARCE)
    offered = said.claims.get(Claim.PRICE) or said.claims.get(Claim.OFFER)
    excerpt = scarce or offered
    if excerpt is None or Claim.NUMBER in said.claims:
        return
    if scarce or said.answers.stock is Stock.FEW:
        yield _refused(LawCode.NUMBER_UNSAID, excerpt)
    elif said.answers.stock is None:
        yield _question(LawCode.STOCK_UNKNOWN, excerpt)


def _alcohol(said: _Said) -> Iterator[LawFinding]:
    if said.country in WITHOUT_ALCOHOL and (alcohol := said.claims.get(Claim.ALCOHOL)):
        yield _refused(LawCode.ALCOHOL, alcohol)


def _answered(said: _Said) -> Iterator[LawFinding]:
    """What is true only if whoever writes it says so."""
    answers = said.answers
    truth = _TRUTH[said.country]
    for claim, code, answer, rule in (
        (Claim.ORDER, LawCode.ORDER_UNCLEAR, None if answers.order is None else True, None),
        (Claim.FRIEND, LawCode.FRIENDS_WRITTEN_TO, answers.passed_on_by_members, None),
        (Claim.MEMBERS_ONLY, LawCode.MEMBERS_ONLY_UNPROVEN, answers.members_only, truth),
        (Claim.FREE, LawCode.FREE_UNPROVEN, answers.free, truth),
    ):
        if excerpt := said.claims.get(claim):
            yield from _unless(code, excerpt, rule, true=answer)


_CHECKS = (_who_writes, _permission, _conditions, _reduction, _stock, _alcohol, _answered)


def _unless(code: LawCode, excerpt: str, rule: str | None = None, *, true: bool | None) -> Iterator[LawFinding]:
    """A question until it is answered, and refused if the answer was no."""
    if true is None:
        yield _question(code, excerpt, rule)
    elif not true:
        yield _refused(code, excerpt, rule)


def _refused(code: LawCode, excerpt: str = "", rule: str | None = None) -> LawFinding:
    return LawFinding(code, rule or _RULES[code], excerpt, is_question=False)


def _question(code: LawCode, excerpt: str, rule: str | None = None) -> LawFinding:
    return LawFinding(code, rule or _RULES[code], excerpt, is_question=True)
