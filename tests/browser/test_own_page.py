"""Everything that members do with what is theirs: a walk on a phone in each language, with scripts and without."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from playwright.sync_api import Request, expect

from member_page.routes import ROUTES
from stamkunde.web.texts import phone_text
from tests.browser.customer import NAME, Customer
from tests.browser.looks import look_at
from tests.browser_fixtures import COUNTRIES, Customers
from tests.local_stack import LocalStack
from tests.page_browser import Seen
from tests.public_shop import NAMES, PAGES, PublicShop
from tests.till_over_http import OpenShop

SPENT = 49_500
EARNED = re.compile(r"14[.,]85")
JOINED_BEFORE = timedelta(days=320)
"""So long that what was said yes to is about to lapse, and that phones have forgotten the card."""
QUESTION = {"question_id": "broed", "words": "Hvad skal vi skrive om?", "answers": ["Brød", "Kager"]}
OWN_OUTLET = "forretningen"
"""The outlet that the walker calls theirs."""
KINDS = ("sms", "email", "purchases")

type Act = tuple[str, str, str]
"""Where a form is sent, the permission that it is about, and the button that was pressed."""


@dataclass
class Walk:
    """A member at their own page: what it offered to do on the way, and what was done."""

    member: Customer
    files: Path
    new_customer: Customers
    scripts: bool
    offered: set[Act] = field(default_factory=set)
    done: set[Act] = field(default_factory=set)
    routes: set[tuple[str, str]] = field(default_factory=set)
    looked_at: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.member.page.on("request", self._note)

    def card(self) -> None:
        """Look at the card."""
        self.member.opens("/m/{slug}")
        self.look()

    def follows(self, key: str) -> None:
        """Follow the link of that text, and look at the page."""
        self.member.page.get_by_role("link", name=self.member.says(key), exact=True).first.click()
        self.look()

    def presses(self, key: str, button: str = "button") -> None:
        """Press the button that says this, perhaps among others, and look at what comes of it."""
        self.member.page.locator(button).get_by_text(self.member.says(key), exact=True).first.click()
        self.look()

    def types(self, **fields: str) -> None:
        """Type into fields of these names."""
        for name, value in fields.items():
            self.member.page.locator(f"[name='{name}']").fill(value)

    def look(self) -> None:
        """Take in everything that the page offers, and see once that it is fit for everybody."""
        page = self.member.page
        page.wait_for_load_state()
        forms = Seen(200, {}, [], page.content()).forms
        self.offered |= {
            self._act(form.action, form.fields | {name: value})
            for form in forms
            for name, value in form.buttons or [("", "")]
        }
        wrong = page.locator("[aria-invalid=true]").count()
        if self.scripts and (page.url, wrong) not in self.looked_at:
            # What looks needs scripts itself, and the page is the same without.
            self.looked_at.add((page.url, wrong))
            look_at(page)

    def fetches(self, method: str, url: str) -> str:
        """Take note of a route that was asked for; the path."""
        path = urlsplit(url).path
        self.routes.add((method, path.replace(self.member.shop.slug, "{slug}")))
        return path

    def _note(self, request: Request) -> None:
        path = self.fetches(request.method, request.url)
        if request.method == "POST":
            self.done.add(self._act(path, dict(parse_qsl(request.post_data or ""))))

    @staticmethod
    def _act(path: str, fields: dict[str, str]) -> Act:
        button = fields.get("act", fields.get("device", ""))
        known = {"", "give", "stop", "this", "others", "keep"}
        return path, fields.get("permission", ""), button if button in known else "one"


def opens_the_card_with_the_newest_code(walk: Walk) -> None:
    member = walk.member
    sent = len(member.shop.messages(member.number, "code"))
    walk.card()
    walk.types(phone=member.number)
    walk.presses("join.send")
    member.shop.wait_for_code(member.number, sent + 1)
    walk.presses("code.again")
    walk.types(code="000000")
    walk.presses("code.send")
    expect(member.page.locator("#code-fault")).to_be_visible()
    walk.types(code=member.shop.wait_for_code(member.number, sent + 2))
    walk.presses("code.send")
    member.sees("card.greeting", name=NAME)


def sees_what_there_is_and_why(walk: Walk) -> None:
    till = walk.member.shop.shop.till
    till.buy(till.look_up(walk.member.number).body["member_id"], SPENT)
    walk.card()
    expect(walk.member.page.locator(".sum")).to_have_text(EARNED)
    walk.follows("card.history")
    expect(walk.member.page.locator("summary").first).to_contain_text(EARNED)
    walk.follows("history.back")


def renews_what_is_about_to_lapse(walk: Walk) -> None:
    keep = walk.member.page.locator("#permissions").get_by_text(walk.member.says("permissions.keep"))
    for left in reversed(range(len(KINDS))):
        keep.first.click()
        expect(keep).to_have_count(left)
    walk.look()


def accepts_terms_that_are_worse_once_they_are_read(walk: Walk) -> None:
    walk.follows("card.terms_new")
    expect(walk.member.page.locator(".changes ins").first).to_be_visible()
    walk.follows("link.open_card")
    walk.presses("accept.send")
    expect(walk.member.page.locator("#terms")).to_have_count(0)


def takes_back_and_gives_each_permission_and_then_stops_it_all(walk: Walk) -> None:
    page, says = walk.member.page, walk.member.says
    for kind in KINDS:
        stop = page.get_by_role("button", name=says(f"permissions.stop.{kind}"), exact=True)
        walk.presses(f"permissions.stop.{kind}")
        expect(stop).to_have_count(0)
        walk.presses("permissions.give")
        expect(stop).to_have_count(1)
    walk.presses("permissions.stop_all")
    expect(page.get_by_role("button", name=says("permissions.give"), exact=True)).to_have_count(len(KINDS))


def corrects_every_detail_and_is_spoken_to_in_the_language_they_choose(walk: Walk) -> None:
    member = walk.member
    walk.follows("own.correct")
    walk.types(first_name="www.tilbud.dk", email="ikke en adresse")
    walk.presses("own.save")
    expect(member.page.locator("[name=email]")).to_have_value("ikke en adresse")
    for name in ("first_name", "email"):
        expect(member.page.locator(f"#{name}-fault")).to_be_visible()
    walk.types(first_name="Mathilde", email="mathilde@example.com", birth_date="1990-05-03")
    member.page.locator("[name=own_outlet]").select_option(OWN_OUTLET)
    member.page.locator(f"[name='answer.{QUESTION['question_id']}']").select_option("Kager")
    first, other = member.language, "da" if member.language == "en" else "en"
    for chosen in (other, first):
        member.page.locator("[name=language]").select_option(chosen)
        member.presses("own.save")
        member.language = chosen
        member.sees("own.saved")
        member.sees("email.sent", address="mathilde@example.com")
    walk.presses("own.email_again")
    assert member.shop.wait_for_message("mathilde@example.com", "confirm_email", 2)
    walk.follows("own.back")
    member.sees("card.greeting", name="Mathilde")


def changes_number_with_a_code_from_each(walk: Walk) -> None:
    member, shop = walk.member, walk.member.shop
    new, sent = shop.new_number(), len(shop.messages(member.number, "code"))
    walk.follows("own.correct")
    walk.presses("number.change", "[role=button]")
    walk.types(phone="33")
    walk.presses("number.send")
    expect(member.page.locator("#phone-fault")).to_be_visible()
    walk.types(phone=new)
    walk.presses("number.send")
    member.sees("number.codes_heading")
    walk.types(old_code=shop.wait_for_code(member.number, sent + 1), new_code="000000")
    walk.presses("number.confirm")
    expect(member.page.locator("#new_code-fault")).to_be_visible()
    walk.presses("number.again")
    walk.types(old_code=shop.wait_for_code(member.number, sent + 2), new_code=shop.wait_for_code(new, 2))
    walk.presses("number.confirm")
    expect(member.page.get_by_text(phone_text(new)).first).to_be_visible()
    assert shop.wait_for_message(member.number, "number_changed")
    assert (shop.shop.till.look_up(new).status, shop.shop.till.look_up(member.number).status) == (200, 404)
    member.number = new


def reads_everything_that_is_kept_and_takes_it_along(walk: Walk) -> None:
    member = walk.member
    walk.card()
    walk.follows("own.see_all")
    for told in ("Mathilde", "Kager", phone_text(member.number), member.says("method.join_page")):
        expect(member.page.get_by_text(told).first).to_be_visible()
    expect(member.page.locator("#purchases .amount")).to_have_text(EARNED)
    member.page.locator("#purchases summary").first.click()
    walk.look()
    with member.page.expect_download() as download:
        walk.presses("data.download", "[role=button]")
    download.value.save_as(walk.files / "own.json")
    walk.fetches("GET", download.value.url)
    assert download.value.suggested_filename == f"{member.shop.slug}.json"
    written = json.loads((walk.files / "own.json").read_text())
    assert (written["profile"]["phone"], written["bonus"]["balance"]["available"]) == (member.number, 1485)


def asks_to_be_deleted_and_stays_after_all_by_the_card_and_by_the_message(walk: Walk) -> None:
    member, shop = walk.member, walk.member.shop
    erasure = member.page.locator("#erasure")
    for times, undo in enumerate((_on_the_card, _by_the_link), start=1):
        walk.card()
        walk.follows("own.delete")
        expect(member.page.get_by_text(EARNED).first).to_be_visible()
        walk.presses("erase.send")
        expect(erasure).to_contain_text(member.says("erase.by.member"))
        undo(walk, shop.wait_for_message(member.number, "erasure_requested_bonus", times)["links"][0])
        assert shop.wait_for_message(member.number, "erasure_undone", times)
        walk.card()
        expect(erasure).to_have_count(0)


def _on_the_card(walk: Walk, _link: str) -> None:
    walk.presses("erase.keep")


def _by_the_link(walk: Walk, link: str) -> None:
    walk.member.page.goto(link)
    walk.presses("keep.send")
    walk.member.sees("link.kept.heading")


def closes_the_card_on_one_phone_on_all_others_and_here(walk: Walk) -> None:
    member = walk.member
    others = [walk.new_customer(member.language, member.shop, member.number) for _ in range(2)]
    for other in others:
        other.opens_the_card()
    walk.card()
    for which in (":not([value=this], [value=others])", "[value=others]", "[value=this]"):
        member.page.locator(f"#devices button{which}").first.click()
        walk.look()
    for closed in (*others, member):
        closed.opens("/m/{slug}")
        closed.sees("open.heading")


STEPS: tuple[Callable[[Walk], None], ...] = (
    opens_the_card_with_the_newest_code,
    sees_what_there_is_and_why,
    renews_what_is_about_to_lapse,
    accepts_terms_that_are_worse_once_they_are_read,
    takes_back_and_gives_each_permission_and_then_stops_it_all,
    corrects_every_detail_and_is_spoken_to_in_the_language_they_choose,
    changes_number_with_a_code_from_each,
    reads_everything_that_is_kept_and_takes_it_along,
    asks_to_be_deleted_and_stays_after_all_by_the_card_and_by_the_message,
    closes_the_card_on_one_phone_on_all_others_and_here,
)


# The pages hold no scripts (docs/adr/0012): whoever has them switched on sees the same.
@pytest.mark.parametrize(("language", "scripts"), [("da", True), ("nb", False), ("en", False)])
def test_members_do_everything_that_their_page_offers(
    local_stack: LocalStack, new_customer: Customers, tmp_path: Path, language: str, scripts: bool
) -> None:
    with httpx.Client(base_url=local_stack.stack.api_url, timeout=30) as door:
        shop = _long_ago(local_stack, door, COUNTRIES[language])
        member = new_customer(language, shop, java_script_enabled=scripts)
        member.joins("terms", "sms", "email_news", "purchases", email="karoline@example.com")
        (link,) = shop.wait_for_message("karoline@example.com", "confirm_email")["links"]
        member.page.goto(link)
        member.presses("confirm.send")
        _time_passes(shop)
        walk = Walk(member, tmp_path, new_customer, scripts)
        for step in STEPS:
            step(walk)
    assert {(route.method, route.path) for route in ROUTES} - walk.routes == set()
    assert walk.offered - walk.done == set()


def test_going_back_after_a_form_leads_to_a_page_and_not_to_a_form_to_send_again(customer: Customer) -> None:
    customer.joins("terms")
    customer.opens("/m/{slug}/details")
    customer.page.locator("[name=email]").fill("ikke en adresse")
    customer.presses("own.save")
    expect(customer.page.locator("#email-fault")).to_be_visible()
    customer.page.get_by_role("link", name=customer.says("own.back"), exact=True).click()
    customer.page.go_back()
    expect(customer.page.get_by_role("heading", name=customer.says("own.heading")).first).to_be_visible()


def _long_ago(local_stack: LocalStack, door: httpx.Client, country: str) -> PublicShop:
    """A club that asks for all that a club may ask for; its clock is far behind."""
    behind = -int(JOINED_BEFORE.total_seconds())
    name = NAMES[country]
    shop = OpenShop.in_stack(local_stack.stack, door, name=name, country=country, clock_offset_seconds=behind)
    operator, club_id = shop.operator, shop.till.club["club_id"]
    operator.do("publish_join_page", club_id=club_id, **PAGES[country])
    operator.do("create_outlet", club_id=club_id, outlet_id=OWN_OUTLET, name="Forretningen")
    operator.do(
        "publish_member_policy", club_id=club_id, asks_birth_date=True, asks_outlet=True, questions=[QUESTION]
    )
    return PublicShop(local_stack.stack, shop)


def _time_passes(shop: PublicShop) -> None:
    """Worse terms are published and the day comes on which they begin, and phones forget who opened their card."""
    operator, club_id = shop.shop.operator, shop.shop.till.club["club_id"]
    form = operator.do("terms_form", club_id=club_id, languages=["da", "nb", "en"])
    begin = (datetime.now(UTC) - JOINED_BEFORE / 2).date().isoformat()
    operator.do("publish_terms", club_id=club_id, form=form, valid_from=begin, worse=True)
    operator.do("move_clock", club_id=club_id, clock_offset_seconds=0)
