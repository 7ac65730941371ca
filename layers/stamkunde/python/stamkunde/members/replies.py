"""What members answer to the number that a deployment writes from: STOP, START, and what only the shop can answer.

Many shops write from one number, and an answer says of none of them which it means, unless it names one. So without
a name it goes to every shop that wrote there lately (14 days), and to all who know the number if none did: whoever
says stop is stopped. A gateway may hand over the same answer twice, which changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from stamkunde.clubs.known import KnownClubs
from stamkunde.clubs.model import Club
from stamkunde.members.consents import ConsentMethod
from stamkunde.members.model import Member
from stamkunde.members.stop_words import Wish, keyword_of, read_answer
from stamkunde.members.stopping import Said, Stopping
from stamkunde.shared.channel import Channel

LATELY = timedelta(days=14)

type WrittenSince = Callable[[Club, Member, datetime], bool]


class Heard(Struct, frozen=True):
    """What came of an answer.

    Parameters
    ----------
    wish
        None for an answer that asks for nothing we know.
    clubs
        In which clubs it changed something.
    """

    wish: Wish | None
    clubs: tuple[str, ...] = ()


class Replies(Struct, frozen=True):
    """Takes answers for all clubs.

    Parameters
    ----------
    club_ids
        Every club's id. An answer is looked for in each of them, because a number is kept by a hash with a key of its
        club's own, and no list over all clubs of who has which number shall exist.
    stopping_of
        What stops and starts in a club.
    written_since
        Whether a club wrote to a member by text message since an instant.
    """

    clubs: KnownClubs
    club_ids: Callable[[], Iterable[str]]
    stopping_of: Callable[[Club], Stopping]
    written_since: WrittenSince

    def hear(self, phone: str, text: str) -> Heard:
        """Take an answer from a number (E.164).

        Raises
        ------
        Exception
            In a club it could not be done; in all others it was. To be tried again as a whole.
        """
        answer = read_answer(text)
        if answer is None:
            return Heard(None)
        known = list(self._known_in(phone, answer.keyword))
        meant = known if answer.wish is Wish.START else self._lately(known) or known
        changed, broke = [], []
        for stopping, member in meant:
            try:
                if _act(stopping, member, answer.wish):
                    changed.append(stopping.club.club_id)
            except Exception as error:  # noqa: BLE001 - what breaks in one club must not keep another from stopping
                broke.append(error)
        if broke:
            raise broke[0]
        return Heard(answer.wish, tuple(changed))

    def _known_in(self, phone: str, keyword: str | None) -> Iterator[tuple[Stopping, Member]]:
        """Where the number is a member's: in the club that is named, or in any if none has that name."""
        clubs = [club for club_id in self.club_ids() if (club := self._open(club_id)) is not None]
        named = [club for club in clubs if keyword is not None and keyword_of(club.slug) == keyword]
        for club in named or clubs:
            stopping = self.stopping_of(club)
            member = stopping.member_with(phone)
            if member is not None:
                yield stopping, member

    def _lately(self, known: Iterable[tuple[Stopping, Member]]) -> list[tuple[Stopping, Member]]:
        return [
            (stopping, member)
            for stopping, member in known
            if self.written_since(stopping.club, member, stopping.clock.now() - LATELY)
        ]

    def _open(self, club_id: str) -> Club | None:
        return self.clubs.unless_closed(self.clubs.by_id(club_id))


def _act(stopping: Stopping, member: Member, wish: Wish) -> bool:
    said = Said(ConsentMethod.TEXT_REPLY, member.language, is_told=wish is Wish.STOP)
    if wish is Wish.START:
        return stopping.start(member.member_id, said)
    return stopping.stop(member.member_id, Channel.SMS, said)
