"""The process inside: what the Lambda runtime's bootstrap does, with a stopwatch.

Run as a script by a bare interpreter; may import nothing of the project.
"""

# What ``awslambdaric.bootstrap`` has imported before it imports a handler, read in its source: bootstrap,
# lambda_runtime_client, lambda_runtime_marshaller, lambda_runtime_log_utils. Its own modules and simplejson,
# which it carries, are left out: that counts against us.
import decimal  # noqa: F401
import importlib
import json
import logging  # noqa: F401
import math  # noqa: F401
import os
import sys
import time
import traceback  # noqa: F401
from concurrent.futures import ThreadPoolExecutor  # noqa: F401
from enum import IntEnum  # noqa: F401
from typing import Any


class LambdaContext:
    function_name = "sandbox"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:eu-north-1:000000000000:function:sandbox"
    memory_limit_in_mb = "512"
    aws_request_id = "00000000-0000-4000-8000-000000000000"
    log_group_name = "sandbox"
    log_stream_name = "sandbox"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


def main(job_file: str) -> None:
    with open(job_file) as file:  # noqa: PTH123 - pathlib is not among the runtime's modules
        job = json.load(file)
    data_files: list[str] = []
    if job["watch"]:
        sys.addaudithook(lambda name, arguments: _note_data_file(name, arguments, data_files))
    sys.path[:0] = job["path"]
    module, _, function = job["handler"].rpartition(".")
    runtime_modules = set(sys.modules)

    began = time.perf_counter()
    handler = getattr(importlib.import_module(module), function)
    init_wall = time.perf_counter() - began

    calls = [_call(handler, event) for event in job["events"]]
    report = {
        "init_wall": init_wall,
        "modules": sorted(set(sys.modules) - runtime_modules),
        "data_files": data_files,
        "calls": calls,
    }
    with open(job["report"], "w") as file:  # noqa: PTH123
        json.dump(report, file)


def _call(handler: Any, event: Any) -> dict[str, Any]:
    processor, wall = time.process_time(), time.perf_counter()
    answer = handler(event, LambdaContext())
    return {
        "wall": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "answer": answer,
    }


def _note_data_file(name: str, arguments: tuple[Any, ...], data_files: list[str]) -> None:
    if name == "open" and isinstance(arguments[0], str) and f"botocore{os.sep}data{os.sep}" in arguments[0]:
        data_files.append(arguments[0])


if __name__ == "__main__":
    main(sys.argv[1])
