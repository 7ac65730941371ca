"""E-mail addresses: whatever was typed, one normal form."""

from stamkunde.shared.errors import Refusal


def read_email(typed: str) -> str:
    """A typed address as we keep it.

    Raises
    ------
    Refusal
        ``email_invalid``: it can't be one. Whether there is such a mailbox, the message that asks finds out.
    """
    # Loaded by whoever types an address: its patterns take a twelfth of a cold start.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    try:
        return validate_email(typed.strip(), check_deliverability=False, allow_smtputf8=False).normalized
    except EmailNotValidError:
        # Its text quotes what was typed, which no log may ever hold.
        raise Refusal("email_invalid", pointer="/email") from None
