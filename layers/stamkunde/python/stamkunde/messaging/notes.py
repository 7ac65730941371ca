"""What is told of messages in logs and metrics: ids, kinds and outcomes, never to whom or what."""

from collections.abc import Sequence

from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.outbox import Delivery
from stamkunde.messaging.sending import Broken
from stamkunde.observability import MetricUnit, logger, metrics, where_it_broke

METRICS = {
    DeliveryState.SENT: "MessagesSent",
    DeliveryState.FAILED: "MessagesFailed",
    DeliveryState.UNKNOWN: "MessagesUnknown",
    DeliveryState.EXPIRED: "MessagesExpired",
}


def note_deliveries(deliveries: Sequence[Delivery]) -> None:
    """One line for each message, and a count of each outcome."""
    for delivery in deliveries:
        logger.info(
            "message recorded",
            club=delivery.club_id,
            message_id=delivery.message_id,
            kind=delivery.kind,
            channel=delivery.channel,
            state=delivery.state,
            reason=delivery.reason,
            parts=delivery.parts,
        )
        metrics.add_metric(name=METRICS[delivery.state], unit=MetricUnit.Count, value=1)
    if deliveries:
        metrics.flush_metrics()


def note_waiting(waiting: int) -> None:
    """How many messages wait longer than they should."""
    metrics.add_metric(name="MessagesWaiting", unit=MetricUnit.Count, value=waiting)
    metrics.flush_metrics()


def note_broken(broken: Sequence[Broken]) -> None:
    """One line for each row that could not be tended, by its key: where it broke, and not what stood there."""
    for each in broken:
        logger.error(
            "outbox row broke",
            row=each.key["sk"],
            error=type(each.error).__name__,
            frames=where_it_broke(each.error),
        )
    if broken:
        metrics.add_metric(name="MessagesBroken", unit=MetricUnit.Count, value=len(broken))
        metrics.flush_metrics()
