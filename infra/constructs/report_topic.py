"""Where AWS's gateways say what became of messages, and hand over what was answered."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ses as ses
from aws_cdk import aws_smsvoice as smsvoice
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

PUBLISHERS = ("ses.amazonaws.com", "sms-voice.amazonaws.com")
"""The services that may publish to it, in our own account's name."""

MAIL_SET = "stamkunde-mail"
SMS_SET = "stamkunde-sms"
"""Names that functions know without asking."""

MAIL_EVENTS = (
    ses.EmailSendingEvent.BOUNCE,
    ses.EmailSendingEvent.COMPLAINT,
    ses.EmailSendingEvent.DELIVERY,
    ses.EmailSendingEvent.REJECT,
)


class ReportTopic(Construct):
    """An encrypted topic that fills one queue, and the sets by which SES and AWS End User Messaging publish to it.

    Parameters
    ----------
    queue
        Of the function that takes reports.
    key
        Encrypts what lies in the topic: reports name the addresses that they are about.
    texts
        Whether text messages go by AWS End User Messaging.
    """

    def __init__(self, scope: Construct, construct_id: str, *, queue: sqs.Queue, key: kms.IKey, texts: bool) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        self.topic.add_subscription(subscriptions.SqsSubscription(queue, raw_message_delivery=True))
        for publisher in PUBLISHERS:
            self.topic.add_to_resource_policy(
                iam.PolicyStatement(
                    actions=["sns:Publish"],
                    principals=[iam.ServicePrincipal(publisher)],
                    resources=[self.topic.topic_arn],
                    conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
                )
            )
        mail = ses.ConfigurationSet(self, "Mail", configuration_set_name=MAIL_SET)
        mail.add_event_destination(
            "Reports", destination=ses.EventDestination.sns_topic(self.topic), events=list(MAIL_EVENTS)
        )
        if texts:
            self._texts()

    def _texts(self) -> None:
        destination = smsvoice.CfnConfigurationSet.EventDestinationProperty(
            enabled=True,
            event_destination_name="reports",
            matching_event_types=["TEXT_ALL"],
            sns_destination=smsvoice.CfnConfigurationSet.SnsDestinationProperty(topic_arn=self.topic.topic_arn),
        )
        smsvoice.CfnConfigurationSet(self, "Texts", configuration_set_name=SMS_SET, event_destinations=[destination])
