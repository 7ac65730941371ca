"""What the join page remembers, in the visitor's own browser, between the form and the code."""

import msgspec

from stamkunde.members.joining import JoinRequest
from stamkunde.web.cookies import Pending

PURPOSE = Pending.JOIN


class PendingJoin(msgspec.Struct, frozen=True):
    """A wish that waits for its code; nothing of it is stored with us before the code is right."""

    challenge_id: str
    request: JoinRequest
