"""What is told of messages in logs and metrics: ids, kinds and outcomes, never to whom or what."""

from collections.abc import Sequence

from stamkunde.messaging.model import DeliveryState
from stamkunde.messaging.outbox import Delivery
from stamkunde.observability import MetricUnit, logger, metrics

METRICS = {
    DeliveryState.SENT: "MessagesSent",
    DeliveryState.FAILED: "MessagesFailed",
    DeliveryState.UNKNOWN: "MessagesUnknown",
}


def note_deliveries(deliveries: Sequence[Delivery]) -> None:
    """One line for each message, and a count of each outcome."""
    for delivery in deliveries:
        logger.info(
            "message recorded",
            club=delivery.club_id,
            message_id=delivery.message_id,
            kind=delivery.kind,
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
