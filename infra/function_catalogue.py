"""The one list of Lambdas: the stacks, the local front door and the "every function has ..." tests read it."""

from types import MappingProxyType

from asset_page.routes import ROUTES as ASSET_ROUTES
from gateway_hook.routes import ROUTES as HOOK_ROUTES
from infra.function_description import Function, Http, Invoked, Queue, Rights, Rows, Schedule, Step, Stream
from join_page.routes import ROUTES as JOIN_ROUTES
from member_page.routes import ROUTES as MEMBER_ROUTES
from till_api.routes import ROUTES as TILL_ROUTES

TABLES = ("clubs", "members", "ledger", "views", "messages")


def _rights(**actions_by_table: str) -> Rights:
    return MappingProxyType({table: tuple(actions.split()) for table, actions in actions_by_table.items()})


# A transaction needs the rights of its single writes, and nothing beyond them.
FUNCTIONS = (
    Function(
        name="till_api",
        purpose="Serves tills: looks up and enrols members, quotes and books purchases.",
        trigger=Http(TILL_ROUTES, below="/v1"),
        rights=_rights(
            clubs="GetItem Query",
            # What a member agreed to so far is read before a word at the counter is written down, and the e-mails
            # that ask for an address are counted by an update.
            members="GetItem Query PutItem UpdateItem",
            # A coupon's total is counted, and a code used, by an update.
            ledger="GetItem Query PutItem UpdateItem",
            messages="PutItem",
        ),
        # A batch of 50 receipts takes about a second; a few of them may wait 2.5 seconds for another writer.
        timeout_seconds=15,
        # Chosen for the cashier's wait, not for price: CPU comes with memory, and against 512 MB it costs
        # $0.00009 more per 1,000 purchases, 2 % of what a purchase costs at all.
        memory_mb=1024,
        wakes="message_worker",
        knows_domains=True,
    ),
    Function(
        name="join_page",
        purpose="Serves the pages on which people join a club and act on a link they were sent.",
        trigger=Http(JOIN_ROUTES, below=None),
        rights=_rights(
            clubs="GetItem Query",
            # A mistyped number is deleted by whoever got the message meant for another.
            members="GetItem Query PutItem UpdateItem DeleteItem",
            ledger="Query PutItem",
            # A campaign's link leads to its run and a place in a list. Who has seen an e-mail is noted by an update.
            messages="GetItem BatchGetItem Query PutItem UpdateItem",
        ),
        timeout_seconds=10,
        # Somebody waits with a phone in the hand; see till_api.
        memory_mb=1024,
        wakes="message_worker",
        knows_domains=True,
    ),
    Function(
        name="member_page",
        purpose="Serves a member's own page: card, history, permissions, devices.",
        trigger=Http(MEMBER_ROUTES, below="/m"),
        rights=_rights(
            clubs="GetItem Query",
            # A device that the card is closed on is deleted.
            members="GetItem Query PutItem UpdateItem DeleteItem",
            ledger="Query PutItem",
            # What somebody was sent is theirs to know.
            messages="GetItem Query PutItem",
        ),
        timeout_seconds=10,
        memory_mb=1024,
        wakes="message_worker",
        knows_domains=True,
    ),
    Function(
        name="asset_page",
        purpose="Serves what the front door keeps: the pages' style sheets, the till API's description.",
        trigger=Http(ASSET_ROUTES, below="/assets", at=("/openapi.json", "/docs")),
        rights=_rights(),
        timeout_seconds=5,
        memory_mb=512,
    ),
    Function(
        name="operator_task",
        purpose="Does what operators ask for: creates clubs, outlets and tills, corrects and merges, rebuilds views.",
        trigger=Invoked(by="operators, from the console's test events or the stamkunde command line"),
        rights=_rights(
            # A club that stays open after all takes back that it closes.
            clubs="GetItem Query PutItem UpdateItem DeleteItem",
            # Segments are counted, and what they know of members is made anew.
            views="GetItem Query PutItem",
            # Members are corrected, merged and put together: their devices and the row of whoever was merged go.
            members="GetItem Query PutItem UpdateItem DeleteItem",
            # Accounts are asked, a hundred at once, which terms their members accepted.
            # A coupon that ends at another time takes another place in the list.
            ledger="GetItem BatchGetItem Query PutItem DeleteItem",
            # A campaign moves its place among those that are due.
            messages="GetItem Query PutItem DeleteItem",
        ),
        timeout_seconds=300,
        memory_mb=512,
        wakes="message_worker",
        # An erasure that stopped is started again by hand, too.
        starts=("member_erased",),
        # Who is to be deleted is told so, with a link that undoes it.
        knows_domains=True,
        # A photo whose record could not be written goes again.
        on_evidence=("PutObject", "DeleteObject", "ListBucket"),
    ),
    Function(
        name="ledger_stream",
        purpose="Marks the shop days that a new ledger entry touches as due for counting, and its account's members.",
        trigger=Stream(table="ledger", rows=(Rows("ENTRY#"),)),
        rights=_rights(views="PutItem DeleteItem"),
        timeout_seconds=30,
        memory_mb=512,
    ),
    Function(
        name="member_stream",
        purpose="Marks members of whom something was written, so that segments know it.",
        # What they agree to is written once. That a yes was used, which advertising notes in it, moves a day by which
        # it lapses: the night finds that out in time.
        trigger=Stream(table="members", rows=(Rows("MEMBER"), Rows("CONSENT#", only_new=True)), keys_only=True),
        rights=_rights(views="PutItem"),
        timeout_seconds=30,
        memory_mb=512,
    ),
    Function(
        name="member_facts_job",
        purpose="Makes anew what segments know of the members who are marked.",
        trigger=Schedule(every_minutes=1),
        # It reads of members what segments may know, and changes nothing but that.
        rights=_rights(
            clubs="Query", members="GetItem Query", ledger="Query", views="GetItem Query PutItem DeleteItem"
        ),
        # Less than the minute until the next one starts.
        timeout_seconds=50,
        memory_mb=1024,
    ),
    Function(
        name="facts_rebuild_job",
        purpose="Makes anew what segments know of all members, once a night in each club.",
        trigger=Schedule(every_minutes=60),
        # Who there is, accounts are asked a hundred at once.
        rights=_rights(
            clubs="Query",
            members="GetItem Query",
            ledger="BatchGetItem Query",
            views="GetItem Query PutItem",
        ),
        # It stops after ten minutes and goes on in the next hour.
        timeout_seconds=900,
        memory_mb=1024,
    ),
    Function(
        name="campaign_job",
        purpose="Begins campaigns whose time has come, wakes those that waited, and ends those that are too late.",
        trigger=Schedule(every_minutes=1),
        # A campaign is written with its line in the list and with when it is to be looked at next, which moves.
        rights=_rights(clubs="Query", messages="GetItem Query PutItem UpdateItem DeleteItem"),
        # Less than the minute until the next one starts.
        timeout_seconds=50,
        memory_mb=512,
        starts=("campaign_begun",),
    ),
    Function(
        name="campaign_task",
        purpose="Begins a campaign, as a step of the campaign_begun state machine: audience, lists, first messages.",
        trigger=Step(machine="campaign_begun"),
        # Whom it is for is decided by what segments know of members; nobody's own row is read.
        rights=_rights(clubs="Query", views="Query", messages="GetItem Query PutItem UpdateItem DeleteItem"),
        # It hands over what is left after a minute.
        timeout_seconds=120,
        memory_mb=1024,
        wakes="campaign_worker",
        knows_domains=True,
        knows_paces=True,
    ),
    Function(
        name="day_totals_job",
        purpose="Counts the shop days that are due and writes their totals.",
        trigger=Schedule(every_minutes=1),
        rights=_rights(views="Query PutItem DeleteItem"),
        # Less than the minute until the next one starts, so that two never count at the same time.
        timeout_seconds=50,
        memory_mb=512,
    ),
    Function(
        name="ledger_job",
        purpose="Tends refunds that wait for their sale: books those whose sale has come, and ends old ones.",
        trigger=Schedule(every_minutes=60),
        rights=_rights(
            clubs="Query",
            members="GetItem",
            # A refund gives back one of a coupon's total, or a code, by an update.
            ledger="GetItem Query PutItem UpdateItem",
        ),
        # It stops after ten minutes and goes on in the next hour.
        timeout_seconds=900,
        memory_mb=512,
    ),
    Function(
        name="proof_job",
        purpose="Proves accounts by their entries, at night in each club, and keeps what was owed as months ended.",
        trigger=Schedule(every_minutes=60),
        # It could not repair anything if it wanted to.
        rights=_rights(clubs="Query", ledger="GetItem Query", views="GetItem Query PutItem DeleteItem"),
        timeout_seconds=900,
        memory_mb=512,
    ),
    Function(
        name="message_worker",
        purpose="Sends the messages that wait in the outbox, each once, and records what became of them.",
        trigger=Queue(visible_again_seconds=60, keep_minutes=10, most_tries=5),
        # A code is worked out from its club's key, when it is sent; a use is noted with the yes that was used.
        rights=_rights(clubs="Query", members="UpdateItem", messages="GetItem UpdateItem PutItem DeleteItem"),
        # One message an invocation: the gateway is given five seconds of it.
        timeout_seconds=10,
        memory_mb=512,
        sends_messages=True,
    ),
    Function(
        name="campaign_worker",
        purpose="Sends a campaign's messages, a list of a hundred at a time, and wakes the next one of its lists.",
        # A wake-up may be kept back for a quarter of an hour, until the gateways have a slot again.
        trigger=Queue(visible_again_seconds=1_080, keep_minutes=60, most_tries=5),
        rights=_rights(
            clubs="GetItem Query",
            # What members agreed to is read right before each message. A use is noted with the yes that was used.
            members="GetItem BatchGetItem Query UpdateItem",
            # A text may tell of somebody's bonus and stamps.
            ledger="Query",
            # A campaign that waits, or is over, moves its place among those that are due.
            messages="GetItem BatchGetItem Query PutItem UpdateItem DeleteItem",
        ),
        # A hundred messages of six parts, at the pace of a gateway that others use too.
        timeout_seconds=180,
        memory_mb=1024,
        wakes="campaign_worker",
        sends_messages=True,
        sends_campaigns=True,
        knows_domains=True,
        knows_paces=True,
    ),
    Function(
        name="campaign_watch_job",
        purpose="Wakes the campaign worker for lists that wait, and finds what no worker has finished.",
        trigger=Schedule(every_minutes=1),
        rights=_rights(
            clubs="GetItem Query",
            # Of whom a dead worker was writing to it is asked whether they were.
            members="BatchGetItem Query",
            ledger="Query",
            messages="GetItem BatchGetItem Query PutItem UpdateItem DeleteItem",
        ),
        # Less than the minute until the next one starts.
        timeout_seconds=50,
        memory_mb=512,
        wakes="campaign_worker",
        knows_domains=True,
        knows_paces=True,
    ),
    Function(
        name="delivery_worker",
        purpose="Takes what AWS's gateways report: what became of messages, and what members answered.",
        # A report that comes before its message is written down comes again for a while.
        trigger=Queue(visible_again_seconds=180, keep_minutes=24 * 60, most_tries=10, filled_by_gateways=True),
        rights=_rights(
            clubs="GetItem Query",
            # Who answers STOP is written down, and what an address does is kept by its hash.
            members="GetItem Query PutItem UpdateItem",
            # What became of a message changes its row and its run's counts, and ends that it is looked for.
            messages="GetItem Query PutItem UpdateItem DeleteItem",
        ),
        timeout_seconds=30,
        memory_mb=512,
        wakes="message_worker",
        knows_domains=True,
    ),
    Function(
        name="gateway_hook",
        purpose="Takes what GatewayAPI.com calls to report: what became of messages, and what members answered.",
        trigger=Http(HOOK_ROUTES, below="/hooks"),
        rights=_rights(
            clubs="GetItem Query",
            members="GetItem Query PutItem UpdateItem",
            messages="GetItem Query PutItem UpdateItem DeleteItem",
        ),
        timeout_seconds=20,
        memory_mb=512,
        wakes="message_worker",
        knows_domains=True,
        hears_gatewayapi=True,
    ),
    Function(
        name="outbox_job",
        purpose="Wakes the message worker for what waits too long, and records what it never finished.",
        trigger=Schedule(every_minutes=1),
        rights=_rights(messages="Query PutItem DeleteItem"),
        # Less than the minute until the next one starts.
        timeout_seconds=50,
        memory_mb=512,
        wakes="message_worker",
    ),
    Function(
        name="backup_job",
        purpose="Deletes copies of tables made by hand once they are too old, and tells of restored tables.",
        trigger=Schedule(every_minutes=60),
        # It reads and writes no row.
        rights=_rights(**dict.fromkeys(TABLES, "ListBackups DeleteBackup ListTables")),
        timeout_seconds=60,
        memory_mb=512,
    ),
    Function(
        name="due_job",
        purpose="Looks at the members who are due in each club, and starts what is to be done about them.",
        trigger=Schedule(every_minutes=60),
        rights=_rights(
            clubs="Query",
            # A hint is claimed by an update, and taken away once it stands for nothing.
            members="GetItem Query PutItem UpdateItem DeleteItem",
            # New terms make everybody due: members are found by their accounts. What has lapsed is posted at once.
            ledger="Query PutItem",
            # What became of a notice decides whether its day counts.
            messages="GetItem",
        ),
        # It stops after ten minutes and goes on in the next hour.
        timeout_seconds=900,
        memory_mb=512,
        starts=("member_due", "member_erased"),
    ),
    Function(
        name="due_task",
        purpose="Does what is due to or for a member, as a step of the member_due state machine.",
        trigger=Step(machine="member_due"),
        rights=_rights(
            # A notice is in the club's own words, where it has any.
            clubs="GetItem Query",
            # Of a record whose permission ended long ago only the rest is left.
            members="GetItem Query PutItem UpdateItem DeleteItem",
            # A reminder says what somebody would lose.
            ledger="Query",
            messages="GetItem PutItem",
        ),
        timeout_seconds=60,
        memory_mb=512,
        wakes="message_worker",
        knows_domains=True,
    ),
    Function(
        name="erasure_task",
        purpose="Erases somebody, as a step of the member_erased state machine.",
        trigger=Step(machine="member_erased"),
        rights=_rights(
            # Who asked is told that it is done, in the shop's own words if it has any.
            clubs="GetItem Query",
            members="GetItem Query PutItem UpdateItem DeleteItem",
            # Nobody else may delete entries: copies of nobody take their place.
            ledger="GetItem Query PutItem UpdateItem DeleteItem",
            # What waits to be sent to them goes, unless it is with the gateway. They leave lists by an update.
            messages="GetItem BatchGetItem Query PutItem UpdateItem DeleteItem",
            # Segments forget them.
            views="GetItem PutItem",
        ),
        # Four hundred entries take a few seconds, and so does looking through a year of what staff did.
        timeout_seconds=60,
        memory_mb=512,
        wakes="message_worker",
        knows_domains=True,
        # The photo of somebody's signed form goes with them.
        on_evidence=("DeleteObject", "ListBucket"),
        # A copy that is brought back must not bring them back.
        on_tombstones=("PutObject",),
    ),
)
