"""What the catalogue says of a Lambda: what starts it, what it may do, and its limits."""

from collections.abc import Mapping
from dataclasses import dataclass

from stamkunde.shared.routing import Route


@dataclass(frozen=True, slots=True)
class Http:
    """Called through the front door.

    Parameters
    ----------
    routes
        What it answers.
    below
        The path whose requests the gateway hands to it; None for the one function that takes all the others.
    at
        Single paths that it is handed besides.
    """

    routes: tuple[Route, ...]
    below: str | None
    at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """Woken by the clock, in UTC: the local engine knows no other zone, so zones are handled in code."""

    every_minutes: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Some of a table's rows: those whose sort key begins so.

    Parameters
    ----------
    only_new
        Not when one is changed or removed.
    """

    sort_key_prefix: str
    only_new: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """Woken by what is written to some of a table's rows.

    Parameters
    ----------
    keys_only
        Whether it is told the keys of what was written, and not the rows.
    """

    table: str
    rows: tuple[Rows, ...]
    keys_only: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """Woken by the messages of a queue of its own, which hold keys of rows and tell of nobody.

    Parameters
    ----------
    visible_again_seconds
        When a message that was not worked off comes again: six times the function's own limit, as AWS advises.
    keep_minutes
        How long a wake-up is worth something; the minute job sends another.
    most_tries
        After so many a message goes to the failure queue.
    filled_by_gateways
        It is no worker that is woken: a topic fills it, to which AWS's gateways say what became of messages. What
        they say names whom a message was to.
    """

    visible_again_seconds: int
    keep_minutes: int
    most_tries: int
    filled_by_gateways: bool = False


@dataclass(frozen=True, slots=True)
class Invoked:
    """Called by a person, who waits for the answer."""

    by: str


@dataclass(frozen=True, slots=True)
class Step:
    """Called by a state machine, step by step."""

    machine: str


type Trigger = Http | Schedule | Stream | Queue | Invoked | Step
type Rights = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda.

    Parameters
    ----------
    name
        Its folder under ``functions/`` and its service name in the logs.
    purpose
        One sentence for the console and the runbook.
    trigger
        What starts it.
    rights
        The DynamoDB actions it may use, by table. It learns the names of these tables and of no other.
    timeout_seconds, memory_mb
        Limits of one invocation.
    wakes
        The function whose queue it may send to, and whose address it learns.
    starts
        The state machines that it may start, and whose ARNs it learns.
    sends_messages
        Whether it may send text messages and e-mail.
    sends_campaigns
        Whether it sends them by the gateway that the deployment chose for campaigns, too.
    knows_paces
        Whether it learns how fast messages may be sent.
    hears_gatewayapi
        Whether it learns what GatewayAPI.com signs its calls with.
    on_evidence
        What it may do in the bucket of evidence, such as ``PutObject``; it learns the bucket's name then.
    on_tombstones
        What it may do in the bucket of tombstones, in the same way.
    knows_domains
        Whether it writes links or addresses of our own domains, and so learns them.
    """

    name: str
    purpose: str
    trigger: Trigger
    rights: Rights
    timeout_seconds: int
    memory_mb: int
    wakes: str | None = None
    starts: tuple[str, ...] = ()
    sends_messages: bool = False
    sends_campaigns: bool = False
    knows_paces: bool = False
    hears_gatewayapi: bool = False
    on_evidence: tuple[str, ...] = ()
    on_tombstones: tuple[str, ...] = ()
    knows_domains: bool = False

    @property
    def title(self) -> str:
        """The name as it stands in the templates: ``till_api`` is ``TillApi``."""
        return self.name.title().replace("_", "")
