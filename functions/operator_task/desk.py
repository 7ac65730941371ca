"""What every task of an operator is made of."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from stamkunde.clubs.service import Operators
from stamkunde.gateways.wake_ups import WakeUps
from stamkunde.settings import Settings

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

type Name = Annotated[str, Meta(min_length=1, max_length=60)]
type Rate = Annotated[int, Meta(ge=0, le=10_000)]
type Months = Annotated[int, Meta(ge=1, le=120)]


class Desk(Struct, frozen=True):
    """What the tasks are carried out with."""

    operators: Operators
    client: "DynamoDBClient"
    settings: Settings
    wake_ups: WakeUps


class TaskModel(Struct, forbid_unknown_fields=True, tag_field="task"):
    """What all tasks have in common: `task` names which."""
