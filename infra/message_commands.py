"""What operators type about what is sent by itself: `stamkunde message texts|edit`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from infra.asking import Ask, asking, print_json

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]

LANGUAGES = ("da", "nb", "en")


def add_wording_commands(group: Group, new_task: NewTask) -> None:
    """Add what a club says in its own words; `new_task` makes a command of a task."""
    texts = new_task(group, "texts", "show_message_texts", "what is sent by itself, in which words, at which price")
    texts.add_argument("club_id")
    texts.add_argument("kind", nargs="?", help="one kind of message; all, if not given")
    texts.add_argument("--language", choices=LANGUAGES, help="the club's own, if not given")
    edit = group.add_parser("edit", help="say it in other words; what it may not say is refused")
    edit.add_argument("club_id")
    edit.add_argument("kind", help="as `texts` shows it, such as welcome")
    words = edit.add_mutually_exclusive_group(required=True)
    words.add_argument("--text", help="with places as in ours, such as {Klub}")
    words.add_argument("--file", type=Path, help="a file with the text")
    words.add_argument("--one-part", action="store_true", help="our version in one part")
    words.add_argument("--ours", action="store_true", help="our words again")
    edit.add_argument("--subject", help="of an e-mail")
    edit.add_argument("--language", choices=LANGUAGES, help="the club's own, if not given")
    edit.set_defaults(command=lambda options: edit_text(asking(), options))


def edit_text(ask: Ask, options: argparse.Namespace) -> int:
    """Change a text, and print it as it is sent from now on."""
    words: object = "ours" if options.ours else "one_part"
    if options.text is not None or options.file is not None:
        text = options.text if options.file is None else options.file.read_text()
        words = {"text": text, "subject": options.subject}
    language = {"language": options.language} if options.language else {}
    print_json(ask("edit_message_text", club_id=options.club_id, kind=options.kind, words=words, **language))
    return 0
