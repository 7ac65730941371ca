"""In which order a campaign's members are sent to: the same whenever it is asked of the same decisions. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import batched

from msgspec import Struct

from stamkunde.campaigns.model.preview import Decided
from stamkunde.shared.channel import Channel


class RunList(Struct, frozen=True):
    """Whom a campaign writes to by one channel.

    Parameters
    ----------
    at_once
        By member id, in the order in which they are sent to.
    later
        Those who get the text message only if they don't click in the e-mail.
    """

    at_once: tuple[str, ...] = ()
    later: tuple[str, ...] = ()

    @property
    def members(self) -> int:
        """How many there are."""
        return len(self.at_once) + len(self.later)

    def chunks(self, size: int) -> Iterator["Chunked"]:
        """Lists of at most so many members; none holds both who gets it at once and who gets it later."""
        for members in batched(self.at_once, size, strict=False):
            yield Chunked(members, later=False)
        for members in batched(self.later, size, strict=False):
            yield Chunked(members, later=True)


class Chunked(Struct, frozen=True):
    """The members of one list."""

    members: tuple[str, ...]
    later: bool


def run_lists(decided: Iterable[Decided]) -> Mapping[Channel, RunList]:
    """The members of each channel that anybody is written to by, in the order of what was decided."""
    at_once: dict[Channel, list[str]] = {channel: [] for channel in Channel}
    later: dict[Channel, list[str]] = {channel: [] for channel in Channel}
    for each in decided:
        for channel, share in each.shares.items():
            (later if share.later else at_once)[channel].append(each.member_id)
    lists = {channel: RunList(tuple(at_once[channel]), tuple(later[channel])) for channel in Channel}
    return {channel: listed for channel, listed in lists.items() if listed.members}
