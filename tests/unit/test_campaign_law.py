"""What the law wants of a campaign: what is refused, what is asked, and which rule says so."""

from __future__ import annotations

from copy import replace

import msgspec
import pytest

from stamkunde.campaigns.composer_texts import CATALOGUE, law_asked, law_said
from stamkunde.campaigns.model.law import (
    Answers,
    LawCode,
    LawFinding,
    Order,
    Reduction,
    Stock,
    lowest_price_days,
    questions,
    settled_by,
)
from stamkunde.campaigns.model.law_checks import check_law
from stamkunde.campaigns.model.stop_label import STOP_LINES, with_stop
from stamkunde.campaigns.model.texts import CampaignText
from stamkunde.messaging.model import MessageClass
from stamkunde.shared.language import LANGUAGES

STOP = "\nAfmeld: {Stop}"
BOTH = " Se/stop sms: {Link}"


def check(words: str, *, answers: Answers | None = None, country: str = "DK", language: str = "da") -> set[LawCode]:
    """What is found in a text from a club that names itself."""
    return {each.code for each in found(words, answers=answers, country=country, language=language)}


def found(
    words: str, *, answers: Answers | None = None, country: str = "DK", language: str = "da"
) -> tuple[LawFinding, ...]:
    text = CampaignText(language, "{Klub}: " + words)
    return check_law(text, country=country, club_name="Bager Holm", answers=answers or Answers())


def test_a_text_with_a_name_a_way_to_stop_and_no_claim_may_be_sent() -> None:
    assert found("Kom og smag vores nye brød." + STOP) == ()


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("Nyt brød. Bestil tid/stop sms: {Link}", set()),
        ("Nyt brød." + STOP, set()),
        ("Nyt brød. afmeld:{Stop}", set()),
        ("Nyt brød.", {LawCode.STOP_MISSING}),
        ("Nyt brød. Se mere: {Link}", {LawCode.STOP_MISSING}),
        ("Nyt brød. Klik {Stop}", {LawCode.STOP_UNLABELLED}),
        ("Nyt brød. Afmeld: {Link}", {LawCode.STOP_MISSING}),
        ("Nyt brød. Afmeld: {Stop}Hilsen Holm", {LawCode.STOP_MISSING}),
        ("Nyt brød. Se/stop sms: {Link}{Fornavn}", {LawCode.STOP_MISSING}),
        ("Nyt brød. Afmeld: {Stop}.", set()),
    ],
)
def test_there_is_one_way_to_stop_that_says_what_it_is_and_no_other(words: str, codes: set[LawCode]) -> None:
    assert check(words) - {LawCode.ORDER_UNCLEAR} == codes


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("da", "Nyt. Kom forbi/stop sms: {Link}"),
        ("nb", "Nytt. Bli med/stopp SMS: {Link}"),
        ("nb", "Nytt.\nAvmeld: {Stopp}"),
        ("en", "News. Look/stop texts: {Link}"),
    ],
)
def test_each_language_has_its_own_words_to_stop_by(language: str, words: str) -> None:
    club = {"en": "{Club}"}.get(language, "{Klub}")
    assert check_law(CampaignText(language, f"{club}: {words}"), country="NO", club_name="Holm") == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_way_to_stop_is_put_in_by_one_click(language: str) -> None:
    text = CampaignText(language, with_stop("Bager Holm har nyt ", language))
    assert text.sms.endswith(f"\n{STOP_LINES[language]}")
    assert check_law(text, country="DK", club_name="bager holm") == ()


def test_an_e_mail_is_stopped_by_a_link_of_its_own_and_not_by_one_that_stops_sms() -> None:
    text = CampaignText("da", subject="Nyt fra {Klub}", body="Nyt brød. Se/stop sms: {Link}")
    assert {each.code for each in check_law(text, country="DK", club_name="x")} == {LawCode.STOP_MISSING}
    assert check_law(replace(text, body="Nyt brød: {Link}\nAfmeld: {Stop}"), country="DK", club_name="x") == ()


def test_a_text_names_who_writes_by_its_place_or_by_its_name() -> None:
    def codes(words: str) -> set[LawCode]:
        text = CampaignText("da", words + STOP)
        return {each.code for each in check_law(text, country="DK", club_name="Bager Holm")}

    assert codes("Nyt brød.") == {LawCode.SENDER_UNNAMED}
    assert codes("Nyt brød hos bager holm.") == codes("Nyt brød hos {Klub}.") == set()
    assert codes("Bager Holms nye brød.") == set()
    assert codes("Nyt hos bager Holmgaard.") == {LawCode.SENDER_UNNAMED}


def test_both_texts_and_the_e_mail_are_looked_at() -> None:
    good = "{Klub}: nyt." + STOP
    for text in (
        CampaignText("da", good, "Nyt" + STOP),
        CampaignText("da", good, subject="Nyt", body="Nyt" + STOP),
        CampaignText("da", good, subject="Nyt", body=good, body_without_bonus="Nyt" + STOP),
    ):
        assert {each.code for each in check_law(text, country="DK", club_name="x")} == {LawCode.SENDER_UNNAMED}


@pytest.mark.parametrize(
    "words",
    ["Ja tak til sms?", "Sig ja til tilbud på e-mail", "Giv os samtykke", "Ja takk til e-post", "Si ja til SMS",
     "Svar JA for at få sms", "Svar ja for å få nyheter", "Må vi sende dig tilbud på sms?", "Kan vi skrive til deg?",
     "Giv os lov til at skrive", "Tilmeld dig vores nyheder", "Meld deg på SMS fra oss"],
)  # fmt: skip
def test_no_message_asks_for_permission(words: str) -> None:
    [finding] = [each for each in found(words + STOP) if each.code is LawCode.PERMISSION_ASKED]
    assert (finding.rule, finding.is_question) == ("R3", False)


@pytest.mark.parametrize(
    "words",
    ["Svar ja, hvis du kommer lørdag", "Må vi byde på kaffe?", "Tilmeld dig bagedagen", "Meld deg på bakekurset",
     "Kan vi sende kagen til dig?"],
)  # fmt: skip
def test_an_invitation_asks_for_no_permission(words: str) -> None:
    assert LawCode.PERMISSION_ASKED not in check(words + STOP)


def test_of_a_newsletter_it_is_asked_whether_the_text_asks_for_permission() -> None:
    words = "Nyhedsbrev fra bageren." + STOP
    assert questions(found(words)) == (LawCode.PERMISSION_ASKED,)
    assert found(words, answers=Answers(asks_for_permission=False)) == ()
    assert not found(words, answers=Answers(asks_for_permission=True))[0].is_question


@pytest.mark.parametrize(
    "offer",
    ["Tilbud på kager", "En gave til dig", "Gratis kaffe", "Rabat på alt", "20 % på alt", "Kupon", "3 for 2",
     "Du får en gave", "Vi gir deg en gave", "Fødselsdagsgave", "Tag 3, betal for 2"],
)  # fmt: skip
def test_an_offer_has_its_conditions_near_by_and_written(offer: str) -> None:
    answers = Answers(free=True, stock=Stock.ENOUGH, reduction=Reduction.LOWEST_PRICE)
    assert check(offer + STOP, answers=answers) == {LawCode.CONDITIONS_OUT_OF_REACH}
    assert check(offer + BOTH, answers=answers) == {LawCode.CONDITIONS_UNSAID}
    assert check(offer + ". Betingelser: {Betingelser}" + STOP, answers=answers) == {LawCode.CONDITIONS_UNSAID}
    assert check(offer + BOTH, answers=replace(answers, conditions="Til og med lørdag.")) == set()


@pytest.mark.parametrize(
    "words", ["Mangler du en gave til mor?", "Vi har gaver til hele familien", "Trenger du en gave til far?"]
)
def test_a_present_that_somebody_buys_is_no_gift_of_the_shop(words: str) -> None:
    assert check(words + STOP) == set()


@pytest.mark.parametrize(
    "claim",
    ["20 % på kager", "halv pris", "Før 40 kr.", "før: kr. 40", "Før/nu", "førpris", "Spar stort", "Rabat", "Udsalg",
     "nedsat", "satt ned", "utsalg", "50 pct.", "tyve procent", "Før 40, nu 25", "Før 40, nå 25", "normalpris 40",
     "Halvpris", "½ pris", "Normalt 40 kr.", "billigere"],
)  # fmt: skip
def test_a_reduction_is_measured_by_the_lowest_price(claim: str) -> None:
    answers = Answers("Betingelser", stock=Stock.ENOUGH)
    findings = found(claim + BOTH, answers=answers)
    assert [(each.code, each.rule, each.is_question) for each in findings] == [
        (LawCode.REDUCTION_UNPROVEN, "R30", True)
    ]
    assert found(claim + BOTH, answers=replace(answers, reduction=Reduction.LOWEST_PRICE)) == ()
    leftovers = check(claim + BOTH, answers=replace(answers, leftovers=True))
    assert leftovers == {LawCode.REDUCTION_OF_LEFTOVERS}


@pytest.mark.parametrize(
    "words", ["Først til mølle inden kl. 17, 4 poser", "Kom før kl. 17", "Senest 17. maj", "Sparekassen"]
)
def test_a_time_is_no_before_price(words: str) -> None:
    assert LawCode.REDUCTION_UNPROVEN not in check(words + STOP)


def test_a_rate_of_bonus_compares_no_price_and_its_conditions_are_the_terms() -> None:
    words = "I aften giver vi 6 % bonus i stedet for 3 %." + STOP
    assert check(words, answers=Answers(reduction=Reduction.NO_PRICE)) == set()


@pytest.mark.parametrize("words", ["Halv pris på kager", "Før 40, nu 25", "20 % rabat"])
def test_what_compares_prices_cannot_be_answered_by_saying_that_nothing_is_compared(words: str) -> None:
    answers = Answers(reduction=Reduction.NO_PRICE, stock=Stock.ENOUGH)
    assert check(words + BOTH, answers=answers) == {LawCode.REDUCTION_UNPROVEN, LawCode.CONDITIONS_UNSAID}
    assert check("100 % økologisk mel" + STOP, answers=answers) == set()


def test_what_the_shop_fills_in_is_looked_at_as_well() -> None:
    text = CampaignText("da", "{Klub}: {Tilbud}." + BOTH, filled={"Tilbud": "halv pris på alt"})
    codes = {each.code for each in check_law(text, country="DK", club_name="x")}
    assert LawCode.REDUCTION_UNPROVEN in codes


def test_a_members_own_bonus_is_no_price() -> None:
    assert check("Du har {Bonus} til gode." + STOP) == set()


@pytest.mark.parametrize(
    "words",
    ["Et glas bobler", "Smak på øl", "Vinsmaking", "rødvin", "Prosecco", "julesnaps og snaps", "Wine tasting",
     "Vinkveld", "Et vinglass", "Konjakk", "Cognac", "Aperol", "Irish coffee", "Cider", "IPA", "En dram", "Glühwein",
     "Musserende", "Kake og 🍷", "🍺", "🥂"],
)  # fmt: skip
def test_norwegian_clubs_name_no_alcohol_and_danish_ones_may(words: str) -> None:
    [finding] = found(words + STOP, country="NO")
    assert (finding.code, finding.rule, finding.is_question) == (LawCode.ALCOHOL, "R31", False)
    assert found(words + STOP) == ()


@pytest.mark.parametrize(
    "words",
    ["Brøl og føl", "Vinter i Bergen", "Ølandshvetebrød", "Begin", "alkoholfri øl", "Gevinst", "alkoholfri cider",
     "Eplekake", "Vinegar", "Bobler i deigen", "Ginger", "☕🥛🧃"],
)  # fmt: skip
def test_words_that_only_look_like_alcohol_are_let_through(words: str) -> None:
    assert LawCode.ALCOHOL not in check(words + STOP, country="NO")


@pytest.mark.parametrize(
    "words",
    ["Tip en ven", "Verv en venn", "Her er din vennekode", "Refer a friend", "Tips en venn", "Giv en ven koden",
     "Hverv en veninde", "Inviter venner", "Anbefal os til dine venner"],
)  # fmt: skip
def test_a_friend_hears_of_it_from_the_member_alone(words: str) -> None:
    assert questions(found(words + STOP)) == (LawCode.FRIENDS_WRITTEN_TO,)
    assert found(words + STOP)[0].rule == "R32"
    assert found(words + STOP, answers=Answers(passed_on_by_members=True)) == ()
    refused = found(words + STOP, answers=Answers(passed_on_by_members=False))
    assert [each.is_question for each in refused] == [False]


def test_of_an_order_it_is_asked_what_is_ordered() -> None:
    for order in ("Bestil", "Forudbestil", "Forhåndsbestill", "Reservér", "Reserver"):
        assert LawCode.ORDER_UNCLEAR in check(order + " påskebrød." + STOP)
    words = "Påskebrød. Bestil/stop sms: {Link}"
    assert [(each.code, each.rule) for each in found(words)] == [(LawCode.ORDER_UNCLEAR, "R33")]
    assert found(words, answers=Answers(order=Order.GOODS)) == found(words, answers=Answers(order=Order.TIME)) == ()


@pytest.mark.parametrize("words", ["Rugbrød 25 kr.", "Kr. 25", "25,-", "Rugbrød {Pris}"])
def test_of_what_has_a_price_it_is_asked_whether_there_is_enough(words: str) -> None:
    assert [(each.code, each.rule) for each in found(words + STOP)] == [(LawCode.STOCK_UNKNOWN, "R34")]
    assert found(words + STOP, answers=Answers(stock=Stock.ENOUGH)) == ()
    few = found(words + STOP, answers=Answers(stock=Stock.FEW))
    assert [(each.code, each.is_question) for each in few] == [(LawCode.NUMBER_UNSAID, False)]
    assert found("{Antal} poser. " + words + STOP, answers=Answers(stock=Stock.FEW)) == ()
    assert found("8 poser. " + words + STOP, answers=Answers(stock=Stock.FEW)) == ()


@pytest.mark.parametrize(
    "words",
    ["Først til mølle", "Så længe lager haves", "Førstemann til mølla", "Kun få tilbage", "Begrænset antal",
     "Plassene er begrenset"],
)  # fmt: skip
def test_what_is_scarce_says_how_many_there_are(words: str) -> None:
    assert check(words + STOP, answers=Answers(stock=Stock.ENOUGH)) == {LawCode.NUMBER_UNSAID}
    assert check("12 pladser. " + words + STOP) == set()


@pytest.mark.parametrize(
    "words",
    ["Åbent 6-17 lørdag", "den 5 december", "d. 22/12 tidligt", "Ring 20123456 eller", "Tlf. 20 12 34 56 eller kom",
     "500 gram smør", "i 2 butikker", "til 8 personer", "i uge 7 lukker vi"],
)  # fmt: skip
def test_not_every_number_says_how_many_there_are(words: str) -> None:
    assert check("Kun få kransekager. " + words + STOP) == {LawCode.NUMBER_UNSAID}


@pytest.mark.parametrize("words", ["Parkeringen er begrænset i morgen", "En begrænsning i åbningstiden"])
def test_what_is_limited_but_not_for_sale_needs_no_number(words: str) -> None:
    assert check(words + STOP) == set()


@pytest.mark.parametrize("words", ["Kun for medlemmer", "Kun til medlemmer", "Eksklusivt for medlemmer"])
def test_of_what_is_only_for_members_it_is_asked_in_whatever_words_it_is_said(words: str) -> None:
    assert check(words + STOP) == {LawCode.MEMBERS_ONLY_UNPROVEN}


@pytest.mark.parametrize(("country", "rule"), [("DK", "mfl. § 5"), ("NO", "mfl. § 7")])
def test_what_is_only_for_members_and_what_is_free_is_true(country: str, rule: str) -> None:
    for words, code, yes, no in (
        ("Kun for medlemmer", LawCode.MEMBERS_ONLY_UNPROVEN, Answers(members_only=True), Answers(members_only=False)),
        ("Gratis kaffe", LawCode.FREE_UNPROVEN, Answers("Hele dagen", free=True), Answers("Hele dagen", free=False)),
    ):
        asked = [each for each in found(words + BOTH, country=country) if each.code is code]
        assert [(each.rule, each.is_question) for each in asked] == [(rule, True)]
        assert found(words + BOTH, answers=yes, country=country) == ()
        [refused] = found(words + BOTH, answers=no, country=country)
        assert (refused.code, refused.is_question) == (code, False)


def test_a_service_message_sells_nothing_and_shows_no_way_to_stop() -> None:
    text = CampaignText("da", "{Klub}: Tilbud i dag, 25 kr.! Afmeld: {Stop}")
    findings = check_law(text, country="DK", club_name="x", message_class=MessageClass.SERVICE)
    assert {(each.code, each.rule, each.is_question) for each in findings} == {(LawCode.ADVERTISES, "R5", False)}
    assert {"Tilbud", "25 kr", "!", "Stop"} <= {each.excerpt for each in findings}
    filled = CampaignText("da", "{Klub}: Din tid er {Dag}.", filled={"Dag": "tirsdag, 20 % rabat"})
    assert {
        each.excerpt for each in check_law(filled, country="DK", club_name="x", message_class=MessageClass.SERVICE)
    } == {"%", "rabat"}
    plain = CampaignText("da", "{Klub}: Din bestilling er klar.")
    assert check_law(plain, country="DK", club_name="x", message_class=MessageClass.SERVICE) == ()


def test_before_prices_are_the_lowest_of_thirty_days_and_of_a_fortnight_for_fresh_goods_in_denmark() -> None:
    assert lowest_price_days("DK", fresh_goods=False) == lowest_price_days("NO", fresh_goods=True) == 30
    assert lowest_price_days("DK", fresh_goods=True) == 14


def test_what_is_refused_comes_before_what_is_asked() -> None:
    findings = found("Gratis øl, tip en ven", country="NO")
    assert [each.is_question for each in findings] == sorted(each.is_question for each in findings)
    assert {each.is_question for each in findings} == {True, False}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_finding_is_said_with_its_rule_and_its_words(language: str) -> None:
    said = CATALOGUE.texts(language)
    findings = [key.split(".")[1:] for key in said if key.startswith("law.")]
    assert {code for code, _ in findings} == set(LawCode)
    for code, kind in findings:
        finding = LawFinding(LawCode(code), "R99", "halv pris", kind == "question")
        sentence = law_said(finding, language, country="DK", fresh_goods=True)
        assert "R99" in sentence
        assert ("halv pris" in sentence) == (code not in {LawCode.SENDER_UNNAMED, LawCode.STOP_MISSING})


@pytest.mark.parametrize("words", ["Brød af 100 % økologisk mel.", "Vi sparer ikke på smøret."])
def test_who_is_asked_about_words_that_reduce_nothing_is_told_which_answer_settles_it(words: str) -> None:
    (asked,) = found(words + STOP)
    said = law_asked(asked, "da", country="DK")
    assert said.endswith('(R30)? [answers: "reduction": "lowest_price" | "reduction": "no_price"]')
    assert found(words + STOP, answers=Answers(reduction=Reduction.NO_PRICE)) == ()


def test_every_question_names_answers_that_a_file_may_give() -> None:
    codes = {LawCode(key.split(".")[1]) for key in CATALOGUE.texts("en") if key.startswith("law.")}
    asked = {code for code in codes if f"law.{code}.question" in CATALOGUE.texts("en")}
    assert {code for code in LawCode if settled_by(code)} == asked
    for code in asked:
        for answer in settled_by(code).split(" | "):
            given = msgspec.json.decode(f"{{{answer}}}", type=Answers)
            assert given != Answers()


def test_what_is_refused_has_no_answer() -> None:
    refused = LawFinding(LawCode.ALCOHOL, "R31", "vin", is_question=False)
    assert law_asked(refused, "nb", country="NO") == law_said(refused, "nb", country="NO")
