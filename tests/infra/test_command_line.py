"""The `stamkunde` command itself: what it does with what goes wrong around it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator

from infra.command_line import parser
from infra.local.home import ROOT

# It answers once nobody reads any more.
A_LONG_ANSWER = """
import sys
from types import SimpleNamespace
from infra import command_line
told = SimpleNamespace(command=lambda options: sys.stdin.read() or sys.stdout.write("x" * 1_000_000) and 0)
command_line.parser = lambda: SimpleNamespace(parse_args=lambda arguments: told)
sys.exit(command_line.main([]))
"""


def test_who_reads_only_the_beginning_of_an_answer_is_told_of_no_fault() -> None:
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", A_LONG_ANSWER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
    ) as command:
        os.close(writing)
        os.close(reading)
        _, complaint = command.communicate()
    assert (command.returncode, complaint) == (0, b"")


def test_every_command_and_option_explains_itself_when_asked() -> None:
    """A bare percent sign in a help text would break just that."""
    asked = list(commands(parser()))
    assert {("campaign", "draft"), ("plan", "approve"), ("ceiling", "set-hours"), ("segment", "count")} <= {*asked}


def commands(of: argparse.ArgumentParser, *words: str) -> Iterator[tuple[str, ...]]:
    """Every command by its words, once it has explained itself."""
    assert of.format_help()
    for group in (each for each in of._actions if isinstance(each, argparse._SubParsersAction)):
        explained = {each.dest for each in group._choices_actions}
        assert explained == set(group.choices), words
        for name, command in group.choices.items():
            yield (*words, name)
            yield from commands(command, *words, name)
