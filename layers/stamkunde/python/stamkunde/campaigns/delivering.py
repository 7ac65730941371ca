"""Handing letters over: claim the address, call the gateway once, record what became of it. Ten at a time.

Whatever dies in between, nobody gets a message twice and none is lost unseen: a claim that nobody has recorded
anything of is recorded as unknown by whoever comes next, and not called for again.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from msgspec import Struct

from stamkunde.campaigns.addresses import Addresses, AddressState, Claim, new_claim
from stamkunde.campaigns.chunk_store import Chunk
from stamkunde.campaigns.model.campaign import Campaign
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.pacing import Slot
from stamkunde.campaigns.model.tally import Handled
from stamkunde.campaigns.results import WORKER_LOST, Result, Results
from stamkunde.campaigns.writing import Draft, Letter
from stamkunde.gateways.handover import AnswerLost, NotAccepted, Refused
from stamkunde.messaging.model import DeliveryState, Yes
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock
from stamkunde.shared.patience import Patience
from stamkunde.shared.transaction import Busy

TRUE_FOR = timedelta(seconds=30)
"""What was read of somebody is believed for so long: nothing is sent later by what was true before. An erasure waits
for longer than that, and a call, and its record (`stamkunde.campaigns.forgetting`)."""

_MOST_CLAIMS = 4
_NONE_YET = AddressState("", Channel.SMS)

type NoteUse = Callable[[Yes, Channel, datetime], None]
"""Notes when a yes was used; tries once."""


class Carrier(Protocol):
    """Hands letters over to whichever gateway their channel has."""

    def carry(self, letter: Letter) -> str:
        """Hand one letter over, once; the gateway's own id for it. See `stamkunde.gateways.handover.Gateway`.

        Raises
        ------
        Refused, NotAccepted, AnswerLost
            What became of it instead.
        """
        ...

    def release(self) -> None:
        """Give up the connections before nothing is sent for a while; nobody may be sending then."""
        ...


class Again(Struct, frozen=True):
    """That a letter surely wasn't taken, and may be offered again later.

    Parameters
    ----------
    reason
        A code.
    """

    reason: str


class Delivered(Struct, frozen=True):
    """What became of some places.

    Parameters
    ----------
    handled
        By index; those that aren't here wait on.
    again
        Why the others wait.
    called
        How many were handed over just now, or may have been.
    spent
        What those cost, in minor units.
    """

    handled: dict[int, Handled]
    again: tuple[Again, ...]
    called: int
    spent: int


class Delivering(Struct, frozen=True):
    """Hands one club's letters over.

    Parameters
    ----------
    clock
        Real time: when a message was sent, whatever the club's own clock shows.
    wait_until
        Sleeps until an instant of that clock.
    """

    addresses: Addresses
    results: Results
    carrier: Carrier
    note_use: NoteUse
    clock: Clock
    club_clock: Clock
    wait_until: Callable[[datetime], None]
    patience: Patience
    pool: Executor

    def deliver(
        self, campaign: Campaign, chunk: Chunk, drafts: Sequence[Draft], slot: Slot | None, drafted_at: datetime
    ) -> Delivered:
        """Send what is to be sent of some places, none before its own moment in the slot.

        Whoever isn't to be sent anything may have been before, by a worker that is gone: that is asked of the places
        that one was at, so that it counts what was really sent.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        tasks, before = [], 0
        for draft in drafts:
            at = slot.instant_of(before) if slot is not None and draft.letter is not None else None
            tasks.append(_Task(draft, at))
            before += draft.parts
        futures = [self.pool.submit(self._one, campaign, chunk, drafted_at, task) for task in tasks]
        # All of them first: whoever lets go of the connections must know that nobody is sending.
        wait(futures)
        answers = [(draft.index, future.result()) for draft, future in zip(drafts, futures, strict=True)]
        called = [each.handled for _, each in answers if isinstance(each, _Called)]
        return Delivered(
            {index: _handled(each) for index, each in answers if not isinstance(each, Again)},
            tuple(each for _, each in answers if isinstance(each, Again)),
            len(called),
            sum(each.price for each in called),
        )

    def settle(self, campaign: Campaign, chunk: Chunk, drafts: Sequence[Draft]) -> dict[int, Handled]:
        """What became of places that a worker may have been at which is gone, by index; nothing more is sent."""
        found: dict[int, Handled] = {}
        for draft in drafts:
            known = self._known(campaign, chunk, draft, is_doubtful=_is_doubtful(campaign, chunk, draft))
            if known is not None:
                found[draft.index] = known
        return found

    def _one(
        self, campaign: Campaign, chunk: Chunk, drafted_at: datetime, task: "_Task"
    ) -> "Handled | _Called | Again":
        draft = task.draft
        is_doubtful = _is_doubtful(campaign, chunk, draft)
        if is_doubtful or draft.index in chunk.under_way:
            known = self._known(campaign, chunk, draft, is_doubtful=is_doubtful)
            if known is not None:
                return known
        if draft.letter is None:
            return Handled(left_out=draft.left_out, saved=draft.saved)
        if task.at is not None:
            self.wait_until(task.at)
        if self.clock.now() - drafted_at > TRUE_FOR:
            return Again("read_too_long_ago")
        return self._send(campaign, chunk, draft, draft.letter)

    def _known(self, campaign: Campaign, chunk: Chunk, draft: Draft, *, is_doubtful: bool) -> Handled | None:
        """What is recorded of a place, or that nobody knows whether the gateway was called."""
        found = self.results.load(draft.member_id, campaign.campaign_id, chunk.key.channel)
        if found is not None and (found.key, found.index) == (chunk.key, draft.index):
            return found.counted_as
        if not is_doubtful:
            return None
        return self._record(
            self._result(campaign, chunk, draft, DeliveryState.UNKNOWN, self.clock.now(), reason=WORKER_LOST)
        )

    def _send(self, campaign: Campaign, chunk: Chunk, draft: Draft, letter: Letter) -> "Handled | _Called | Again":
        claimed = self._claim(campaign, chunk, draft)
        if not isinstance(claimed, Claim):
            return claimed
        called_at = self.clock.now()
        result = partial(self._result, campaign, chunk, draft, at=called_at)
        try:
            provider_id = self.carrier.carry(letter)
        except NotAccepted as failure:
            self._give_back(draft, chunk.key.channel, claimed)
            return Again(failure.reason)
        except Refused as failure:
            return _Called(self._record(result(DeliveryState.FAILED, reason=failure.reason)))
        except AnswerLost as failure:
            return _Called(self._record(result(DeliveryState.UNKNOWN, reason=failure.reason)))
        handled = self._record(result(DeliveryState.SENT, provider_id=provider_id))
        self._use(draft, letter.channel)
        return _Called(handled)

    def _claim(self, campaign: Campaign, chunk: Chunk, draft: Draft) -> Claim | Handled | Again:
        """The claim, if it was won; else what the place came to."""
        state, key, now = draft.address, chunk.key, self.club_clock.now()
        if state is None:
            raise ValueError("a letter without an address")
        for _ in range(_MOST_CLAIMS):
            held = state.claims.get(campaign.campaign_id)
            if held is not None:
                # Another place's: two members with one address. This place's own: another worker is at it.
                ours = held.is_of(key.chunk_id, draft.index)
                return Again("claimed_meanwhile") if ours else Handled(left_out=LeftOut.SAME_ADDRESS)
            if state.has_enough(campaign.campaign_id, campaign.plan_id, now):
                return Handled(left_out=LeftOut.CAP)
            claim = new_claim(campaign.campaign_id, campaign.plan_id, key.chunk_id, draft.index, now)
            if self.patience.until_done(partial(self.addresses.claim, state, claim)) is not None:
                return claim
            state = self.addresses.load(state.address_hash, state.channel)
        raise Busy

    def _give_back(self, draft: Draft, channel: Channel, claim: Claim) -> None:
        if draft.address is not None:
            address_hash = draft.address.address_hash
            self.patience.until_done(partial(self.addresses.give_back, address_hash, channel, claim))

    def _record(self, result: Result) -> Handled:
        """What a place is counted as: what is recorded of it, which may be more than is known here."""
        is_news = self.patience.until_done(lambda: self.results.record(result))
        if is_news:
            return result.counted_as
        found = self.results.load(result.member_id, result.key.campaign_id, result.channel)
        return (found or result).counted_as

    def _use(self, draft: Draft, channel: Channel) -> None:
        if draft.yes is not None:
            yes, at = draft.yes, self.club_clock.now()
            self.patience.until_done(lambda: self.note_use(yes, channel, at))

    def _result(
        self,
        campaign: Campaign,
        chunk: Chunk,
        draft: Draft,
        state: DeliveryState,
        at: datetime,
        *,
        reason: str | None = None,
        provider_id: str | None = None,
    ) -> Result:
        letter = draft.letter
        return Result(
            chunk.key,
            draft.index,
            draft.member_id,
            state,
            at,
            letter.parts if letter else 0,
            letter.price if letter else 0,
            campaign.text_version,
            provider_id,
            reason,
        )


class _Task(Struct, frozen=True):
    """A draft, and when it may go."""

    draft: Draft
    at: datetime | None


class _Called(Struct, frozen=True):
    """What a place came to whose gateway was called just now."""

    handled: Handled


def _handled(answer: Handled | _Called) -> Handled:
    return answer.handled if isinstance(answer, _Called) else answer


def _is_doubtful(campaign: Campaign, chunk: Chunk, draft: Draft) -> bool:
    """Whether a gateway may have been called for this very place, if nothing is recorded of it.

    Its address is claimed for it, or it had another one when a worker was at it. Of who is gone nothing is written.
    """
    if draft.left_out is LeftOut.GONE:
        return False
    held = (draft.address or _NONE_YET).claims.get(campaign.campaign_id)
    is_claimed = held is not None and held.is_of(chunk.key.chunk_id, draft.index)
    address_hash = draft.address.address_hash if draft.address else None
    return is_claimed or chunk.may_be_elsewhere(draft.index, address_hash)
