"""What operators type about one member's account: `stamkunde member …`, each a task of the operator Lambda."""

from __future__ import annotations

import argparse
from collections.abc import Callable

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]

REASONS = ("goodwill", "till_mistake", "missing_receipt", "wrong_member", "other")


def add_member_commands(group: Group, new_task: NewTask) -> None:
    """Add the commands about members; `new_task` makes a command of a task."""
    find = new_task(group, "find", "find_member", "whose number it is: the id that the other commands ask for")
    find.add_argument("club_id")
    find.add_argument("phone")
    _by(find)
    _correction_commands(group, new_task)
    gift = new_task(group, "give", "give_bonus", "give a member's bonus to another, as the member asked")
    _about_member(gift)
    gift.add_argument("receiver_id")
    gift.add_argument("bonus", type=int, help="øre, or points")
    _once(gift)
    for action, task, other, words in (
        (
            "join-household",
            "join_household",
            "host_id",
            "share another member's account, with all that is in one's own",
        ),
        ("leave-household", "leave_household", None, "begin with an empty account; what is shared stays"),
        ("merge", "merge_members", "winner_id", "make two members one, for ever: all of the first is the second's"),
    ):
        command = new_task(group, action, task, words)
        _about_member(command)
        if other is not None:
            command.add_argument(other)


def _correction_commands(group: Group, new_task: NewTask) -> None:
    correct = new_task(group, "correct", "correct_member", "give or take bonus or stamps by hand")
    _about_member(correct)
    correct.add_argument("--reason", choices=REASONS, required=True)
    correct.add_argument("--note", required=True, help="what happened, without names")
    correct.add_argument("--bonus", type=int, help="øre, or points; below 0 takes")
    correct.add_argument("--stamps", type=int, help="below 0 takes")
    correct.add_argument("--stamp-programme", dest="stamp_programme_id")
    _once(correct)
    proposals = new_task(group, "proposals", "list_proposals", "list corrections that wait for a second person")
    proposals.add_argument("club_id")
    for action, task, words in (
        ("approve", "approve_proposal", "book a correction that somebody else proposed"),
        ("decline", "decline_proposal", "leave a proposed correction unbooked"),
    ):
        command = new_task(group, action, task, words)
        command.add_argument("club_id")
        command.add_argument("proposal_id")
        _by(command)


def _about_member(command: argparse.ArgumentParser) -> None:
    command.add_argument("club_id")
    command.add_argument("member_id")
    _by(command)


def _by(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", required=True, help="who does it")


def _once(command: argparse.ArgumentParser) -> None:
    command.add_argument("--key", required=True, help="any text: the same again within a day is done once")
