"""Secrets that others gave us, in the parameter store: nothing of them stands in a template or a variable."""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct, field


class SsmClient(Protocol):
    """What is used of botocore's SSM client."""

    def get_parameter(self, **given: Any) -> Mapping[str, Any]:
        """Read one parameter."""
        ...


class Secret(Struct):
    """One secret, read when it is first needed and kept as long as the process lives.

    Parameters
    ----------
    name
        What the parameter is called; an operator puts it there.
    """

    client: SsmClient
    name: str
    _read: str | None = field(default=None)

    def __repr__(self) -> str:
        return f"Secret({self.name})"

    def __call__(self) -> str:
        """The secret itself."""
        if self._read is None:
            answer = self.client.get_parameter(Name=self.name, WithDecryption=True)
            self._read = str(answer["Parameter"]["Value"])
        return self._read
