"""The project's own stacks in the local engine: bootstrap, synth, deploy, and what they put out."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.engine import stop_with_parent
from infra.local.home import REGION, ROOT, Home, LocalRunError
from infra.local.loopback import ACCOUNT, build_environment, client, node

if TYPE_CHECKING:
    from types_boto3_cloudformation.client import CloudFormationClient
    from types_boto3_lambda.client import LambdaClient

STACKS = ("StamkundeData", "StamkundeService", "StamkundeMonitoring")
BOOTSTRAP_STACK = "CDKToolkit"
# The first build downloads the dependency layer; everything else takes seconds.
STEP_SECONDS = 600
SETTLED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})

SOURCES = ("functions", "layers", "infra")
SOURCE_FILES = ("cdk.json", "package-lock.json", "requirements-dev.txt")
NOT_DEPLOYED = ROOT / "infra" / "local"

# Marks a mapping that took the place of one that CloudFormation made.
REPLACES = "stamkunde:replaces"
MAPPING_SETTINGS = (
    "EventSourceArn",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "FilterCriteria",
    "DestinationConfig",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "ParallelizationFactor",
    "FunctionResponseTypes",
    "StartingPosition",
)


def source_digest(root: Path = ROOT) -> str:
    """Return a digest of everything that ends up in the deployed stacks."""
    digest = hashlib.sha256()
    for file in _source_files(root):
        digest.update(f"{file.relative_to(root).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _source_files(root: Path) -> Iterator[Path]:
    yield from (root / name for name in SOURCE_FILES if (root / name).exists())
    not_deployed = root / NOT_DEPLOYED.relative_to(ROOT)
    for folder in SOURCES:
        for file in sorted((root / folder).rglob("*")):
            parts = file.relative_to(root).parts
            hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
            if file.is_file() and not hidden and file.suffix != ".pyc" and not_deployed not in file.parents:
                yield file


class Deployment:
    """The stacks of one engine.

    Parameters
    ----------
    home
        Where the assembly, the CDK's cache and the log lie.
    endpoint
        The engine's address.
    """

    def __init__(self, home: Home, endpoint: str) -> None:
        self._home = home
        self._endpoint = endpoint
        self._cloudformation: CloudFormationClient = client("cloudformation", endpoint)
        self._lambda: LambdaClient = client("lambda", endpoint)

    @property
    def log(self) -> Path:
        return self._home.logs / "deploy.log"

    def is_bootstrapped(self) -> bool:
        """Say whether the engine has the CDK's own stack."""
        return self._statuses().get(BOOTSTRAP_STACK) in SETTLED

    def is_current(self, digest: str) -> bool:
        """Say whether exactly these sources are deployed: the engine itself is asked, files may lie."""
        statuses = self._statuses()
        settled = all(statuses.get(stack) in SETTLED for stack in STACKS)
        return settled and not self._home.deploying.exists() and self.outputs().get("SourceDigest") == digest

    def outputs(self) -> dict[str, str]:
        """Return the outputs of all stacks."""
        return {
            output["OutputKey"]: output["OutputValue"]
            for page in self._cloudformation.get_paginator("describe_stacks").paginate()
            for stack in page["Stacks"]
            if stack["StackName"] in STACKS
            for output in stack.get("Outputs", [])
        }

    def bootstrap(self) -> None:
        """Give the engine what every CDK deployment needs."""
        self.log.unlink(missing_ok=True)
        # Run outside the repository: inside it, the CDK would synthesize the app first.
        command = self._cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        self._execute("Bootstrapping", command, cwd=self._home.cdk_cache)

    def synthesize(self, digest: str) -> None:
        """Build the layers and write the local target's templates."""
        context = json.loads((ROOT / "cdk.json").read_text()).get("context", {})
        environment = {
            "CDK_OUTDIR": str(self._home.assembly),
            "CDK_CONTEXT_JSON": json.dumps(context | {"target": "local", "source_digest": digest}),
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DEFAULT_REGION": REGION,
        }
        # Assets of earlier versions would pile up in it.
        shutil.rmtree(self._home.assembly, ignore_errors=True)
        command = [sys.executable, "-m", "infra.app"]
        self._execute("Building the stacks", command, cwd=ROOT, environment=environment)

    def deploy(self) -> None:
        """Deploy the templates; a resource that fails rolls its stack back."""
        command = self._cdk(
            *("deploy", "--all", "--app", str(self._home.assembly)),
            *("--method", "direct", "--require-approval", "never"),
        )
        with self._marked_as_deploying():
            self._execute("Deploying the stacks", command, cwd=self._home.cdk_cache)
        self._drop_superseded_mappings()

    def renew_stream_mappings(self) -> None:
        """Make the stream mappings anew, as after every start of the engine.

        The engine forgets its streams at a restart but keeps how far each mapping had read in them, so an
        old mapping would wait for ever. TRIM_HORIZON on the new one loses nothing.
        """
        for mapping in self._stream_mappings():
            settings = {name: mapping[name] for name in MAPPING_SETTINGS if mapping.get(name) is not None}
            origin = self._origin(mapping)
            self._lambda.delete_event_source_mapping(UUID=mapping["UUID"])
            self._lambda.create_event_source_mapping(
                **settings, FunctionName=mapping["FunctionArn"], Tags={REPLACES: origin}
            )

    def _drop_superseded_mappings(self) -> None:
        """Delete renewed mappings that CloudFormation has made again, or has given up.

        CloudFormation knows a mapping by the id it made itself. While a stack still lists that id, the
        renewed mapping stands for it; once the id is gone, so must be the renewed mapping.
        """
        listed = {
            resource.get("PhysicalResourceId")
            for stack in STACKS
            for page in self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
            for resource in page["StackResourceSummaries"]
        }
        for mapping in self._stream_mappings():
            if self._origin(mapping) not in listed:
                self._lambda.delete_event_source_mapping(UUID=mapping["UUID"])

    def _stream_mappings(self) -> list[dict[str, Any]]:
        return [
            dict(mapping)
            for page in self._lambda.get_paginator("list_event_source_mappings").paginate()
            for mapping in page["EventSourceMappings"]
            if ":dynamodb:" in mapping["EventSourceArn"]
        ]

    def _origin(self, mapping: dict[str, Any]) -> str:
        tags = self._lambda.list_tags(Resource=mapping["EventSourceMappingArn"])["Tags"]
        return tags.get(REPLACES, str(mapping["UUID"]))

    def _statuses(self) -> dict[str, str]:
        return {
            stack["StackName"]: stack["StackStatus"]
            for page in self._cloudformation.get_paginator("describe_stacks").paginate()
            for stack in page["Stacks"]
        }

    @contextmanager
    def _marked_as_deploying(self) -> Iterator[None]:
        # Stays behind when the runner is killed half-way or a stack fails: the next start deploys again.
        self._home.deploying.touch()
        yield
        self._home.deploying.unlink()

    @staticmethod
    def _cdk(*arguments: str) -> list[str]:
        cdk = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
        if not cdk.exists():
            raise LocalRunError("The CDK command line is not installed: `make run` installs it.")
        return [str(node()), str(cdk), *arguments, "--ci", "--no-notices", "--no-version-reporting"]

    def _execute(
        self, what: str, command: list[str], *, cwd: Path, environment: dict[str, str] | None = None
    ) -> None:
        variables = build_environment(self._endpoint, self._home.temporary) | (environment or {})
        variables |= {"CDK_HOME": str(self._home.cdk_cache), "CDK_DISABLE_CLI_TELEMETRY": "true"}
        with self.log.open("ab") as log:
            try:
                # A session of its own: Ctrl-C lets a deployment finish.
                subprocess.run(
                    command,
                    cwd=cwd,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=stop_with_parent(),
                    timeout=STEP_SECONDS,
                    check=True,
                )
            except subprocess.SubprocessError:
                raise LocalRunError(f"{what} failed:\n{self._last_lines()}\nAll of it is in {self.log}.") from None

    def _last_lines(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return "\n".join(f"    {line}" for line in lines[-12:])
