"""Names that services keep in forms of their own: the one key, what is learned, and what is doubtful."""

import asyncio
import html
import json
import unicodedata
from collections.abc import Callable, Sequence
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from adjust_async import Tracker
from adjust_async.campaign.names import NameForms, canonical, label_of
from adjust_async.campaign.siblings import Match, PlannedNames, Siblings

NAME = "  Frühling & Cafe\u0301  “Straße” 50%  \U0001f389 "
LONG = "A campaign with a name that is longer than some services like it"

#: What services were seen, or are feared, to do with a name.
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda name: name,
    "nfc": lambda name: unicodedata.normalize("NFC", name),
    "nfd": lambda name: unicodedata.normalize("NFD", name),
    "nfkc": lambda name: unicodedata.normalize("NFKC", name),
    "nfkd": lambda name: unicodedata.normalize("NFKD", name),
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "trimmed": str.strip,
    "single spaces": lambda name: " ".join(name.split()),
    "no-break spaces": lambda name: name.replace(" ", "\u00a0"),
    "html": html.escape,
    "html, numbers": lambda name: name.replace("&", "&#38;").replace("“", "&#x201C;"),
    "html, half": lambda name: html.escape(name, quote=False),
    "percent": quote,
    "backslashes": lambda name: name.replace("“", "\\u201c"),
    "json": lambda name: json.dumps(name)[1:-1],
    "html, twice": lambda name: html.escape(html.escape(name)),
    "trailing space": lambda name: f"{name} ",
    "all at once": lambda name: html.escape(unicodedata.normalize("NFD", name.strip().lower())),
}


def siblings_of(*labels: str, plan: Sequence[str] = (), forms: NameForms | None = None) -> Siblings:
    """Index trackers of these names, with the tokens t0, t1 and so on, for a plan."""
    trackers = [Tracker(token=f"t{number}", name=f"A::{label}", label=label) for number, label in enumerate(labels)]

    async def index() -> Siblings:
        siblings = await Siblings.of(trackers, forms or NameForms())
        if plan:
            await siblings.survey(await PlannedNames.of(plan))
        return siblings

    return asyncio.run(index())


def token(match: Match) -> str | None:
    """Return the token of the tracker that was found."""
    return None if match.tracker is None else match.tracker.token


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_of_a_name_have_one_key(form: str) -> None:
    """Whatever a service does to a name, the sent name finds it, with a note if they differ."""
    kept = FORMS[form](NAME)
    assert canonical(kept) == canonical(NAME)
    match = siblings_of("Other", kept, "Frühling").match(NAME)
    assert token(match) == "t1"
    assert (match.note is None) == (kept == NAME)


@given(st.text(st.characters(exclude_characters="&%\\", exclude_categories=["Cs"]), max_size=12))
def test_all_unicode_forms_and_spaces_have_one_key(name: str) -> None:
    """All forms of a name without escapes have the same key."""
    key = canonical(name)
    assert canonical(key) == key
    for form in ("nfc", "nfd", "nfkc", "nfkd", "trimmed", "single spaces"):
        assert canonical(FORMS[form](name)) == key


def test_turkish_letters_that_upper_case_makes_one_have_one_key() -> None:
    """A service that stores names in upper case merges i with and without a dot."""
    assert len({canonical(name) for name in ("Kırmızı İ", "KIRMIZI İ", "kirmizi i", "Kirmizi I")}) == 1


def test_several_cut_names_reveal_a_short_cut() -> None:
    """Names that are cut too short to recognise by one of them are doubtful if the plan has several."""
    plan = ["1 A campaign", "2 A campaign", "Summer Sale", "Sale"]
    siblings = siblings_of("1 A campai", "2 A campai", "Summer Sal", "Sale", plan=plan)
    assert [siblings.match(label, plan).problem is not None for label in plan] == [True, True, True, False]
    plan = ["Campaign 1", "Campaign 2"]
    assert siblings_of("Camp", "Camp", plan=plan).match("Campaign 1", plan).problem is not None
    plan = ["Summer Sale", "Winter Sale"]
    siblings = siblings_of("Summer", "Winter", plan=plan)
    assert [siblings.match(label, plan) for label in plan] == [Match(), Match()]


def test_several_names_without_their_signs_are_doubtful() -> None:
    """One such name may be another one. If the plan has several, the service may drop or add characters."""
    plan = ["A B", "C D"]
    for listed in ("AB", "CD"), ('"A B"', '"C D"'):
        siblings = siblings_of(*listed, plan=plan)
        assert [siblings.match(label, plan).problem is not None for label in plan] == [True, True]
    siblings = siblings_of("AB", "CD", "X Y", plan=plan)
    assert [siblings.match(label, plan) for label in plan] == [Match(), Match()]


def test_an_exact_name_goes_first() -> None:
    """Among names that differ only in form, the exact one is used, and the others are near matches."""
    siblings = siblings_of("SPRING", "spring", "Spring")
    assert token(siblings.match("Spring")) == "t2"
    assert siblings.match("Spring").note is None
    assert [tracker.token for tracker in siblings.near("Spring")] == ["t0", "t1"]


def test_several_near_names_are_not_a_match() -> None:
    """If several trackers match, none is used, and the message shows them and the way out."""
    match = siblings_of("SPRING", "spring").match("Spring")
    assert match.tracker is None
    assert match.problem is not None
    assert "'SPRING' (t0), 'spring' (t1)" in match.problem
    assert "add its exact name to the plan" in match.problem


def test_a_name_of_another_entry_is_not_near() -> None:
    """A tracker with another entry's exact name is never used for this one."""
    siblings = siblings_of("spring", LONG[:20])
    assert siblings.match("Spring", {"spring"}) == Match()
    assert siblings.match(LONG, {LONG[:20]}) == Match()


@pytest.mark.parametrize(
    ("archived", "taken"), [([False, True], 0), ([True, False], 1), ([True, True], 0), ([None, True], 0)]
)
def test_of_twins_a_living_one_is_taken(archived: list[bool | None], taken: int) -> None:
    """The first one that is not archived is used, or else the first one. All of them are listed."""
    trackers = [Tracker(token=f"t{number}", name="A", archived=gone) for number, gone in enumerate(archived)]
    siblings = asyncio.run(Siblings.of(trackers, NameForms()))
    match = siblings.match("A")
    assert token(match) == f"t{taken}"
    assert match.twins == tuple(trackers)
    assert list(siblings.twins()) == trackers


@pytest.mark.parametrize(
    ("planned", "listed"),
    [
        (LONG, LONG[:20]),
        (LONG, LONG[:20].upper()),
        (LONG, f"{LONG[:20]}..."),
        (LONG, f"{LONG[:20]}…"),
        (LONG, LONG[:12]),
        ("Frühling", "Fruhling"),
        ("Frühling", "Fr?hling"),
        ("Frühling", "Frhling"),
        ("Spring sale", "Spring+sale"),
        ("Spring sale", "spring-sale"),
        ("R&D <1>", "R&D 1"),
        ("an 'a'", "an ’a’"),
        ("zero\u200bwidth", "zerowidth"),
        ("Frühling", "FrÃ¼hling"),
        ("Facebook Ads", "Facebook A"),
    ],
)
def test_a_name_that_may_have_been_cut_or_changed_is_doubtful(planned: str, listed: str) -> None:
    """A lossy form of the name is neither used nor ignored."""
    match = siblings_of("X", listed).match(planned)
    assert match.tracker is None
    assert match.problem is not None
    assert f"{listed!r} (t1) may be this one in a cut or changed form" in match.problem


@pytest.mark.parametrize(
    ("planned", "listed"),
    [
        ("Network 10", ["Network 1"]),
        ("Google Ads", ["Google"]),
        ("AppLovinMAX", ["AppLovin"]),
        (LONG, [LONG[:20], "another name which is longer than the planned one, so that nothing is cut"]),
        ("Fruhling", ["Frühling"]),
        ("Google", ["Google+"]),
        ("A B", ["AB"]),
        ("C#", ["C"]),
        ("Spring Campaign 10", ["Spring Campaign 1"]),
        ("Q1 2024", ["Q1-2024", "Q2 2024"]),
        ("R&D", ["R D", "P&L"]),
    ],
)
def test_names_that_are_others(planned: str, listed: list[str]) -> None:
    """Names that people derive from each other do not count as forms of each other."""
    assert siblings_of(*listed).match(planned) == Match()


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_learned_from_an_answer(form: str) -> None:
    """One answer shows the service's form of names. The form of another name then wins over near matches."""
    forms = NameForms()
    for sent in (NAME, "Été & more"):
        assert forms.accepts(sent, FORMS[form](sent))
        forms.learn(sent, FORMS[form](sent))
    assert canonical(forms.kept("Noël")) == canonical("Noël")


@pytest.mark.parametrize("length", [5, 20, 40])
def test_a_cut_is_learned_from_an_answer(length: int) -> None:
    """Once an answer has shown the cut, a name is found by its start. A shorter one is not affected."""
    forms = NameForms()
    assert forms.may_be(LONG, LONG[:length])
    assert forms.accepts(LONG, LONG[:length]) == (length >= 16)
    forms.learn(LONG, LONG[:length])
    other = f"Z{LONG}"
    assert forms.kept(other) == other[:length]
    assert forms.kept("Z") == "Z"
    match = siblings_of("Z", other[:length], forms=forms).match(other)
    assert token(match) == "t1"
    assert match.note == f"the service calls it {other[:length]!r}"
    assert forms.key(other) == forms.key(f"{other}, the second")


def test_forms_that_nothing_explains_cost_little() -> None:
    """The last thousand such names are remembered. Only some are used to find an explanation."""
    forms = NameForms()
    for number in range(5000):
        forms.learn(f"name {number}", f"{number} eman")
    assert forms.kept("name") == "name"
    assert forms.kept("name 4999") == "4999 eman"
    assert forms.kept("name 1") == "name 1"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("Spring", "Autumn"), ("Campaign 10", "Campaign 1"), ("Spring", ""), ("A", "B"), ("Spring", "Springs")],
)
def test_a_name_of_another_tracker_is_not_accepted(sent: str, kept: str) -> None:
    """An answer with a name that the sent one can't have become is about another tracker."""
    assert not NameForms().accepts(sent, kept)


def test_a_label_is_the_last_part_of_the_name() -> None:
    """If the service sends no label, or an empty one, it is taken from the name."""
    assert label_of(Tracker(token="t", name="A::B::C")) == "C"
    assert label_of(Tracker(token="t", name="A")) == "A"
    assert label_of(Tracker(token="t", name="A::B", label="X")) == "X"
    for label in ("", " ", "A::B"):
        assert label_of(Tracker(token="t", name="A::B", label=label)) == "B"
    for separator in ("%3A%3A", "%3a%3a", "&#58;&#58;", "&#x3A;&#x3a;", "&colon;&colon;", "\\u003a\\u003A"):
        assert label_of(Tracker(token="t", name=f"A{separator}B: C")) == "B: C"
