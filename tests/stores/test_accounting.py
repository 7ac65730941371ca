"""The accountant's file: it reconciles, names nobody, runs no formula, and shows whether somebody changed it."""

from __future__ import annotations

from collections.abc import Callable
from copy import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.ledger_commands import DELIMITER, check_export, export
from stamkunde.ledger import accounting
from stamkunde.ledger.accounting import Accounting, Verdict, bare, month_bounds
from stamkunde.ledger.model.accounting import COLUMNS, AccountBook, Reading
from stamkunde.ledger.model.coupons import BenefitKind, Coupon
from stamkunde.ledger.model.entries import Benefit, BenefitSource, Entry, EntryKind
from stamkunde.ledger.model.receipts import Redemption, RedemptionKind
from stamkunde.shared.clock import FixedClock
from stamkunde.shared.errors import Refusal
from stamkunde.shared.language import text
from stamkunde.shared.programme import Selection, StampProgramme
from stamkunde.shared.signing import SigningKey
from stamkunde.shared.spreadsheet import disarmed
from tests.factories import COPENHAGEN, THREE_PERCENT, make_club
from tests.refund_scene import refund_of
from tests.shop import Shop
from tests.stores.test_coupons import CouponShop, coupon

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

NOVEMBER = date(2026, 11, 1)
BEGIN = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
END = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
DANISH = Reading("DK", "DKK", "da", COPENHAGEN, in_points=False)
BREAD = Selection(("5701001000001",))
BUN = Coupon("bolle", 1, "Gratis bolle", BenefitKind.FREE_ITEM, 0, BEGIN, END, own_range=True, cost=400)


@pytest.fixture
def shop(dynamodb: DynamoDBClient) -> Shop:
    return Shop(dynamodb, clock=FixedClock(BEGIN + timedelta(days=5)))


def book(reading: Reading = DANISH) -> AccountBook:
    return AccountBook(reading, lambda name, _at: BUN if name == "bolle" else None)


def accountant(shop: Shop, reading: Reading = DANISH) -> Accounting:
    shop.clock = FixedClock(END + timedelta(hours=1))
    return Accounting(shop.store, book(reading), shop.club.signing_keys, shop.clock)


def asking(desk: Accounting) -> Callable[..., dict[str, Any]]:
    """The operator Lambda's two tasks, asked directly."""

    def ask(task: str, **given: Any) -> dict[str, Any]:
        if task == "export_ledger":
            part = desk.export(NOVEMBER, given["following"])
            return {
                "heading": part.heading,
                "rows": part.rows,
                "closing": part.closing,
                "following": part.following,
            }
        rows = [tuple(row) for row in given["rows"]]
        checked = desk.check(tuple(given["signature"]), rows, given["following"], last=given["last"])
        return {"following": checked.following, "verdict": checked.verdict}

    return ask


def lines(shop: Shop, file: Path, desk: Accounting | None = None) -> list[dict[str, str]]:
    """The file's rows by column, those of the sums included."""
    assert export(asking(desk or accountant(shop)), shop.club.club_id, "2026-11", file) == 0
    content = file.read_bytes().decode("utf-8-sig").split("\r\n")
    assert content[0].split(DELIMITER) == [text("da", f"export.column.{name}") for name in COLUMNS]
    rows = [line.split(DELIMITER) for line in content[1:-2]]
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def write(shop: Shop, member_id: str, change: Callable[[Entry], Entry], *amounts: int, spend: int = 0) -> None:
    """Book a purchase whose entry says more than a plain till's would."""
    writes = type(shop.store).entry_writes

    def changed(store: Any, before: Any, after: Any, entry: Entry) -> Any:
        return writes(store, before, after, change(entry))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(shop.store), "entry_writes", changed)
        shop.buy(member_id, *amounts, spend_bonus=spend)


def with_benefits(*benefits: Benefit) -> Callable[[Entry], Entry]:
    def change(entry: Entry) -> Entry:
        assert entry.purchase is not None
        return replace(entry, purchase=replace(entry.purchase, benefits=benefits))

    return change


def free(name: str, source: BenefitSource, discount: int) -> Benefit:
    return Benefit(source, name, ((0, discount),), ((0, 1),))


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


def test_the_sums_are_what_the_ledger_moved_in_that_month(shop: Shop, tmp_path: Path) -> None:
    first, second = shop.new_member(), shop.new_member()
    shop.clock = FixedClock(BEGIN - timedelta(minutes=1))
    shop.buy(first, 77_700)
    before = shop.balance(first).total
    shop.clock = FixedClock(BEGIN)
    shop.buy(first, 10_000, spend_bonus=500)
    shop.clock = FixedClock(END - timedelta(minutes=1))
    shop.buy(second, 4_995)
    moved = shop.balance(first).total + shop.balance(second).total - before
    shop.clock = FixedClock(END)
    shop.buy(second, 50_000)
    rows = lines(shop, tmp_path / "november.csv")
    booked, sums = rows[:2], rows[2:]
    assert [(row["booked_on"], row["earned"], row["spent"], row["change"]) for row in booked] == [
        ("2026-11-01", "2,85", "5,00", "-2,15"),
        ("2026-11-30", "1,49", "0,00", "1,49"),
    ]
    assert sum(number(row["change"]) for row in booked) == moved == number(sums[-1]["change"])
    assert {row["unit"] for row in booked} == {"DKK"}


def test_nothing_in_the_file_tells_of_a_person(shop: Shop, tmp_path: Path) -> None:
    joined = shop.join("+4520123456", name="Mette")
    member_id = joined.at_till.member.member_id
    shop.buy(member_id, 10_000)
    file = tmp_path / "november.csv"
    lines(shop, file)
    content = file.read_text()
    for secret in ("20123456", "Mette", member_id, shop.account(member_id).account_id):
        assert secret not in content


def test_a_free_thing_is_tagged_by_whether_it_was_earned_or_given(shop: Shop, tmp_path: Path) -> None:
    member_id = shop.new_member()
    benefits = (
        replace(free("rugbrod", BenefitSource.REWARD, 4_000), title="Rugbrød"),
        free("bolle", BenefitSource.COUPON, 1_500),
        free("plakat", BenefitSource.CODE, 12_500),
    )
    write(shop, member_id, with_benefits(*benefits), 30_000)
    rows = [row for row in lines(shop, tmp_path / "november.csv") if row["kind"] == text("da", "export.kind.benefit")]
    shown = {
        row["item"]: (row["origin"], row["discount"], row["own_range"], row["cost"], row["gift"]) for row in rows
    }
    assert shown == {
        "Rugbrød": ("optjent", "40,00", "", "", "nej"),
        "bolle": ("givet", "15,00", "ja", "4,00", "nej"),
        "plakat": ("givet", "125,00", "", "", "ja"),
    }


def test_what_can_be_used_again_after_a_refund_is_in_it_by_its_name(dynamodb: DynamoDBClient, tmp_path: Path) -> None:
    rye = StampProgramme("rugbrod", "Rugbrød", 1, "gratis rugbrød", items=BREAD, reward=BREAD)
    club = make_club(programmes=(replace(THREE_PERCENT, stamp_programmes=(rye,)),))
    shop = CouponShop(dynamodb, club, FixedClock(BEGIN + timedelta(days=5)))
    shop.publish(valid_from=BEGIN + timedelta(days=4), valid_until=END)
    member_id = shop.new_member()
    shop.use(member_id)
    used = shop.use(member_id, coupon(), Redemption(RedemptionKind.REWARD, "rugbrod"))
    shop.ledger.refunds.book(refund_of(used), shop.point)
    rows = lines(shop, tmp_path / "november.csv")
    returned = [row for row in rows if row["kind"] == text("da", "export.kind.returned")]
    assert [(row["receipt"], row["item"], row["change"]) for row in returned] == [
        ("R1", "Gratis bolle", ""),
        ("R1", "gratis rugbrød", ""),
    ]


def test_gifts_are_listed_for_danish_clubs_only(shop: Shop, tmp_path: Path) -> None:
    write(shop, shop.new_member(), with_benefits(free("plakat", BenefitSource.CODE, 12_500)), 30_000)
    norwegian = Reading("NO", "NOK", "da", COPENHAGEN, in_points=False)
    rows = lines(shop, tmp_path / "november.csv", accountant(shop, norwegian))
    assert "ja" not in [row["gift"] for row in rows]
    assert not any("gaver" in row["booked_on"] for row in rows)


def test_what_a_customer_without_membership_got_is_in_it(shop: Shop, tmp_path: Path) -> None:
    receipt = replace(shop.receipt("", 3_000), member_id=None)
    guests = type(shop.store).guest_writes

    def given(store: Any, entry: Entry) -> Any:
        return guests(store, with_benefits(free("bolle", BenefitSource.CODE, 3_000))(entry))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(shop.store), "guest_writes", given)
        shop.ledger.book(receipt, shop.point)
    rows = lines(shop, tmp_path / "november.csv")
    assert [(row["item"], row["origin"], row["discount"]) for row in rows if row["item"]] == [
        ("bolle", "givet", "30,00")
    ]


def test_points_are_counted_and_not_taken_for_money(shop: Shop, tmp_path: Path) -> None:
    shop.buy(shop.new_member(), 10_000)
    points = Reading("DK", "DKK", "da", COPENHAGEN, in_points=True)
    row = lines(shop, tmp_path / "november.csv", accountant(shop, points))[0]
    assert (row["change"], row["unit"], row["paid_with_bonus"]) == ("300", "point", "0,00")


@given(st.sampled_from("=+-@\t\r＝＋－＠"), st.text(max_size=10), st.integers(0, 3))
def test_no_cell_is_taken_for_a_formula(begin: str, rest: str, spaces: int) -> None:
    cell = disarmed(" " * spaces + begin + rest)
    assert cell.startswith("'")
    assert cell[1:] == " " * spaces + begin + rest


def test_a_tills_receipt_number_cannot_run_a_formula(shop: Shop, tmp_path: Path) -> None:
    member_id = shop.new_member()
    receipt = shop.receipt(member_id, 10_000, number="=HYPERLINK(1)")
    shop.ledger.book(receipt, shop.point)
    assert lines(shop, tmp_path / "november.csv")[0]["receipt"] == "'=HYPERLINK(1)"


@pytest.fixture
def signed(shop: Shop, tmp_path: Path) -> tuple[Callable[..., dict[str, Any]], Path]:
    for _ in range(3):
        shop.buy(shop.new_member(), 10_000)
    file = tmp_path / "november.csv"
    lines(shop, file)
    return asking(accountant(shop)), file


def verdict(signed: tuple[Callable[..., dict[str, Any]], Path], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    code = check_export(*signed)
    told = capsys.readouterr().out
    found = next(each for each in Verdict if f'"verdict": "{each}"' in told)
    assert code == (0 if found is Verdict.UNALTERED else 1)
    return found


def test_a_file_as_it_was_signed_is_unaltered(signed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(signed, capsys) == Verdict.UNALTERED


@pytest.mark.parametrize("change", ["amount", "gone", "twice", "month", "signature"])
def test_a_file_that_was_changed_is_found(change: str, signed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, file = signed
    content = file.read_bytes().decode("utf-8-sig").split("\r\n")
    if change == "amount":
        content[1] = content[1].replace("3,00", "4,00")
    elif change == "gone":
        del content[1]
    elif change == "twice":
        content.insert(1, content[1])
    elif change == "month":
        content[-2] = content[-2].replace("2026-11", "2026-10")
    else:
        content[-2] = content[-2][:-1] + ("0" if content[-2][-1] != "0" else "1")
    file.write_text("\r\n".join(content), encoding="utf-8", newline="")
    assert verdict(signed, capsys) == Verdict.ALTERED


def test_a_file_that_a_spreadsheet_sorted_and_padded_is_unaltered(
    signed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    _, file = signed
    head, *rows, signature, _ = file.read_bytes().decode("utf-8-sig").split("\r\n")
    padded = [*(row + ";;" for row in reversed(rows)), head, signature + ";" * 20, ""]
    file.write_text("\n".join(padded), encoding="utf-8", newline="")
    assert verdict(signed, capsys) == Verdict.UNALTERED


def test_another_file_is_not_ours(signed: Any, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    ask, file = signed
    content = file.read_text(encoding="utf-8-sig")
    file.write_text(content.replace(shop.club.club_id, "c0000000000000000"), encoding="utf-8", newline="")
    assert verdict(signed, capsys) == Verdict.OTHER_CLUB
    file.write_text("a;b\r\n1;2\r\n", encoding="utf-8", newline="")
    assert verdict((ask, file), capsys) == Verdict.UNSIGNED


def test_a_file_without_its_last_line_is_unsigned_and_no_club_is_asked(
    signed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    _, file = signed
    *kept, _, end = file.read_bytes().decode("utf-8-sig").split("\r\n")
    file.write_text("\r\n".join([*kept, end]), encoding="utf-8", newline="")

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError

    assert verdict((refuse, file), capsys) == Verdict.UNSIGNED


def test_a_file_whose_key_is_gone_is_told_so(signed: Any, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    _, file = signed
    later = replace(accountant(shop), keys=(SigningKey(3, b"n" * 32), SigningKey(2, b"m" * 32)))
    assert verdict((asking(later), file), capsys) == Verdict.KEY_GONE
    other = replace(accountant(shop), keys=(SigningKey(1, b"x" * 32),))
    assert verdict((asking(other), file), capsys) == Verdict.ALTERED


def test_a_large_clubs_file_comes_in_parts_and_is_the_same(
    signed: Any, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = signed[1].read_bytes()
    monkeypatch.setattr(accounting, "MOST_ROWS", 1)
    monkeypatch.setattr("infra.ledger_commands.ROWS_A_PART", 2)
    file = tmp_path / "parts.csv"
    parts = []
    ask: Callable[..., dict[str, Any]] = signed[0]

    def counting(task: str, **given: Any) -> dict[str, Any]:
        parts.append(task)
        return ask(task, **given)

    export(counting, shop.club.club_id, "2026-11", file)
    assert file.read_bytes() == whole
    assert parts.count("export_ledger") > 2
    assert verdict((counting, file), capsys) == Verdict.UNALTERED
    assert parts.count("check_export") > 2


def test_what_one_part_answered_is_good_for_nothing_else(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.buy(shop.new_member(), 10_000)
    desk = accountant(shop)
    signature = desk.export(NOVEMBER, None).closing[-1]
    checking = desk.check(signature, [("forged",)], None, last=False).following
    with pytest.raises(Refusal, match="invalid_field"):
        desk.export(NOVEMBER, checking)
    monkeypatch.setattr(accounting, "MOST_ROWS", 0)
    with pytest.raises(Refusal, match="month_not_over"):
        desk.export(date(2026, 12, 1), None)


def test_a_month_begins_and_ends_at_midnight_in_the_clubs_zone() -> None:
    assert month_bounds(date(2026, 11, 17), COPENHAGEN) == (BEGIN, END)
    summer = month_bounds(date(2026, 3, 1), COPENHAGEN)
    assert [each.hour for each in summer] == [23, 22]


@pytest.mark.parametrize("kind", EntryKind)
@pytest.mark.parametrize("language", ["da", "nb", "en"])
def test_every_kind_of_entry_has_a_name_for_the_accountant(kind: EntryKind, language: str) -> None:
    assert text(language, f"export.kind.{kind.value}")


def test_empty_cells_at_the_end_are_no_part_of_a_row() -> None:
    assert bare(("a", "", "b", "", "")) == ("a", "", "b")
    assert bare(("", "")) == ()
