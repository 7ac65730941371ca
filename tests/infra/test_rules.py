"""cdk-nag's AwsSolutions rules hold synthesis up, and whatever is excepted has its reason."""

from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sqs as sqs

from tests.infra.synthesis import TARGETS, composed


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_finding_without_a_reason_stops_synthesis(target: str, tmp_path: Path) -> None:
    app = composed(tmp_path, TARGETS[target])
    stack = app.node.find_child("StamkundeService")
    assert isinstance(stack, cdk.Stack)
    sqs.Queue(stack, "OverPlainHttp")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = (tmp_path / "assembly" / "validation-report.json").read_text()
    assert "AwsSolutions-SQS4" in report
    assert "StamkundeService/OverPlainHttp" in report
