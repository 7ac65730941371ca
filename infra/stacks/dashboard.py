"""What an operator sees first: are tills and visitors served, does anything wait, what does it cost."""

from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.constructs.python_function import METRICS_NAMESPACE
from infra.function_description import Stream
from infra.stacks.data import DataStack
from infra.stacks.service import ServiceStack

WIDTH = 24
# What nobody finishes is recorded by whoever comes across it first, mostly the job.
OUTCOMES = (
    ("Sent", "message_worker"),
    ("Failed", "message_worker"),
    ("Expired", "message_worker"),
    ("Expired", "outbox_job"),
    ("Unknown", "message_worker"),
    ("Unknown", "outbox_job"),
)


def dashboard_rows(data: DataStack, service: ServiceStack) -> Iterator[Sequence[cloudwatch.IWidget]]:
    """The dashboard's widgets, row by row."""
    yield _requests(service)
    yield _functions(service)
    yield _waiting(service)
    yield _tables(data)


def _requests(service: ServiceStack) -> Sequence[cloudwatch.IWidget]:
    api = service.http_api.api
    return (
        _graph("Requests", [api.metric_count(label="all", statistic=cloudwatch.Stats.SUM)]),
        _graph(
            "Refusals and failures",
            [
                api.metric_client_error(label="4xx", statistic=cloudwatch.Stats.SUM),
                api.metric_server_error(label="5xx", statistic=cloudwatch.Stats.SUM),
            ],
        ),
        _graph("Wait, ms", [api.metric_latency(label=name, statistic=name) for name in ("p50", "p99")]),
    )


def _functions(service: ServiceStack) -> Sequence[cloudwatch.IWidget]:
    functions = {name: made.function for name, made in service.functions.items()}
    return (
        _graph("Invocations", [each.metric_invocations(label=name) for name, each in functions.items()]),
        _graph("Errors", [each.metric_errors(label=name) for name, each in functions.items()]),
        _graph(
            "Duration p99, ms",
            [each.metric_duration(label=name, statistic="p99") for name, each in functions.items()],
        ),
    )


def _waiting(service: ServiceStack) -> Sequence[cloudwatch.IWidget]:
    depths = [
        failures.queue.metric_approximate_number_of_messages_visible(label=name)
        for name, failures in service.failure_queues.items()
    ]
    behind = [
        made.function.metric("IteratorAge", label=name, statistic=cloudwatch.Stats.MAXIMUM)
        for name, made in service.functions.items()
        if isinstance(made.catalogued.trigger, Stream)
    ]
    return (
        _graph("Events given up on", depths),
        _graph("Streams behind, ms", behind),
        _graph("Messages", [_messages(outcome, function) for outcome, function in OUTCOMES]),
    )


def _messages(outcome: str, function: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=f"Messages{outcome}",
        dimensions_map={"service": function},
        statistic=cloudwatch.Stats.SUM,
        label=f"{outcome.lower()}: {function}",
    )


def _tables(data: DataStack) -> Sequence[cloudwatch.IWidget]:
    return tuple(
        _graph(
            f"{kind} units",
            [
                cloudwatch.Metric(
                    namespace="AWS/DynamoDB",
                    metric_name=f"Consumed{kind}CapacityUnits",
                    dimensions_map={"TableName": table.table_name},
                    statistic=cloudwatch.Stats.SUM,
                    label=name,
                )
                for name, table in data.tables.items()
            ],
        )
        for kind in ("Read", "Write")
    )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=WIDTH // 3, period=cdk.Duration.minutes(5))
