"""The CDK app. Run as ``python -m infra.app``: as a script, ``infra/constructs`` would hide PyPI's ``constructs``.

Nothing here asks STS, git or the network: the same sources and context give the same templates anywhere.
"""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.packaging import Packages, build
from infra.stacks.data import DataStack
from infra.stacks.edge import EdgeStack
from infra.stacks.monitoring import MonitoringStack
from infra.stacks.ops import OpsStack
from infra.stacks.service import ServiceStack
from infra.target import EDGE_REGION, read_target


def compose(
    packages: Packages,
    context: Mapping[str, Any] | None = None,
    outdir: str | None = None,
    *,
    always_checked: bool = True,
) -> cdk.App:
    """Put the stacks together.

    Parameters
    ----------
    packages
        The built layers and function folders.
    context
        Context values; those given to the CDK's command line win.
    outdir
        Where the templates go; the CDK's command line says so itself.
    always_checked
        Whether cdk-nag looks at the local stacks too; at what goes to AWS it always does.
    """
    app = cdk.App(context=dict(context or {}), outdir=outdir, analytics_reporting=False)
    target = read_target(app.node.try_get_context)
    if always_checked or not target.is_local:
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    home = cdk.Environment(region=target.region)

    data = DataStack(app, "StamkundeData", env=home, target=target)
    service = ServiceStack(app, "StamkundeService", env=home, target=target, data=data, packages=packages)
    monitoring = MonitoringStack(app, "StamkundeMonitoring", env=home, target=target, data=data, service=service)
    if not target.is_local:
        EdgeStack(app, "StamkundeEdge", env=cdk.Environment(region=EDGE_REGION), target=target, service=service)
        OpsStack(app, "StamkundeOps", env=home, service=service, monitoring=monitoring)
    return app


if __name__ == "__main__":
    # The tests hold the local stacks to the same rules: whoever starts them needn't wait for that.
    compose(build(), always_checked=False).synth()
