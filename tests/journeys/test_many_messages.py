"""Campaigns through the deployed local stack: to two thousand, and one that is paused, resumed and cancelled."""

from __future__ import annotations

from tests.campaign_stack import StackCampaign, send_through
from tests.local_stack import LocalStack, wait_until

MANY = 2_000
"""`make prove` sends to 20,000."""

SOME = 600
A_WORKERS_BATCH = 20
LANES = 6
"""All chunks of so small a campaign are in flight at once."""

A_WHILE = 240.0


def test_the_report_of_a_campaign_to_two_thousand_is_the_inbox_message_by_message_and_the_preview(
    local_stack: LocalStack,
) -> None:
    told = send_through(local_stack.stack, MANY, A_WHILE)
    assert told.differences() == []
    assert len(told.inbox) == MANY


def test_a_campaign_that_is_paused_resumed_and_cancelled_reports_what_has_arrived(local_stack: LocalStack) -> None:
    campaign = StackCampaign.in_stack(local_stack.stack, SOME)

    def arrived() -> int:
        return sum(map(len, campaign.inbox().values()))

    def reports_what_arrived() -> bool:
        counts = campaign.shown()["counts"]
        return (counts["sent"], counts["unknown"], counts["failed"]) == (arrived(), 0, 0)

    campaign.press_send(campaign.draft()["seal"])
    wait_until(lambda: arrived() > 0, seconds=A_WHILE)
    assert campaign.of_campaign("pause_campaign", by="Mette")["paused_by"] == "staff"
    at_the_pause = arrived()
    # The workers finish what they have begun, and say at once how much it was.
    wait_until(reports_what_arrived, seconds=30)
    paused = arrived()
    assert paused <= at_the_pause + LANES * A_WORKERS_BATCH
    campaign.of_campaign("resume_campaign", by="Mette")
    campaign.run_watch_job()
    wait_until(lambda: arrived() > paused, seconds=A_WHILE)
    campaign.of_campaign("cancel_campaign", by="Mette")
    wait_until(reports_what_arrived, seconds=30)
    assert campaign.shown()["status"] == "cancelled"
    assert paused < arrived() < SOME
    campaign.run_watch_job()
    assert reports_what_arrived(), "and once, whoever has counted it since"
    assert {len(messages) for messages in campaign.inbox().values()} == {1}
