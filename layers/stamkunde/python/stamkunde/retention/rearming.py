"""The end of a case after which somebody is still there: when to look at them next."""

from msgspec import Struct

from stamkunde.retention.model import look_at
from stamkunde.retention.service import Looking
from stamkunde.retention.store import DueStore
from stamkunde.shared.clock import Clock
from stamkunde.shared.patience import Patience


class Rearming(Struct, frozen=True):
    """Ends one club's cases; done again, it changes nothing."""

    store: DueStore
    looking: Looking
    clock: Clock
    patience: Patience

    def rearm(self, case_id: str) -> None:
        """Write when the member is to be looked at next, and then end the case.

        In this order, so that a crash leaves a hint too many and never one too few.

        Raises
        ------
        Refusal
            ``try_again``: others keep writing the same rows.
        """
        case = self.store.load_case(case_id)
        if case is None:
            return
        now = self.clock.now()
        step = self.looking.next_step(case.member_id, now)
        if step is not None:
            self.store.arm(case.member_id, look_at(case.member_id, step.at, now))
        self.patience.until_done(lambda: self.store.close(case))
