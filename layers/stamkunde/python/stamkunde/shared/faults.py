"""Which failures of AWS pass by themselves, so that whoever asked should simply ask again."""

from http import HTTPStatus

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

PASSING_CODES = frozenset(
    {
        "TransactionInProgressException",
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
    }
)


def is_passing(error: Exception) -> bool:
    """Whether AWS was away, broke or asked for patience; what was asked of it may have been done or not."""
    if isinstance(error, ClientError):
        broke = error.response["ResponseMetadata"]["HTTPStatusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR
        return broke or error.response["Error"]["Code"] in PASSING_CODES
    return isinstance(error, (NoConnection, HTTPClientError))
