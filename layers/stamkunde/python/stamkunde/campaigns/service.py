"""What somebody does with a club's campaigns: draft, look, schedule, send, pause, resume, take back, cancel."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct, field

from stamkunde.campaigns.ceilings import Ceilings
from stamkunde.campaigns.club_values import club_values, member_values, sample_link, text_facts
from stamkunde.campaigns.composer_texts import draft_said, law_asked
from stamkunde.campaigns.deciding import Scene, reckon
from stamkunde.campaigns.life import CampaignLife
from stamkunde.campaigns.model.campaign import (
    Campaign,
    Counts,
    PausedBy,
    Timetable,
    cancel,
    edit,
    pause,
    resume,
    schedule,
    seen,
    take_back,
)
from stamkunde.campaigns.model.composing import Composed, Sample, compose
from stamkunde.campaigns.model.criteria import EVERYBODY, Criterion, check_size
from stamkunde.campaigns.model.law import Answers
from stamkunde.campaigns.model.preview import CampaignPreview, seal_of
from stamkunde.campaigns.model.rendering import (
    ClubValues,
    MemberValues,
    Rendered,
    RenderedEmail,
    render_email,
    render_sms,
)
from stamkunde.campaigns.model.texts import CampaignText, check_text
from stamkunde.campaigns.model.timing import LATENESS, Rhythm, Start, latest_start, start_at
from stamkunde.campaigns.store import CampaignLine, CampaignStore
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import Clock, believable_wall_instant
from stamkunde.shared.errors import Refusal
from stamkunde.shared.ids import new_id
from stamkunde.shared.money import Money, Points
from stamkunde.shared.patience import Patience
from stamkunde.shared.programme import Unit

LONGEST_NAME = 80

AN_HOUR = 3_600
"""Seconds, after which the hourly job has made what is known of a new club's members."""


class Wish(Struct, frozen=True):
    """What a campaign is to be; see `stamkunde.campaigns.model.campaign.Campaign`."""

    name: str
    texts: Mapping[str, CampaignText]
    answers: Answers
    channels: tuple[Channel, ...]
    criteria: Criterion = EVERYBODY
    sms_after: timedelta | None = None
    holdout_bp: int = 0
    opening_hours: Mapping[str, str] = field(default_factory=dict)
    plan_id: str | None = None


class When(Struct, frozen=True):
    """When a campaign is to be sent.

    Parameters
    ----------
    at
        On the shop's wall, or with an offset; None for now.
    lateness
        How late it may begin.
    ends
        On the shop's wall: from then on it is worth nothing; None if it is worth sending whenever it can be.
    """

    at: datetime | None = None
    lateness: timedelta = LATENESS
    ends: datetime | None = None


class Shown(Struct, frozen=True):
    """A campaign, and what its messages have come to so far."""

    campaign: Campaign
    counts: Counts


class Scheduled(Struct, frozen=True):
    """A campaign that is to be sent, and when it goes by the club's hours."""

    campaign: Campaign
    start: Start


class Campaigns(Struct, frozen=True):
    """One club's campaigns.

    Parameters
    ----------
    may_carry
        Whether the deployment's gateway may carry a campaign to so many numbers.
    clock
        The club's.
    """

    scene: Scene
    store: CampaignStore
    ceilings: Ceilings
    life: CampaignLife
    rhythm: Rhythm
    may_carry: Callable[[int], bool]
    clock: Clock
    patience: Patience

    def draft(self, wish: Wish, by: str) -> Campaign:
        """A new draft.

        Raises
        ------
        Refusal
            ``invalid_field``, and those of `check_text`.
        """
        campaign = self.drafted(wish, by)
        self.store.create(campaign)
        return campaign

    def drafted(self, wish: Wish, by: str) -> Campaign:
        """What `draft` would write; a plan writes its drafts together.

        Raises
        ------
        Refusal
            As `draft`.
        """
        return self._wished(wish, new_id("k"), by)

    def edit(self, campaign_id: str, wish: Wish) -> Campaign:
        """A draft as it is wished to be from now on.

        Raises
        ------
        Refusal
            ``unknown_campaign``, ``campaign_not_now``, ``campaign_changed``, and as `draft`.
        """
        before = self.store.find(campaign_id)
        return self.store.save(before, edit(before, self._wished(wish, campaign_id, before.by)))

    def copy(self, campaign_id: str, by: str) -> Campaign:
        """A new draft of what another campaign said, however that went.

        Raises
        ------
        Refusal
            ``unknown_campaign``.
        """
        of = self.store.find(campaign_id)
        wish = Wish(
            of.name,
            of.texts,
            of.answers,
            of.channels,
            of.criteria,
            of.sms_after,
            of.holdout_bp,
            of.opening_hours,
        )
        return self.draft(wish, by)

    def composed(self, campaign: Campaign) -> Mapping[str, Composed]:
        """What a composer shows of a campaign's texts, by language."""
        return {
            language: compose(text, self._sample(campaign, language), answers=campaign.answers)
            for language, text in campaign.texts.items()
        }

    def preview(self, campaign_id: str) -> CampaignPreview:
        """What a draft comes to, everybody counted: what it is sent by, if somebody presses send.

        Raises
        ------
        Refusal
            ``unknown_campaign``, ``campaign_not_now``, ``campaign_changed``, ``campaign_unfinished``,
            ``facts_not_made``.
        """
        campaign = self.store.find(campaign_id)
        self._check_finished(campaign)
        now = self.clock.now()
        deciding = self.scene.deciding(campaign, now)
        if not deciding.is_known:
            raise Refusal("facts_not_made", retry_after=AN_HOUR)
        reckoned = reckon(deciding)
        pin = reckoned.pin(campaign.text_version, now)
        self.store.save(campaign, seen(campaign, pin))
        left = self.ceilings.load().left(self.ceilings.spent(now))
        return CampaignPreview(reckoned, pin, self.scene.club.currency, deciding.prices(), left)

    def schedule(self, campaign_id: str, seal: str, when: When) -> Scheduled:
        """Have a campaign sent by what was seen of it.

        Parameters
        ----------
        seal
            Of the preview.

        Raises
        ------
        Refusal
            ``unknown_campaign``, ``campaign_changed``; ``owner_needed``: it belongs to a plan, which is approved as
            a whole; those of `to_schedule`.
        """
        campaign = self.store.find(campaign_id)
        if campaign.plan_id is not None:
            raise Refusal("owner_needed")
        scheduled = self.to_schedule(campaign, seal, when)
        self.store.save(campaign, scheduled.campaign)
        return scheduled

    def to_schedule(self, campaign: Campaign, seal: str, when: When) -> Scheduled:
        """What `schedule` would write; a plan writes its messages together.

        Raises
        ------
        Refusal
            ``campaign_not_now``, ``preview_needed``, ``nobody_to_write_to``, ``campaign_too_late``, ``over_ceiling``,
            ``gateway_without_reports``.
        """
        if campaign.pin is None or seal_of(campaign.pin) != seal:
            raise Refusal("preview_needed")
        now = self.clock.now()
        start = self._start(when, now)
        after = schedule(campaign, self._timetable(when, start), now)
        self._check_ceiling(after, start.goes_at)
        self._check_gateway(after)
        return Scheduled(after, start)

    def take_back(self, campaign_id: str) -> Campaign:
        """A draft again, as long as nothing of it has begun.

        Raises
        ------
        Refusal
            ``unknown_campaign``, ``campaign_not_now``, ``campaign_changed``.
        """
        return self._become(campaign_id, take_back)

    def pause(self, campaign_id: str) -> Campaign:
        """Stop it before the workers' next messages.

        Raises
        ------
        Refusal
            ``unknown_campaign``, ``campaign_not_now``, ``campaign_changed``.
        """
        return self._become(campaign_id, lambda campaign: pause(campaign, PausedBy.STAFF))

    def resume(self, campaign_id: str) -> Campaign:
        """Go on where it was stopped.

        Raises
        ------
        Refusal
            ``unknown_campaign``, ``campaign_not_now``, ``campaign_changed``, ``campaign_too_late``.
        """
        return self._become(campaign_id, lambda campaign: resume(campaign, self.clock.now()))

    def cancel(self, campaign_id: str) -> Campaign:
        """End it: whatever isn't sent never is.

        Raises
        ------
        Refusal
            ``unknown_campaign``, ``campaign_not_now``, ``campaign_changed``.
        """
        return self._become(campaign_id, lambda campaign: cancel(campaign, self.clock.now()))

    def lines(self) -> list[CampaignLine]:
        """All campaigns of the club, the newest first."""
        return self.store.lines()

    def show(self, campaign_id: str) -> Shown:
        """A campaign, and what its messages have come to so far.

        Raises
        ------
        Refusal
            ``unknown_campaign``.
        """
        campaign = self.store.find(campaign_id)
        return Shown(campaign, self.life.counts(campaign_id))

    def test_text(self, campaign_id: str, first_name: str, language: str | None = None) -> Rendered:
        """The text message of a campaign as somebody of that name would get it, with a link that leads nowhere.

        Raises
        ------
        Refusal
            ``unknown_campaign``, ``campaign_unfinished``: it has no text message, or a place without a value.
        """
        return render_sms(*self._tried(campaign_id, Channel.SMS, first_name, language))

    def test_email(self, campaign_id: str, first_name: str, language: str | None = None) -> RenderedEmail:
        """The e-mail of a campaign as `test_text` is its text message.

        Raises
        ------
        Refusal
            ``unknown_campaign``, ``campaign_unfinished``: it has no e-mail, or a place without a value.
        """
        return render_email(*self._tried(campaign_id, Channel.EMAIL, first_name, language))

    def channels(self, campaign_id: str) -> tuple[Channel, ...]:
        """By what a campaign goes.

        Raises
        ------
        Refusal
            ``unknown_campaign``.
        """
        return self.store.find(campaign_id).channels

    def _tried(
        self, campaign_id: str, channel: Channel, first_name: str, language: str | None
    ) -> tuple[CampaignText, ClubValues, MemberValues]:
        campaign, club = self.store.find(campaign_id), self.scene.club
        text = campaign.text_for(language or club.language, club.language)
        if not _words_for(text, channel) or text.unfilled:
            raise Refusal("campaign_unfinished", {"findings": ", ".join(text.unfilled) or channel.value})
        values = member_values(club, text_facts(first_name, 0, {}, text), sample_link(self.scene.domains))
        return text, club_values(club, self.scene.domains, campaign, text.language), values

    def _become(self, campaign_id: str, change: Callable[[Campaign], Campaign]) -> Campaign:
        before = self.store.find(campaign_id)
        return self.store.save(before, change(before))

    def _wished(self, wish: Wish, campaign_id: str, by: str) -> Campaign:
        name = " ".join(wish.name.split())
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise Refusal("invalid_field", {"expected": f"1-{LONGEST_NAME}"}, "/name")
        if not wish.texts or any(text.language != language for language, text in wish.texts.items()):
            raise Refusal("invalid_field", {"expected": "da, nb, en"}, "/texts")
        return Campaign(
            campaign_id=campaign_id,
            name=name,
            by=by,
            texts={language: check_text(text) for language, text in wish.texts.items()},
            answers=wish.answers,
            channels=tuple(sorted(wish.channels)),
            drafted_at=self.clock.now(),
            criteria=check_size(wish.criteria),
            sms_after=wish.sms_after,
            holdout_bp=wish.holdout_bp,
            opening_hours=wish.opening_hours,
            plan_id=wish.plan_id,
        )

    def _sample(self, campaign: Campaign, language: str) -> Sample:
        club, link = self.scene.club, sample_link(self.scene.domains)
        bonus = Points(0) if club.unit is Unit.POINTS else Money(0, club.currency)
        values = club_values(club, self.scene.domains, campaign, language)
        return Sample(values, club.country, bonus, link, link)

    def _check_finished(self, campaign: Campaign) -> None:
        club = self.scene.club
        said = [f"{each} ({text.language})" for text in campaign.texts.values() for each in _missing(campaign, text)]
        for composed in self.composed(campaign).values():
            said += [draft_said(each, club.language) for each in composed.findings if not each.is_advice]
            fresh = campaign.answers.fresh_goods
            said += [law_asked(each, club.language, country=club.country, fresh_goods=fresh) for each in composed.law]
        if said:
            raise Refusal("campaign_unfinished", {"findings": " ".join(said)})

    def _start(self, when: When, now: datetime) -> Start:
        if when.at is None:
            return Start(now, self.rhythm.opening(now), None)
        at = believable_wall_instant(when.at, self.rhythm.time_zone, "/at")
        if when.at.tzinfo is not None:
            return Start(at, self.rhythm.opening(at), None)
        return start_at(when.at, self.rhythm)

    def _timetable(self, when: When, start: Start) -> Timetable:
        ends = when.ends and believable_wall_instant(when.ends, self.rhythm.time_zone, "/ends")
        return Timetable(start.goes_at, latest_start(start.goes_at, when.lateness, ends), ends)

    def _check_ceiling(self, campaign: Campaign, goes_at: datetime) -> None:
        pin, ceiling, spent = campaign.pin, self.ceilings.load(), self.ceilings.spent(goes_at)
        if pin is not None and not ceiling.allows(pin.price - pin.later, spent):
            currency = self.scene.club.currency
            left = Money(ceiling.left(spent) or 0, currency)
            raise Refusal("over_ceiling", {"price": Money(pin.price - pin.later, currency), "left": left})

    def _check_gateway(self, campaign: Campaign) -> None:
        if Channel.SMS in campaign.channels and campaign.pin and not self.may_carry(campaign.pin.members):
            raise Refusal("gateway_without_reports")


def _missing(campaign: Campaign, text: CampaignText) -> list[str]:
    """The channels that a text has no words for."""
    return [channel.value for channel in campaign.channels if not _words_for(text, channel)]


def _words_for(text: CampaignText, channel: Channel) -> str:
    return text.sms if channel is Channel.SMS else text.body
