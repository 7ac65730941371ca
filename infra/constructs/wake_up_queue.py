"""The queue that wakes a worker."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.constructs.failure_queue import FailureQueue
from infra.constructs.python_function import PythonFunction
from infra.function_description import Queue


class WakeUpQueue(Construct):
    """An encrypted queue of row keys and the mapping that hands them to a function.

    The mapping takes one message at a time, for a worker that is stopped halfway through several would leave the
    others' outcome open. It reports what failed, so a message that waits on is no crash.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, worker: PythonFunction, queue: Queue, failures: FailureQueue
    ) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            visibility_timeout=cdk.Duration.seconds(queue.visible_again_seconds),
            retention_period=cdk.Duration.minutes(queue.keep_minutes),
            dead_letter_queue=sqs.DeadLetterQueue(queue=failures.queue, max_receive_count=queue.most_tries),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        self.queue.grant_consume_messages(worker.role)
        mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=worker.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=1,
            report_batch_item_failures=True,
        )
        # Lambda tries to read the queue when the mapping is made.
        mapping.node.add_dependency(worker.role)
