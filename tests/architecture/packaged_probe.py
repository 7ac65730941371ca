"""Runs inside the sandbox, against the slimmed layer: asks it for what the untouched packages offer."""

from typing import Any


class NothingLeaves(Exception):
    """A call is made, signed and about to be sent."""


def sends(session: Any, service: str, call: list[Any]) -> str:
    """Make a call up to the moment at which it would leave; what stopped it."""
    client = session.create_client(service)

    def stop(**_given: Any) -> None:
        raise NothingLeaves

    client.meta.events.register("before-send", stop)
    operation, given = call
    try:
        getattr(client, operation)(**given)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return type(error).__name__
    return ""


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    import botocore.session
    import phonenumbers
    from botocore.exceptions import UnknownServiceError

    from stamkunde import service_data

    session = botocore.session.Session()
    service_data.register(session)
    client: Any = session.create_client("dynamodb")
    try:
        session.create_client("ec2")
        refusal = ""
    except UnknownServiceError as error:
        refusal = str(error)
    return {
        "calls": {service: sends(session, service, call) for service, call in event["calls"].items()},
        "missing_phone_names": [name for name in event["phone_names"] if not hasattr(phonenumbers, name)],
        "danish_number": phonenumbers.format_number(
            phonenumbers.parse("20 12 34 56", "DK"), phonenumbers.PhoneNumberFormat.E164
        ),
        "help": str(client.query.__doc__),
        "endpoint": client.meta.endpoint_url,
        "operations": sorted(client.meta.method_to_api_mapping),
        "refusal": refusal,
    }
