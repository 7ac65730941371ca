"""Who may import whom, and who may touch the world: the house's walls."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from infra.local.home import ROOT

LAYER = ROOT / "layers" / "stamkunde" / "python" / "stamkunde"
FUNCTIONS = ROOT / "functions"
MODELS = sorted([*LAYER.glob("*/model.py"), *LAYER.glob("*/model/*.py")])
LAMBDA_CODE = sorted(path for folder in (LAYER, FUNCTIONS) for path in folder.rglob("*.py"))
LONGEST_HANDLER = 65
PURE = {
    "base64", "bisect", "calendar", "collections", "copy", "dataclasses", "datetime", "dateutil", "decimal", "enum",
    "functools", "hashlib", "hmac", "itertools", "math", "msgspec", "re", "secrets", "types", "typing", "unicodedata",
    "zoneinfo",
}  # fmt: skip

CAMPAIGNS_READ = {
    f"stamkunde.messaging.{rules}"
    for rules in (
        "lint", "model", "parts", "prices", "public_holidays", "quiet_hours", "stop_line", "text", "written",
    )
}  # fmt: skip
"""What a message may say, when, and at what price, holds for campaigns as for what is sent by itself: pure rules."""

# What a struct can't be; every dataclass is compiled anew at each cold start (docs/adr/0021).
DATACLASSES = {
    "Bench", "ConditionFailed", "FormErrors", "GatewayFailure", "Pages", "Refusal", "TemplateFault", "TermsVersion",
    "Tills", "UnreadableEntry", "Unsendable", "WaitingRow",
}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Every module a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where things live"
            found.add(node.module or "")
    return found


def place(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_a_class_with_fields_is_a_struct_unless_it_cannot_be() -> None:
    found = {
        node.name
        for path in LAMBDA_CODE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and "dataclass" in " ".join(map(ast.unparse, node.decorator_list))
    }
    assert found == DATACLASSES


@pytest.mark.parametrize("path", MODELS, ids=place)
def test_a_model_imports_itself_and_the_shared_and_nothing_that_touches_the_world(path: Path) -> None:
    own = f"stamkunde.{path.relative_to(LAYER).parts[0]}."
    for module in imports(path):
        ours = module.startswith(("stamkunde.shared.", own))
        ours = ours or (own == "stamkunde.campaigns." and module in CAMPAIGNS_READ)
        assert ours or module.split(".")[0] in PURE, f"{place(path)} imports {module}"


@pytest.mark.parametrize("path", sorted((LAYER / "shared").glob("*.py")), ids=place)
def test_the_shared_knows_no_context(path: Path) -> None:
    for module in imports(path):
        assert not module.startswith("stamkunde.") or module.startswith("stamkunde.shared."), module


@pytest.mark.parametrize("context", [path.parent.name for path in sorted(LAYER.glob("*/store.py"))])
def test_a_store_reads_its_own_context_only(context: str) -> None:
    for module in imports(LAYER / context / "store.py"):
        if module.startswith("stamkunde."):
            assert module.startswith((f"stamkunde.{context}.", "stamkunde.shared.")), module


@pytest.mark.parametrize("path", [path for path in LAMBDA_CODE if LAYER in path.parents], ids=place)
def test_the_layer_knows_no_function(path: Path) -> None:
    functions = {folder.name for folder in FUNCTIONS.iterdir()}
    assert not {module.split(".")[0] for module in imports(path)} & (functions | {"infra", "tests"})


@pytest.mark.parametrize("path", LAMBDA_CODE, ids=place)
def test_only_settings_reads_the_environment(path: Path) -> None:
    reads = re.search(r"\bos\.environ|getenv\(", path.read_text())
    assert not reads or path == LAYER / "settings.py"


@pytest.mark.parametrize("path", LAMBDA_CODE, ids=place)
def test_only_bootstrap_builds_clients(path: Path) -> None:
    assert "create_client(" not in path.read_text() or path == LAYER / "bootstrap.py"
    assert not any(module.split(".")[0] == "boto3" for module in imports(path))


@pytest.mark.parametrize("path", LAMBDA_CODE, ids=place)
def test_only_the_transaction_module_writes_transactions_and_nobody_scans(path: Path) -> None:
    text = path.read_text()
    assert "transact_write_items" not in text or path == LAYER / "shared" / "transaction.py"
    assert ".scan(" not in text
    assert '"scan"' not in text


@pytest.mark.parametrize("path", LAMBDA_CODE, ids=place)
def test_only_the_clock_asks_what_time_it_is(path: Path) -> None:
    asks = any(call in path.read_text() for call in ("datetime.now(", "utcnow(", "date.today(", "time.time("))
    assert not asks or path == LAYER / "shared" / "clock.py"


@pytest.mark.parametrize("path", sorted(FUNCTIONS.glob("*/handler.py")), ids=place)
def test_a_handler_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_HANDLER


@pytest.mark.parametrize("path", sorted(FUNCTIONS.glob("*/handler.py")), ids=place)
def test_a_handler_stops_the_collector_before_it_loads_anything_else_of_ours(path: Path) -> None:
    ours = {folder.name for folder in FUNCTIONS.iterdir()} | {"stamkunde"}
    found = re.findall(r"^from ([\w.]+) import (\w+)", path.read_text(), re.MULTILINE)
    first = next(each for each in found if each[0].split(".")[0] in ours)
    assert first == ("stamkunde", "cold_start")


def test_a_wall_that_is_broken_would_be_seen(tmp_path: Path) -> None:
    broken = tmp_path / "model.py"
    broken.write_text("def f() -> None:\n    import boto3\n    from stamkunde.ledger import store\n")
    assert imports(broken) == {"boto3", "stamkunde.ledger"}
