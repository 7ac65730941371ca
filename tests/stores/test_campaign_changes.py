"""What changes about members between the button and the message: from the preview to the report, by the real worker.

And what changes while a worker lies dead: a message that may have gone to a former number isn't sent to the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from stamkunde.campaigns.chunk_store import LEASE_LASTS
from stamkunde.campaigns.facts_service import FactsKeeper
from stamkunde.campaigns.facts_store import FactsStore
from stamkunde.campaigns.model.campaign import Campaign, CampaignStatus, Counts, PausedBy, cancel, pause
from stamkunde.campaigns.model.criteria import AnyOf, Country, Language
from stamkunde.campaigns.model.left_out import LeftOut
from stamkunde.campaigns.model.tally import Outcome
from stamkunde.campaigns.sending import BATCH_SIZE
from stamkunde.campaigns.taking_facts import FactsReader
from stamkunde.campaigns.writing import Letter
from stamkunde.gateways.handover import NotAccepted
from stamkunde.ledger.account_members import AccountMembers
from stamkunde.ledger.store import LedgerStore
from stamkunde.members.model import AskedBy, ErasureRequest, Member
from stamkunde.shared.channel import Channel
from stamkunde.shared.patience import Patience
from tests.campaign_shop import CampaignShop
from tests.sending_scene import Killed, SceneClock, SendingScene, for_ever

BOTH = (Channel.EMAIL, Channel.SMS)
N_HOURS = timedelta(hours=3)
A_PART = 48
NEW_NUMBER = "+4561616161"
ANOTHER_NUMBER = "+4562626262"
FRENCH_NUMBER = "+33612345678"


class ShopClock(SceneClock):
    """One clock for the shop that begins campaigns and the workers that send them."""

    @property
    def instant(self) -> Any:
        return self.at

    @instant.setter
    def instant(self, at: Any) -> None:
        self.at = at


@dataclass
class Whole:
    """A club from the members' rows to the gateway: facts, preview, button, lists, workers, report."""

    scene: SendingScene = field(default_factory=lambda: SendingScene(clock=ShopClock()))

    @property
    def shop(self) -> CampaignShop:
        clock: Any = self.scene.clock
        return CampaignShop(self.scene.client, clock, club_id=self.scene.club.club_id)

    def know(self, members: Sequence[Member]) -> None:
        """What segments know of them, taken from their rows."""
        client, club = self.scene.client, self.scene.club
        ledger = LedgerStore(client, "ledger", club.club_id)
        accounts = AccountMembers(client, "ledger", club.club_id, Patience())
        reader = FactsReader(club, self.scene.members, ledger, self.scene.clock)
        keeper = FactsKeeper(FactsStore(client, "views", club.club_id), reader, accounts, Patience())
        keeper.renew([member.member_id for member in members])
        keeper.note_whole()

    def begin(self, scheduled: Campaign) -> Campaign:
        shop = self.shop
        begun = shop.begin(scheduled)
        self.scene.waking.wake(shop.woken)
        return begun

    def report(self, campaign: Campaign) -> Counts:
        return self.shop.campaigns.show(campaign.campaign_id).counts

    def told(self, campaign: Campaign, channel: Channel = Channel.SMS) -> dict[LeftOut, int]:
        return dict(self.scene.tally(campaign, channel).left_out)


@pytest.fixture
def whole() -> Whole:
    return Whole()


def test_whatever_changed_since_the_button_was_pressed_is_seen_before_the_message(whole: Whole) -> None:
    """All six at once: STOP, erased, moved abroad, changed number, in two segments, one mailbox for two."""
    scene = whole.scene
    stays, stops, is_erased, moves, changes = scene.add_members(5)
    one, other = scene.add_member(email="vi@example.com"), scene.add_member(email="vi@example.com")
    everybody = [stays, stops, is_erased, moves, changes, one, other]
    whole.know(everybody)
    # Whom both segments take is in the audience once.
    two_segments = AnyOf((Language(("da",)), Country(("DK",))))
    scheduled = whole.shop.scheduled(criteria=two_segments, channels=BOTH)
    assert scheduled.pin is not None
    assert (scheduled.pin.members, scheduled.pin.parts) == (7, 7)
    campaign = whole.begin(scheduled)
    now = scene.clock.now()
    scene.say_stop(stops)
    scene.change(is_erased, erasure=ErasureRequest(AskedBy.MEMBER, now - timedelta(days=14), now))
    scene.change(moves, phone=FRENCH_NUMBER)
    scene.change(changes, phone=NEW_NUMBER)
    scene.settle()
    by_sms = {letter.recipient for _, letter in scene.gateway.taken if letter.channel is Channel.SMS}
    assert by_sms == {stays.phone, NEW_NUMBER, one.phone, other.phone}
    assert set(scene.gateway.per_recipient().values()) == {1}
    assert whole.told(campaign) == {LeftOut.STOPPED: 1, LeftOut.GONE: 1, LeftOut.COUNTRY: 1}
    assert whole.told(campaign, Channel.EMAIL) == {LeftOut.GONE: 1}
    # Of the two who share a mailbox one was passed over when the lists were made.
    assert scene.gateway.per_recipient()["vi@example.com"] == 1
    report = whole.report(campaign)
    assert (report.sent, report.skipped, report.parts, report.price) == (4 + 5, 4, 4, 4 * A_PART)


def test_two_members_with_one_phone_get_one_message(whole: Whole) -> None:
    scene = whole.scene
    one = scene.add_member(phone=NEW_NUMBER)
    other = scene.add_member(phone=NEW_NUMBER)
    campaign = scene.begin([one, other])
    scene.settle()
    assert scene.gateway.per_recipient() == {NEW_NUMBER: 1}
    assert whole.told(campaign) == {LeftOut.SAME_ADDRESS: 1}


def test_whoever_has_seen_the_mail_gets_no_text_message_after_some_hours_and_the_report_shows_what_that_saved(
    whole: Whole,
) -> None:
    scene = whole.scene
    has_seen, has_not, stops, has_no_mail = (
        *scene.add_members(3),
        scene.add_member(email=None, email_confirmed_at=None),
    )
    everybody = [has_seen, has_not, stops, has_no_mail]
    whole.know(everybody)
    draft = whole.shop.campaigns.draft(whole.shop.wish(channels=BOTH, sms_after=N_HOURS), "anna")
    seen = whole.shop.campaigns.preview(draft.campaign_id)
    assert (seen.pin.price, seen.most_saved) == (4 * A_PART, 3 * A_PART)
    campaign = whole.begin(whole.shop.scheduled(channels=BOTH, sms_after=N_HOURS))
    scene.settle_for(minutes=179)
    at_once = [(letter.channel, letter.recipient) for _, letter in scene.gateway.taken]
    assert {recipient for channel, recipient in at_once if channel is Channel.SMS} == {has_no_mail.phone}
    assert {recipient for channel, recipient in at_once if channel is Channel.EMAIL} == {
        has_seen.email,
        has_not.email,
        stops.email,
    }
    # "Jeg har set det", by both of them; one has said STOP besides, so that nothing is saved by her mail.
    for each in (has_seen, stops):
        scene.results.note_click(each.member_id, campaign.campaign_id, Channel.EMAIL, scene.clock.now())
    scene.say_stop(stops)
    scene.settle(minutes=120)
    by_sms = {letter.recipient for _, letter in scene.gateway.taken if letter.channel is Channel.SMS}
    assert by_sms == {has_no_mail.phone, has_not.phone}
    assert whole.told(campaign) == {LeftOut.HAD_MAIL: 1, LeftOut.STOPPED: 1}
    report = whole.report(campaign)
    assert (report.sent, report.skipped, report.price, report.saved) == (5, 2, 2 * A_PART, A_PART)
    kept = scene.campaigns.find(campaign.campaign_id)
    assert (kept.status, kept.counts) == (CampaignStatus.DONE, report)


def dies_at(scene: SendingScene, recipient: str, *, after_record: bool) -> None:
    """The worker dies in its call for somebody, or once that is recorded."""
    put_item = scene.client.put_item

    def dies(letter: Letter) -> tuple[Exception | None, bool]:
        if letter.recipient == recipient and not after_record:
            scene.life.is_over = True
        return None, True

    scene.gateway.mood = dies

    def put(**given: Any) -> Any:
        answer = put_item(**given)
        row = given["Item"]["pk"]["S"]
        if after_record and row.startswith("SENT#") and scene.gateway.taken[-1][1].recipient == recipient:
            scene.life.is_over = True
        return answer

    scene.client.put_item = put  # type: ignore[method-assign]


def work_until_dead(scene: SendingScene) -> None:
    key = scene.waking.take()
    assert key is not None
    with pytest.raises(Killed):
        scene.sender().send(key)
    scene.life = for_ever()
    scene.gateway.mood = lambda _: (None, True)
    scene.clock.passes(seconds=LEASE_LASTS.total_seconds())


PLACES = pytest.mark.parametrize("place", [0, BATCH_SIZE - 1, BATCH_SIZE, BATCH_SIZE + 3])


@PLACES
def test_whose_number_changed_after_a_worker_died_at_them_is_unknown_and_not_written_to_again(
    whole: Whole, place: int
) -> None:
    scene = whole.scene
    members = scene.add_members(2 * BATCH_SIZE)
    campaign = scene.begin(members, lanes=1)
    member = members[place]
    dies_at(scene, member.phone, after_record=False)
    work_until_dead(scene)
    scene.change(member, phone=NEW_NUMBER)
    scene.settle()
    sent_to = scene.gateway.per_recipient()
    assert (sent_to[member.phone], sent_to[NEW_NUMBER]) == (1, 0)
    assert set(sent_to.values()) == {1}
    report = whole.report(campaign)
    assert (report.sent, report.unknown, report.skipped) == (len(members) - 1, 1, 0)


@PLACES
@pytest.mark.parametrize("change", ["number", "stop"])
def test_whoever_was_sent_it_before_their_worker_died_counts_as_sent_whatever_changed(
    whole: Whole, place: int, change: str
) -> None:
    scene = whole.scene
    members = scene.add_members(2 * BATCH_SIZE)
    campaign = scene.begin(members, lanes=1)
    member = members[place]
    dies_at(scene, member.phone, after_record=True)
    work_until_dead(scene)
    changes: dict[str, Callable[[], object]] = {
        "number": lambda: scene.change(member, phone=NEW_NUMBER),
        "stop": lambda: scene.say_stop(member),
    }
    changes[change]()
    scene.settle()
    assert set(scene.gateway.per_recipient().values()) == {1}
    assert scene.gateway.per_recipient()[NEW_NUMBER] == 0
    assert whole.report(campaign).sent == len(members)


def test_what_no_gateway_has_taken_goes_to_the_number_that_somebody_has_by_then(whole: Whole) -> None:
    scene = whole.scene
    members = scene.add_members(3)
    scene.gateway.mood = lambda letter: (
        (NotAccepted("gateway_throttles"), False) if letter.recipient == members[1].phone else (None, True)
    )
    campaign = scene.begin(members)
    scene.work_off()
    scene.change(members[1], phone=NEW_NUMBER)
    scene.settle()
    assert scene.gateway.per_recipient() == {members[0].phone: 1, NEW_NUMBER: 1, members[2].phone: 1}
    assert whole.report(campaign).sent == 3


def test_who_is_erased_while_their_worker_lies_dead_is_written_down_nowhere(whole: Whole) -> None:
    scene = whole.scene
    members = scene.add_members(3)
    campaign = scene.begin(members)
    dies_at(scene, members[1].phone, after_record=False)
    work_until_dead(scene)
    now = scene.clock.now()
    scene.change(members[1], erasure=ErasureRequest(AskedBy.MEMBER, now - timedelta(days=14), now))
    scene.settle()
    assert scene.result(members[1], campaign) is None
    assert whole.told(campaign) == {LeftOut.GONE: 1}


def test_a_number_that_changes_again_while_worker_after_worker_dies_is_not_written_to(whole: Whole) -> None:
    scene = whole.scene
    members = scene.add_members(3)
    campaign = scene.begin(members)
    member = members[1]
    dies_at(scene, member.phone, after_record=False)
    work_until_dead(scene)
    changed = scene.change(member, phone=NEW_NUMBER)
    scene.sweep()
    dies_at(scene, members[2].phone, after_record=False)
    work_until_dead(scene)
    scene.change(changed, phone=ANOTHER_NUMBER)
    scene.settle()
    assert scene.gateway.per_recipient() == dict.fromkeys([member.phone, members[0].phone, members[2].phone], 1)
    result = scene.result(member, campaign)
    assert result is not None
    assert result.counted_as.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("stops", [lambda campaign, _: pause(campaign, PausedBy.STAFF), cancel])
def test_the_report_of_a_stopped_campaign_counts_what_has_gone_out_of_lists_that_are_not_done(
    whole: Whole, stops: Callable[[Campaign, Any], Campaign]
) -> None:
    scene = whole.scene
    members = scene.add_members(100)
    campaign = scene.begin(members)

    def mood(_: Letter) -> tuple[Exception | None, bool]:
        if scene.gateway.calls == BATCH_SIZE + 1:
            now = scene.campaigns.find(campaign.campaign_id)
            scene.campaigns.save(now, stops(now, scene.clock.now()))
        return None, True

    scene.gateway.mood = mood
    scene.work_off()
    report = whole.report(campaign)
    assert (report.sent, report.price) == (2 * BATCH_SIZE, 2 * BATCH_SIZE * A_PART)
    assert len(scene.gateway.taken) == 2 * BATCH_SIZE
    scene.sweep()
    assert whole.report(campaign) == report, "and once, whoever has counted it since"
