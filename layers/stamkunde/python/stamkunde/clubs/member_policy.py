"""What a club may ask of its members, and on which conditions: the rules, without any I/O."""

from copy import replace

from stamkunde.clubs.model import BALANCING_TEST_COUNTRY, MemberPolicy, PurchaseUse, Question, check_id
from stamkunde.shared.errors import Refusal

MOST_QUESTIONS = 5
ANSWERS_A_QUESTION = range(2, 13)
LONGEST_QUESTION = 120
LONGEST_ANSWER = 40
SHORTEST_REASON = 20
LONGEST_REASON = 2_000
KEEPING_MONTHS = range(6, 61)
KEEPING_ASKS_REASON = 36
"""Whoever chooses so many months or more writes down why (R15)."""


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
    if policy.keeping_reason is None and policy.inactive_months == before.inactive_months:
        return None
    return _reason(policy.keeping_reason, "/keeping_reason")


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
