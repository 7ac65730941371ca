"""Where else a shop may have written somebody down, which nobody but its staff can look through."""

from enum import StrEnum


class OtherPlace(StrEnum):
    """A place of that kind; each is looked through once for everybody who asked the shop to be deleted."""

    NOTEBOOK = "notebook"
    MAILS = "mails"
    APPLICATIONS = "applications"
    PAPER_FORMS = "paper_forms"
    TILL_SYSTEM = "till_system"
