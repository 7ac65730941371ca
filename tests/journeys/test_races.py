"""Two tills, one coupon: over real HTTP and in deployed Lambdas, one of them gets it and the other is told why."""

from __future__ import annotations

import pytest

from tests.local_stack import LocalStack
from tests.races import RACES, Race, run

ROUNDS = 20
"""200 in `make prove`."""


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.refusal)
def test_of_two_tills_that_want_the_same_one_gets_it_and_the_other_is_told_why(
    local_stack: LocalStack, race: Race
) -> None:
    outcome = run(local_stack.stack, race, ROUNDS)
    assert outcome.faults == []
    assert outcome.won.total() == ROUNDS
