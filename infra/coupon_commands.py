"""What operators type about coupons: `stamkunde coupon …`, each a task of the operator Lambda."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

type Group = argparse._SubParsersAction[argparse.ArgumentParser]
type NewTask = Callable[[Group, str, str, str], argparse.ArgumentParser]


def add_coupon_commands(group: Group, new_task: NewTask) -> None:
    """Add the commands about coupons; `new_task` makes a command of a task."""
    publish = new_task(group, "publish", "publish_coupon", "publish a coupon, or a new version of one, from a file")
    publish.add_argument("club_id")
    publish.add_argument("file", type=Path, metavar="FILE", help="JSON: coupon_id, name, benefit, valid_until …")
    listed = new_task(group, "list", "list_coupons", "list the coupons that aren't over")
    listed.add_argument("club_id")
    listed.add_argument("--over", action="store_true", default=None, help="those that are over too")
    codes = new_task(group, "codes", "make_coupon_codes", "make single-use codes for posters; they are shown once")
    codes.add_argument("club_id")
    codes.add_argument("coupon_id")
    codes.add_argument("count", type=int)
    voucher = new_task(group, "voucher", "hand_out_voucher", "give a member the right to use a coupon")
    voucher.add_argument("club_id")
    voucher.add_argument("coupon_id")
    voucher.add_argument("member_id")
    voucher.add_argument("--by", required=True, help="who does it")
    voucher.add_argument("--key", required=True, help="any text: the same again within a day is done once")
    voucher.add_argument("--last-day", help="such as 2026-12-24, included; else the coupon's own end")
