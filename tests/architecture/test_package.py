"""What is shipped to Lambda, and what a cold start loads of it: the gates that no noise moves.

Seconds are measured by ``make bench``; these are their causes.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import io
import marshal
import shutil
import types
import zipfile
from hashlib import sha256
from pathlib import Path

import botocore.session
import phonenumbers
import pytest

from infra import slimming
from infra.function_catalogue import FUNCTIONS
from infra.packaging import ROOT, Packages, build
from stamkunde.clubs.model import COUNTRIES
from tests import lambda_sandbox

MOST_MODULES = 370
LARGEST_ZIP = 10_000_000
NEVER_LOADED = ("boto3", "s3transfer", "multiprocessing", "asyncio", "aws_xray_sdk")

CALLS: dict[str, tuple[str, dict[str, object]]] = {
    "dynamodb": ("list_tables", {}),
    "pinpoint-sms-voice-v2": ("send_text_message", {"DestinationPhoneNumber": "+4520123456"}),
    "s3": ("put_object", {"Bucket": "tombstones", "Key": "c1", "Body": ""}),
    "sesv2": ("send_email", {"Content": {}}),
    "sns": ("publish", {"Message": "1"}),
    "sqs": ("send_message_batch", {"QueueUrl": "https://sqs.eu-north-1.amazonaws.com/1/q", "Entries": []}),
    "ssm": ("get_parameter", {"Name": "/stamkunde/token"}),
    "stepfunctions": ("start_execution", {"stateMachineArn": "arn"}),
}
"""One call of each service that we use."""

NAMES = [function.name for function in FUNCTIONS]


@pytest.fixture(scope="module")
def packages() -> Packages:
    return build()


@pytest.fixture(scope="module")
def assets(packages: Packages) -> list[Path]:
    return [packages.dependencies, packages.stamkunde, *packages.functions.values()]


def test_every_module_has_byte_code_that_lambda_trusts(assets: list[Path]) -> None:
    faults = [fault for asset in assets for source in asset.rglob("*.py") if (fault := _byte_code_fault(source))]
    assert not faults, "\n".join(faults)


def test_byte_code_names_the_folders_of_a_lambda(packages: Packages) -> None:
    for asset, folder in (
        (packages.dependencies, "/opt/python/"),
        (packages.stamkunde, "/opt/python/"),
        *((path, "/var/task/") for path in packages.functions.values()),
    ):
        for compiled in asset.rglob("*.pyc"):
            code = marshal.loads(compiled.read_bytes()[16:])
            assert isinstance(code, types.CodeType)
            assert code.co_filename.startswith(folder), f"{compiled} names {code.co_filename}"


def test_nothing_is_shipped_that_is_never_imported(assets: list[Path]) -> None:
    for asset in assets:
        shipped = [path.relative_to(asset) for path in asset.rglob("*")]
        unwanted = [
            path for path in shipped if path.suffix in {".dist-info", ".pyi"} or path.name in {"bin", "tests"}
        ]
        assert not unwanted


def test_only_our_services_are_described(packages: Packages) -> None:
    data = packages.dependencies / "python" / "botocore" / "data"
    assert {path.name for path in data.iterdir()} == {*slimming.SERVICES, *slimming.SHARED_FILES}


def test_each_native_module_is_there_for_lambda_and_for_this_machine(packages: Packages) -> None:
    native = list((packages.dependencies / "python").rglob("*.so"))
    for_lambda = {path.name.split(".")[0] for path in native if "aarch64-linux" in path.name}
    here = {path.name.split(".")[0] for path in native if path.name.endswith(_native_suffix())}
    assert for_lambda == here != set()


def test_every_function_is_small_with_its_layers(packages: Packages) -> None:
    layers = _zipped_size(packages.dependencies) + _zipped_size(packages.stamkunde)
    sizes = {name: layers + _zipped_size(folder) for name, folder in packages.functions.items()}
    assert sizes.keys() == set(NAMES)
    assert max(sizes.values()) <= LARGEST_ZIP, sizes


@pytest.mark.parametrize("name", NAMES)
def test_a_handler_starts_with_nothing_but_its_layers(packages: Packages, name: str) -> None:
    start = _start(packages, name)
    assert not set(NEVER_LOADED) & set(start.modules)


def test_till_api_starts_lean(packages: Packages) -> None:
    start = _start(packages, "till_api")
    own_data = str(packages.dependencies / "python" / "botocore" / "data")
    assert len(start.modules) <= MOST_MODULES, (
        f"{len(start.modules)} modules, most of them from {_by_package(start.modules)}"
    )
    assert start.data_files, "no client was made, so this start says nothing"
    foreign = [file for file in start.data_files if not file.startswith(own_data)]
    assert not foreign


def test_the_slimmed_packages_answer_as_the_whole_ones(packages: Packages) -> None:
    start = lambda_sandbox.start(
        [Path(__file__).parent, *packages.layers_on_path()],
        "packaged_probe.lambda_handler",
        environment={},
        events=[
            {"phone_names": sorted(set(phonenumbers.__all__) - set(_names_of("shortnumberinfo"))), "calls": CALLS}
        ],
    )
    answer = start.calls[0].answer
    whole = botocore.session.Session().create_client(
        "dynamodb", region_name="eu-north-1", endpoint_url="https://dynamodb.eu-north-1.amazonaws.com"
    )
    assert answer["calls"] == dict.fromkeys(slimming.SERVICES, "NothingLeaves")
    assert answer["missing_phone_names"] == []
    assert answer["danish_number"] == "+4520123456"
    assert "query" in answer["help"]
    assert answer["endpoint"] == whole.meta.endpoint_url
    assert answer["operations"] == sorted(whole.meta.method_to_api_mapping)
    assert f"ec2 is not packaged (packaged: {', '.join(slimming.SERVICES)})" in answer["refusal"]


def test_the_time_zone_of_every_country_is_shipped(packages: Packages) -> None:
    shipped = packages.dependencies / "python" / "tzdata" / "zoneinfo"
    assert [country.time_zone for country in COUNTRIES.values() if not (shipped / country.time_zone).is_file()] == []


@pytest.mark.parametrize("module", slimming.CALLED_LATER)
def test_what_is_imported_when_called_is_only_called(module: str) -> None:
    tree = ast.parse((Path(botocore.__file__).parent.parent / module).read_text())
    late = {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in late]
    assert late
    assert [node for node in used if node not in called] == []


def test_an_unchanged_source_gives_the_same_assets_elsewhere(packages: Packages, tmp_path: Path) -> None:
    elsewhere = _copy_of_the_sources(tmp_path / "another clone")
    assert _digests(build(elsewhere)) == _digests(packages)


def test_a_changed_function_is_the_only_thing_built_again(tmp_path: Path) -> None:
    root = _copy_of_the_sources(tmp_path)
    before = _digests(build(root))
    handler = root / "functions" / "till_api" / "handler.py"
    handler.write_text(handler.read_text() + "\nCHANGED = True\n")
    (root / "functions" / "operator_task" / "__pycache__").mkdir(exist_ok=True)
    (root / "functions" / "operator_task" / "__pycache__" / "left.pyc").write_bytes(b"over")
    shutil.rmtree(root / "functions" / "day_totals_job")
    built = build(root)
    after = _digests(built)
    assert "day_totals_job" not in built.functions
    assert not (root / ".build" / "functions" / "day_totals_job").exists()
    assert {name for name in after if after[name] != before[name]} == {"till_api"}


def _start(packages: Packages, name: str) -> lambda_sandbox.Start:
    return lambda_sandbox.start(
        lambda_sandbox.function_path(packages, name),
        f"{name}.handler.lambda_handler",
        environment=lambda_sandbox.function_environment(name),
        watch=True,
    )


def _names_of(module: str) -> list[str]:
    """What the package's front module hands on from one of its modules."""
    tree = ast.parse(Path(phonenumbers.__file__).read_text())
    return [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    ]


def _zipped_size(folder: Path) -> int:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*"):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return len(content.getvalue())


def _byte_code_fault(source: Path) -> str | None:
    compiled = Path(importlib.util.cache_from_source(source))
    if not compiled.is_file():
        return f"{source} is not compiled"
    header = compiled.read_bytes()[:16]
    if header[:4] != importlib.util.MAGIC_NUMBER:
        return f"{source} is compiled for another Python"
    if int.from_bytes(header[4:8], "little") != 0b01:
        return f"{source} has byte code that Lambda compares with its source"
    if header[8:] != importlib.util.source_hash(source.read_bytes()):
        return f"{source} has stale byte code"
    return None


def _native_suffix() -> str:
    return importlib.machinery.EXTENSION_SUFFIXES[0]


def _by_package(modules: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for module in modules:
        top = module.split(".")[0]
        counts[top] = counts.get(top, 0) + 1
    return dict(sorted(counts.items(), key=lambda entry: -entry[1])[:12])


def _copy_of_the_sources(root: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("layers", "functions"):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    (root / ".tools").symlink_to(ROOT / ".tools")
    return root


def _digests(packages: Packages) -> dict[str, str]:
    named = {"dependencies": packages.dependencies, "stamkunde": packages.stamkunde, **packages.functions}
    return {name: _digest(folder) for name, folder in named.items()}


def _digest(folder: Path) -> str:
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + sha256(path.read_bytes()).digest())
    return digest.hexdigest()
