"""What campaigns keep of somebody who is erased, and that none of it comes back behind the erasure.

A worker that read somebody just before they were condemned may still be writing to them. It writes nothing later than
`WRITES_LAST` after it has read, so whoever erases waits for as long while anything of the club is being sent.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct

from stamkunde.campaigns.addresses import Addresses
from stamkunde.campaigns.audience_store import AudienceStore
from stamkunde.campaigns.chunk_store import CHUNK_SIZE, LISTS_LAST, ChunkStore, RunKey, chunk_key
from stamkunde.campaigns.delivering import TRUE_FOR
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.lists import run_lists
from stamkunde.campaigns.results import Results
from stamkunde.campaigns.runs import Running
from stamkunde.campaigns.store import CampaignStore
from stamkunde.members.model import Member
from stamkunde.shared.patience import Patience

WRITES_LAST = TRUE_FOR + timedelta(seconds=30)
"""What was read is true for 30 seconds; then a gateway has ten, and each of two writes a few."""


class CampaignTraces(Struct, frozen=True):
    """What one club's campaigns keep of its members."""

    addresses: Addresses
    results: Results
    chunks: ChunkStore
    running: Running
    campaigns: CampaignStore
    audience: AudienceStore
    patience: Patience

    def may_be_writing(self, gone_since: datetime, now: datetime) -> bool:
        """Whether a worker may still be at somebody who was there until an instant."""
        return now - gone_since < WRITES_LAST and self.running.has_any_of(self.chunks.club_id)

    def forget_addresses(self, member: Member) -> None:
        """Forget when somebody's addresses were written to, also those of whoever was merged into them.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        given = (member.phone, member.email, member.pending_email)
        hashes = {self.addresses.hash_of(each) for each in given if each}
        hashes |= {each.phone_hash for each in member.formerly}
        self.patience.until_done(partial(self.addresses.forget, hashes))

    def forget_messages(self, member_ids: Iterable[str], now: datetime) -> None:
        """Forget what somebody was sent, and take them out of the lists that it was sent by.

        Out of the other lists they are taken with what was decided; see `forget_decisions`.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        for member_id in sorted(member_ids):
            for result in list(self.results.of_member(member_id)):
                if now - result.at < LISTS_LAST:
                    place = partial(self.chunks.forget_place, result.key, result.index, member_id)
                    self.patience.until_done(place)
                self.patience.until_done(partial(self.results.forget, result))

    def forget_decisions(self, member_ids: Iterable[str], now: datetime) -> None:
        """Take somebody out of what campaigns decided about them and the lists made of it, as long as those are kept.

        Raises
        ------
        Refusal
            ``try_again``.
        """
        lines = self.campaigns.lines()
        kept = [each for each in lines if each.frozen_at is not None and now - each.frozen_at < LISTS_LAST]
        for member_id in sorted(member_ids):
            for line in kept:
                self._forget_places(line.campaign_id, member_id)
                self.patience.until_done(partial(self.audience.forget, line.campaign_id, member_id))

    def _forget_places(self, campaign_id: str, member_id: str) -> None:
        """Take somebody out of the lists that were made of what was decided, whatever became of their turn."""
        decided = self.audience.find(campaign_id, member_id)
        if decided is None or all(isinstance(each, LeftOut) for each in decided.by_channel.values()):
            return
        everybody = (each for row in self.audience.rows(campaign_id) for each in row.decided)
        for channel, listed in run_lists(everybody).items():
            run = RunKey(self.chunks.club_id, campaign_id, channel)
            for number, chunk in enumerate(listed.chunks(CHUNK_SIZE)):
                if member_id in chunk.members:
                    place = chunk.members.index(member_id)
                    forget = partial(self.chunks.forget_place, chunk_key(run, number), place, member_id)
                    self.patience.until_done(forget)
