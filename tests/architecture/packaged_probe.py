"""Runs inside the sandbox, against the slimmed layer: asks it for what the untouched packages offer."""

from typing import Any


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
        "missing_phone_names": [name for name in event["phone_names"] if not hasattr(phonenumbers, name)],
        "danish_number": phonenumbers.format_number(
            phonenumbers.parse("20 12 34 56", "DK"), phonenumbers.PhoneNumberFormat.E164
        ),
        "help": str(client.query.__doc__),
        "endpoint": client.meta.endpoint_url,
        "operations": sorted(client.meta.method_to_api_mapping),
        "paginates": client.can_paginate("query"),
        "refusal": refusal,
    }
