"""What a club may ask of its members, and on which conditions: the rules, without any I/O."""

from collections.abc import Collection
from copy import replace

from msgspec import Struct

from stamkunde.clubs.model import BALANCING_TEST_COUNTRY, MemberPolicy, PurchaseUse, Question, Trade, check_id
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ladder import Ladder, Rung, check_ladder, usual_ladder

MOST_QUESTIONS = 5
ANSWERS_A_QUESTION = range(2, 13)
LONGEST_QUESTION = 120
LONGEST_ANSWER = 40
SHORTEST_REASON = 20
LONGEST_REASON = 2_000
KEEPING_MONTHS = range(6, 61)
KEEPING_ASKS_REASON = 36
"""Whoever chooses so many months or more writes down why (R15)."""

TRADE_MONTHS = {Trade.GROCERIES: 12, Trade.CLOTHES: 24, Trade.TOURIST_CRAFTS: 36}
"""How long somebody who stays away may still come back (feature 49)."""


class Keeping(Struct, frozen=True):
    """For how long a club would keep members who stay away, and what it would tell them.

    Parameters
    ----------
    trade
        None for as it is.
    months
        None for those of the trade, or as it is.
    rungs
        None for the usual ones, or those that are kept for so many months.
    """

    trade: Trade | None = None
    months: int | None = None
    rungs: tuple[Rung, ...] | None = None


def with_keeping(before: MemberPolicy, wish: Keeping, holding: Collection[int] = ()) -> MemberPolicy:
    """A club's choices with another time of keeping members; why it is so long is for `check_member_policy`.

    Parameters
    ----------
    holding
        The months that still hold, or will before this does: their ladders are kept.

    Raises
    ------
    Refusal
        ``invalid_field``: months that aren't the trade's, too few or too many; those of `check_ladder`.
    """
    trade = wish.trade or (before.trade if wish.months in {None, before.inactive_months} else Trade.OWN)
    usual = TRADE_MONTHS.get(trade) if trade else None
    months = wish.months or usual or before.inactive_months
    if months not in KEEPING_MONTHS or months != (usual or months):
        among = str(usual) if usual else f"{KEEPING_MONTHS.start}-{KEEPING_MONTHS.stop - 1}"
        raise Refusal("invalid_field", {"expected": among}, "/months")
    kept = {ladder.months: ladder for ladder in before.ladders if ladder.months in {*holding, months}}
    if wish.rungs is not None:
        ladder = check_ladder(Ladder(months, wish.rungs))
        kept.pop(months, None)
        kept |= {months: ladder} if ladder != usual_ladder(months) else {}
    reason = before.keeping_reason if months == before.inactive_months else None
    ladders = tuple(kept[each] for each in sorted(kept))
    return replace(before, trade=trade, inactive_months=months, keeping_reason=reason, ladders=ladders)


def check_member_policy(policy: MemberPolicy, before: MemberPolicy, country: str) -> MemberPolicy:
    """A club's choices, trimmed and allowed to it; a reason that nothing asks for is left out.

    Parameters
    ----------
    before
        The choices so far: what a new club starts with needs no reason until somebody chooses it.

    Raises
    ------
    Refusal
        ``invalid_field``: more than five questions, an empty or too long text, a reason missing or too short.
        ``already_exists``: two questions of one id. ``balancing_test_not_allowed``: outside Denmark purchases are
        used with a yes only (R12).
    """
    if len(policy.questions) > MOST_QUESTIONS:
        raise Refusal("invalid_field", {"expected": f"0-{MOST_QUESTIONS}"}, "/questions")
    questions = tuple(_question(each, f"/questions/{number}") for number, each in enumerate(policy.questions))
    if len({each.question_id for each in questions}) < len(questions):
        raise Refusal("already_exists", {"what": "question_id"}, "/questions")
    return replace(
        policy,
        questions=questions,
        balancing_test=_balancing_test(policy, country),
        keeping_reason=_keeping_reason(policy, before),
    )


def _question(question: Question, pointer: str) -> Question:
    answers = tuple(_text(each, LONGEST_ANSWER, f"{pointer}/answers") for each in question.answers)
    if len(answers) not in ANSWERS_A_QUESTION or len(set(answers)) < len(answers):
        among = f"{ANSWERS_A_QUESTION.start}-{ANSWERS_A_QUESTION.stop - 1}"
        raise Refusal("invalid_field", {"expected": among}, f"{pointer}/answers")
    question_id = check_id(question.question_id, f"{pointer}/question_id")
    return Question(question_id, _text(question.words, LONGEST_QUESTION, f"{pointer}/words"), answers)


def _balancing_test(policy: MemberPolicy, country: str) -> str | None:
    if policy.purchase_use is PurchaseUse.CONSENT:
        return None
    if country != BALANCING_TEST_COUNTRY:
        raise Refusal("balancing_test_not_allowed", pointer="/purchase_use")
    return _reason(policy.balancing_test, "/balancing_test")


def _keeping_reason(policy: MemberPolicy, before: MemberPolicy) -> str | None:
    if policy.inactive_months not in KEEPING_MONTHS:
        among = f"{KEEPING_MONTHS.start}-{KEEPING_MONTHS.stop - 1}"
        raise Refusal("invalid_field", {"expected": among}, "/inactive_months")
    if policy.inactive_months < KEEPING_ASKS_REASON:
        return None
    if policy.keeping_reason is None and _is_kept_as_before(policy, before):
        return None
    return _reason(policy.keeping_reason, "/keeping_reason")


def _is_kept_as_before(policy: MemberPolicy, before: MemberPolicy) -> bool:
    return policy.inactive_months == before.inactive_months and policy.trade is before.trade


def _reason(typed: str | None, pointer: str) -> str:
    reason = _text(typed or "", LONGEST_REASON, pointer)
    if len(reason) < SHORTEST_REASON:
        raise Refusal("invalid_field", {"expected": f"{SHORTEST_REASON}-{LONGEST_REASON}"}, pointer)
    return reason


def _text(typed: str, longest: int, pointer: str) -> str:
    text = " ".join(typed.split())
    if not 0 < len(text) <= longest or not text.isprintable():
        raise Refusal("invalid_field", {"expected": f"1-{longest}"}, pointer)
    return text
