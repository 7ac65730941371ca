"""Which messages the rungs of a ladder are, for those who stay away: with bonus to lose and without."""

from collections.abc import Mapping

from stamkunde.messaging.model import MessageKind
from stamkunde.shared.ladder import RungText

RUNG_KINDS: Mapping[RungText, tuple[MessageKind, ...]] = {
    RungText.MISSED_YOU: (MessageKind.LADDER_MISSED_YOU,),
    RungText.BONUS: (MessageKind.LADDER_BONUS, MessageKind.LADDER_NO_BONUS),
    RungText.LAST: (
        MessageKind.LADDER_LAST_BONUS,
        MessageKind.LADDER_LAST,
        # Whoever may get no advertising is told plainly.
        MessageKind.LAST_NOTICE_BONUS,
        MessageKind.LAST_NOTICE,
    ),
}
