"""Takes out of the dependency layer what a Lambda never uses, because every start pays for it.

Data goes first: botocore's knowledge of other services, texts, tables. Then imports: some packages load all
they have as soon as their name is mentioned. Those front modules are rewritten to load a part when it is
asked for (PEP 562), and botocore's generator of help texts when somebody asks for help. Callers see no
difference: tests/architecture/test_package.py holds that, and the number of modules.
"""

from __future__ import annotations

import ast
import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeIs

from stamkunde.service_data import ADDRESSED_BY_REGION, RULES

# The AWS services our Lambdas call: botocore's knowledge of the other 400 is left out.
SERVICES = ("dynamodb", "pinpoint-sms-voice-v2", "s3", "sesv2", "sns", "sqs", "ssm", "stepfunctions")
SERVICE_FILES = ("service-2", RULES, "waiters-2")
SHARED_FILES = ("endpoints.json", "partitions.json", "sdk-default-configuration.json", "_retry.json")

# Every start unpacks every file, read or not. Our clubs are at home in these time zones,
ZONES = ("__init__.py", "Europe")
# log and count with these parts of Powertools,
POWERTOOLS_UTILITIES = ("__init__.py", "jmespath_utils", "typing")
# and ask nobody: addresses are judged by their form without a look into the DNS, short numbers aren't called.
NEVER_ASKED = ("dns", "docs", "phonenumbers/shortdata", "aws_lambda_powertools/event_handler")

# Of S3, which has some; the other services have none.
MUST_BE_DOCUMENTED = "clientContextParams"

# Packages whose front module only hands on names, from parts of which we use one or two.
LAZY_PACKAGES = ("phonenumbers",)
# Modules that call what they import only when somebody asks for help() on a client, or for HTTP/2.
CALLED_LATER = ("botocore/docs/__init__.py", "botocore/docs/docstring.py", "urllib3/http2/__init__.py")


def slim(packages: Path) -> None:
    """Slim an installed set of packages in place."""
    _remove_unused_files(packages)
    _slim_botocore_data(packages / "botocore" / "data")
    _slim_phone_data(packages / "phonenumbers" / "data")
    for package in LAZY_PACKAGES:
        _rewrite(packages / package / "__init__.py", load_on_access)
    for module in CALLED_LATER:
        _rewrite(packages / module, import_when_called)


def _remove_unused_files(packages: Path) -> None:
    """Remove what is never imported; records of an installation also differ from machine to machine."""
    unwanted = [
        *packages.glob("*.dist-info"),
        *packages.glob("bin"),
        *packages.glob("share"),
        *packages.glob(".*"),
    ]
    unwanted += [path for path in packages.rglob("*") if path.name in ("tests", "test", "__pycache__")]
    unwanted += [*packages.rglob("*.pyi"), packages / "tzdata" / "zones"]
    unwanted += [packages / folder for folder in NEVER_ASKED]
    unwanted += _all_but(ZONES, packages / "tzdata" / "zoneinfo")
    unwanted += _all_but(POWERTOOLS_UTILITIES, packages / "aws_lambda_powertools" / "utilities")
    for path in unwanted:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _all_but(kept: tuple[str, ...], folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name not in kept]


# -- data that is not read


def _slim_botocore_data(data: Path) -> None:
    """Keep our services' newest models, as plain JSON without their documentation.

    Reading them is a good part of making a client, and most of their bytes are prose.
    """
    for service in SERVICES:
        _slim_service(data / service)
    for path in data.iterdir():
        if path.is_dir() and path.name not in SERVICES:
            shutil.rmtree(path)
        elif path.is_file() and path.name not in SHARED_FILES:
            path.unlink()
    endpoints = _read_json(data / "endpoints.json")
    for partition in endpoints["partitions"]:
        partition["services"] = {name: partition["services"].get(name, {"endpoints": {}}) for name in SERVICES}
    _write_json(data / "endpoints.json", endpoints)


def _slim_service(folder: Path) -> None:
    *outdated, newest = sorted(path for path in folder.iterdir() if path.is_dir())
    for version in outdated:
        shutil.rmtree(version)
    for path in sorted(newest.iterdir()):
        content = _read_json(path)
        path.unlink()
        kind = path.name.split(".json")[0]
        if kind in SERVICE_FILES and not (kind == RULES and folder.name in ADDRESSED_BY_REGION):
            _write_json(path.with_name(path.name.removesuffix(".gz")), without_documentation(content))


def _read_json(path: Path) -> Any:
    content = path.read_bytes()
    return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")))


def without_documentation(model: Any) -> Any:
    """A model without its prose. A field *named* documentation has a structure, not a text, and stays."""
    if isinstance(model, list):
        return [without_documentation(part) for part in model]
    if not isinstance(model, dict):
        return model
    return {
        name: _silent(part) if name == MUST_BE_DOCUMENTED else without_documentation(part)
        for name, part in model.items()
        if not (name == "documentation" and isinstance(part, str))
    }


def _silent(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters of a client, each with an empty text: before each call botocore asks for one, and never shows it."""
    return {name: parameter | {"documentation": ""} for name, parameter in parameters.items()}


def _slim_phone_data(data: Path) -> None:
    """Leave out the alternative formats: they serve finding numbers in running text, and load 45 modules."""
    for path in data.glob("alt_format_*.py"):
        path.unlink()
    _rewrite(data / "__init__.py", without_alternative_formats)


def without_alternative_formats(source: str) -> str:
    """The data module with an empty table of alternative formats, as the package itself does without data."""
    tree = ast.parse(source)
    kept: list[ast.stmt] = []
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("alt_format_"):
            continue
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "_ALT_NUMBER_FORMATS":
            statement.value = ast.Dict(keys=[], values=[])
        kept.append(statement)
    tree.body = kept
    return ast.unparse(tree) + "\n"


# -- what is imported when


def _rewrite(module: Path, change: Callable[[str], str]) -> None:
    module.write_text(change(module.read_text()))


_LOAD_ON_ACCESS = """
def __getattr__(name):
    if name not in _PARTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module
    part, attribute = _PARTS[name]
    value = globals()[name] = getattr(import_module(part, __name__), attribute)
    return value
"""


def load_on_access(source: str) -> str:
    """A package's front module that imports each name it hands on when it is first asked for (PEP 562)."""
    tree = ast.parse(source)
    parts = {
        alias.asname or alias.name: ("." * statement.level + (statement.module or ""), alias.name)
        for statement in tree.body
        if _is_late(statement)
        for alias in statement.names
    }
    tree.body = [statement for statement in tree.body if not _is_late(statement)]
    return f"{ast.unparse(tree)}\n_PARTS = {parts!r}\n{_LOAD_ON_ACCESS}"


_IMPORT_WHEN_CALLED = """
def {name}(*arguments, **keywords):
    from {module} import {attribute} as called
    return called(*arguments, **keywords)
"""


def import_when_called(source: str) -> str:
    """A module that imports the functions and classes it calls when it first calls them.

    Right only where each imported name is called and nothing else, which a test asserts.
    """
    tree = ast.parse(source)
    calls = [
        _IMPORT_WHEN_CALLED.format(
            name=alias.asname or alias.name,
            module="." * statement.level + (statement.module or ""),
            attribute=alias.name,
        )
        for statement in tree.body
        if _is_late(statement)
        for alias in statement.names
    ]
    tree.body = [statement for statement in tree.body if not _is_late(statement)]
    return ast.unparse(tree) + "\n" + "".join(calls)


def _is_late(statement: ast.stmt) -> TypeIs[ast.ImportFrom]:
    return isinstance(statement, ast.ImportFrom) and statement.module != "__future__"
