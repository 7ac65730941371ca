"""`python -m tests.mutations [‹pitfall› …]`: tells of each rule whether its test notices that it is off."""

from __future__ import annotations

import sys

from tests.mutations.mutations import MUTATIONS
from tests.mutations.runner import switch_off

if __name__ == "__main__":
    wanted = {int(number) for number in sys.argv[1:]}
    all_noticed = True
    for mutation, noticed in switch_off([each for each in MUTATIONS if not wanted or each.pitfall in wanted]):
        all_noticed &= noticed
        print(f"{'noticed' if noticed else 'UNNOTICED'}: {mutation.pitfall}. {mutation.rule}", flush=True)
    sys.exit(0 if all_noticed else 1)
