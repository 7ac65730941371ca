"""How the operators' tasks about campaigns answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from stamkunde.campaigns.composer_texts import draft_said, law_asked, start_said
from stamkunde.campaigns.model.campaign import Campaign, Pin
from stamkunde.campaigns.model.composing import Composed
from stamkunde.campaigns.model.criteria import write_criterion
from stamkunde.campaigns.model.preview import CampaignPreview, ChannelTotal
from stamkunde.campaigns.model.timing import Start
from stamkunde.campaigns.service import Campaigns
from stamkunde.campaigns.store import CampaignLine
from stamkunde.campaigns.why import Why
from stamkunde.shared.channel import Channel
from stamkunde.shared.clock import iso_instant
from stamkunde.shared.money import Money


def shown_line(line: CampaignLine) -> dict[str, Any]:
    """A campaign in a list."""
    return {
        "campaign_id": line.campaign_id,
        "name": line.name,
        "status": line.status.value,
        "drafted_at": iso_instant(line.drafted_at),
        "plan_id": line.plan_id,
    }


def shown_campaign(club: Campaigns, campaign: Campaign) -> dict[str, Any]:
    """A campaign, with its texts as people would read them and what they lack."""
    composed = club.composed(campaign)
    return {
        "campaign_id": campaign.campaign_id,
        "name": campaign.name,
        "status": campaign.status.value,
        "paused_by": campaign.paused_by and campaign.paused_by.value,
        "by": campaign.by,
        "plan_id": campaign.plan_id,
        "channels": [channel.value for channel in campaign.channels],
        "criteria": msgspec.json.decode(write_criterion(campaign.criteria)),
        "sms_after_hours": campaign.sms_after and campaign.sms_after.total_seconds() / 3_600,
        "holdout_percent": campaign.holdout_bp / 100,
        "texts": [_text(club, campaign, language, each) for language, each in composed.items()],
        "times": _times(campaign),
        "seen": campaign.pin and _pin(campaign.pin, club.scene.club.currency),
        "came_to": campaign.frozen and _pin(campaign.frozen, club.scene.club.currency),
    }


def shown_preview(preview: CampaignPreview) -> dict[str, Any]:
    """What a campaign comes to; the seal is handed back by whoever presses send."""
    currency = preview.currency
    return {
        "seal": preview.seal,
        "looked_at": preview.reckoned.looked_at,
        "members": preview.pin.members,
        "price": _money(preview.pin.price, currency),
        "most_saved": _money(preview.most_saved, currency),
        "ceiling_left": None if preview.ceiling_left is None else _money(preview.ceiling_left, currency),
        "is_over_ceiling": preview.is_over_ceiling,
        "longer_by": [{"characters": characters, "messages": count} for characters, count in preview.sms.costly],
        "by_channel": {
            channel.value: _total(total, currency) for channel, total in preview.reckoned.by_channel.items()
        },
    }


def shown_start(club: Campaigns, start: Start) -> list[str]:
    """When it really goes, if that isn't what it seems."""
    return list(start_said(start, club.rhythm, club.scene.club.language))


def shown_why(found: Mapping[Channel, Why], language: str) -> dict[str, Any]:
    """What became of a member, by channel."""
    return {
        channel.value: {
            "state": why.result.state.value if why.result else None,
            "at": iso_instant(why.result.at) if why.result else None,
            "text_version": why.result.text_version if why.result else None,
            "left_out": why.left_out and why.left_out.value,
            "said": why.line(language),
            "waits": why.waits,
        }
        for channel, why in found.items()
    }


def _total(total: ChannelTotal, currency: str) -> dict[str, Any]:
    return {
        "members": total.members,
        "later": total.later,
        "parts": total.parts,
        "members_by_parts": {str(parts): members for parts, members in sorted(total.by_parts.items())},
        "price": _money(total.price, currency),
        "without_a_list_price": total.unpriced,
        "left_out": [
            {"reason": reason.value, "members": members, "member_ids": total.samples[reason]}
            for reason, members in sorted(total.left_out.items())
        ],
    }


def _text(club: Campaigns, campaign: Campaign, language: str, composed: Composed) -> dict[str, Any]:
    own = club.scene.club
    said = [draft_said(each, own.language) for each in composed.findings]
    fresh = campaign.answers.fresh_goods
    said += [law_asked(each, own.language, country=own.country, fresh_goods=fresh) for each in composed.law]
    sms = composed.sms
    return {
        "language": language,
        "sms": sms and sms.long.text,
        "parts": sms and sms.long.count.parts,
        "price": sms and _money(sms.price.amount, sms.price.currency),
        "subject": composed.email and composed.email.subject,
        "body": composed.email and composed.email.body,
        "said": said,
        "may_be_sent": composed.may_be_sent,
    }


def _times(campaign: Campaign) -> dict[str, Any]:
    table = campaign.timetable
    instants: dict[str, datetime | None] = {
        "drafted_at": campaign.drafted_at,
        "first_at": campaign.first_at,
        "latest_start": table.latest_start if table else None,
        "ends_at": table.ends_at if table else None,
        "begun_at": campaign.begun_at,
        "waits_until": campaign.waits_until,
        "ended_at": campaign.ended_at,
    }
    return {name: iso_instant(instant) for name, instant in instants.items() if instant is not None}


def _pin(pin: Pin, currency: str) -> dict[str, Any]:
    return {
        "members": pin.members,
        "parts": pin.parts,
        "price": _money(pin.price, currency),
        "at": iso_instant(pin.at),
    }


def _money(amount: int, currency: str) -> dict[str, Any]:
    money = Money(amount, currency)
    return {"amount": money.amount, "currency": money.currency}
