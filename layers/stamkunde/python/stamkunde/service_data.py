"""How botocore finds the descriptions of the AWS services it can call.

Its own loader looks through every folder of its data for every kind of file (about 1,800 system calls) before
the first client exists. That is 13 % of a bare client's cold start, paid by every Lambda.
The dependency layer carries only the services we call, so one look at the folder is enough.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from botocore.exceptions import UnknownServiceError
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session

RULES = "endpoint-rule-set-1"
ADDRESSED_BY_REGION = frozenset({"dynamodb"})
"""Services whose address depends on nothing but the region.

For a service without endpoint rules botocore finds the address once a client; by its rules it does at each call, a
twentieth of a purchase's processor time.
"""


class ServiceNotPackagedError(UnknownServiceError):
    """A client was asked for a service whose description is not in the dependency layer."""

    fmt = (
        "The service {service_name} is not packaged (packaged: {known_service_names}). "
        "Add it to SERVICES in infra/slimming.py."
    )


class PlainFileLoader(JSONFileLoader):
    """Reads the layer's plain JSON fast; an ordinary botocore's compressed files are left to the original."""

    def load_file(self, file_path: str) -> Any:
        """The content of a file named without its ending, or None."""
        plain = Path(f"{file_path}.json")
        if plain.is_file():
            return msgspec.json.decode(plain.read_bytes())
        return super().load_file(file_path)


class ServiceDataLoader(Loader):
    """A botocore data loader that takes a service's folder as proof of the service.

    Models of a user's home folder and of ``AWS_DATA_PATH`` are not looked for: a Lambda has none.
    """

    FILE_LOADER_CLASS = PlainFileLoader

    def __init__(self) -> None:
        super().__init__([self.BUILTIN_DATA_PATH], include_default_search_paths=False, include_default_extras=False)
        self._services = sorted(path.name for path in Path(self.BUILTIN_DATA_PATH).iterdir() if path.is_dir())

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
        """The services that have a folder."""
        return self._services

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """One description of a service.

        Raises
        ------
        ServiceNotPackagedError
            There is none.
        UnknownServiceError
            These are the endpoint rules of a service that needs none.
        """
        if type_name == RULES and service_name in ADDRESSED_BY_REGION:
            raise UnknownServiceError(service_name=service_name, known_service_names="")
        if service_name not in self._services:
            known = ", ".join(self._services)
            raise ServiceNotPackagedError(service_name=service_name, known_service_names=known)
        return super().load_service_model(service_name, type_name, api_version)


@cache
def _loader() -> ServiceDataLoader:
    """The one that all clients of a process share: what one of them has read, the next one needn't."""
    return ServiceDataLoader()


def register(session: Session) -> None:
    """Let this session's clients find their service descriptions through :class:`ServiceDataLoader`."""
    session.register_component("data_loader", _loader())
