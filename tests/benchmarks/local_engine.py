"""A purchase through the local engine as a till sends it: HTTP, gateway, Lambda, tables; ours and a bare handler's.

Both functions are put into the engine in the same way, beside each other, and called in turns.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from infra.local.loopback import ACCOUNT, client
from tests import lambda_sandbox
from tests.benchmarks.scene import BARE_HANDLERS, Scene
from tests.benchmarks.timing import Ratio, summarize

PURCHASES = 300
SETTLING_PURCHASES = 20


def purchases_through_the_engine(scene: Scene) -> Ratio:
    """A purchase's time, in turns; the median of the turns' ratios."""
    ours, bare = _deploy_ours(scene), _deploy_bare(scene)
    headers = {
        "authorization": f"Bearer {scene.till_key}",
        "x-stamkunde-origin": lambda_sandbox.ORIGIN_SECRET,
    }
    with httpx.Client(headers=headers, timeout=60) as till:
        pairs = [
            (_post(till, ours, scene.purchase_body()), _post(till, bare, scene.bare_body()))
            for _ in range(SETTLING_PURCHASES + PURCHASES)
        ]
    return summarize(pairs[SETTLING_PURCHASES:])


def _post(till: httpx.Client, url: str, body: Mapping[str, Any]) -> float:
    began = time.perf_counter()
    answer = till.post(url, json=body)
    took = time.perf_counter() - began
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    return took


def _deploy_ours(scene: Scene) -> str:
    layers = [
        client("lambda", scene.endpoint).publish_layer_version(
            LayerName=folder.name, Content={"ZipFile": _zip([folder])}
        )["LayerVersionArn"]
        for folder in (scene.packages.dependencies, scene.packages.stamkunde)
    ]
    code = _zip([scene.packages.functions["till_api"]])
    return _deploy(scene, "till_api", "till_api.handler.lambda_handler", code, layers, scene.environment("till_api"))


def _deploy_bare(scene: Scene) -> str:
    handler = "bare_purchase.lambda_handler"
    return _deploy(scene, "bare_purchase", handler, _zip([BARE_HANDLERS]), [], scene.bare_environment())


def _deploy(
    scene: Scene, name: str, handler: str, code: bytes, layers: Sequence[str], environment: Mapping[str, str]
) -> str:
    function = client("lambda", scene.endpoint).create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=f"arn:aws:iam::{ACCOUNT}:role/bench",
        Handler=handler,
        Code={"ZipFile": code},
        Layers=list(layers),
        Environment={"Variables": dict(environment)},
        MemorySize=1024,
        Timeout=30,
    )
    gateway = client("apigatewayv2", scene.endpoint)
    api = gateway.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=function["FunctionArn"],
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    gateway.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    return f"{scene.endpoint}/_aws/execute-api/{api}/$default/v1/purchases"


def _zip(folders: Sequence[Path]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder))
    return content.getvalue()
