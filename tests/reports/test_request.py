"""What a 400 of the Report Service means: the names that it refused, and similar ones."""

import json
import pickle
from typing import Any

import httpx
import pytest

from adjust_async import AsyncAdjust, BadRequestError
from adjust_async.emulator import Emulator
from tests.clock import JUMPING_CLOCK
from tests.script import client

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.account(apps=3, trackers_per_app=20, facts_per_day=2),
]


jumping = pytest.mark.parametrize("anyio_backend", [pytest.param(JUMPING_CLOCK, id="jumping")])


DATES = ("2026-01-26", "2026-02-04")


THIRTY = [
    *("impressions", "clicks", "installs", "click_conversion_rate", "ctr", "impression_conversion_rate"),
    *(
        "installs_per_mile",
        "organic_installs",
        "non_organic_installs",
        "paid_installs",
        "paid_clicks",
        "reattributions",
    ),
    *("reinstalls", "uninstalls", "deattributions", "gdpr_forgets", "rejected_installs", "sessions", "base_sessions"),
    *("daus", "waus", "maus", "arpdau", "events", "first_events", "revenue_events", "revenue", "ad_revenue", "cost"),
]


async def refusal_of(adjust: AsyncAdjust, **query: Any) -> BadRequestError:
    """Ask for a report that is refused; the error survives a pickle."""
    asked: Any = {"dimensions": ["day", "app"], "metrics": ["installs", "clicks"], "date_period": DATES} | query
    with pytest.raises(BadRequestError) as raised:
        await adjust.reports.fetch(**asked)
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (str(copy), copy.message, copy.args, copy.body) == (
        str(raised.value),
        raised.value.message,
        (raised.value.message,),
        raised.value.body,
    )
    return raised.value


# By the emulator.


@pytest.mark.parametrize("place", [0, 13, 29])
async def test_an_unknown_metric_among_thirty_is_named(adjust: AsyncAdjust, emulator: Emulator, place: int) -> None:
    """Of thirty metrics the message names the one that is unknown, and none of the others; it takes one request."""
    metrics = [*THIRTY[:place], "instals", *THIRTY[place:]]
    error = await refusal_of(adjust, metrics=metrics)
    assert emulator.stats.total == 1
    assert "Unsupported metric: instals. Check the metric 'instals'. adjust.reports.filters(" in str(error)
    assert not [metric for metric in THIRTY if f"'{metric}'" in str(error)]


async def test_near_names_are_suggested_once_the_names_are_known(adjust: AsyncAdjust) -> None:
    """After `filters`, the message suggests the nearest metrics and dimensions, and does not tell to ask for them."""
    await adjust.reports.filters(["overview_metrics", "cohort_metrics", "dimensions"])
    error = await refusal_of(adjust, metrics=[*THIRTY, "instals"])
    assert "Check the metric 'instals' (did you mean 'installs'" in str(error)
    assert "adjust.reports.filters" not in str(error)
    error = await refusal_of(adjust, metrics=[*THIRTY, "retention_rat_D7"])
    assert "the metric 'retention_rat_D7' (did you mean 'retention_rate_" in str(error)
    assert "'retention_rate_d7'" in str(error)
    error = await refusal_of(adjust, dimensions=["day", "contry"])
    assert "the dimension 'contry' (did you mean 'country'" in str(error)
    error = await refusal_of(adjust, metrics=["clicks", "xyzzy_plugh_42"])
    assert error.message.endswith("Check the metric 'xyzzy_plugh_42'")


@pytest.mark.parametrize("ask", ["fetch", "pivot", "stream"])
async def test_each_way_to_ask_explains(adjust: AsyncAdjust, emulator: Emulator, ask: str) -> None:
    """Whatever the request, the error names what was refused."""
    query: Any = {"dimensions": ["day"], "metrics": ["installs", "instals"], "date_period": DATES}
    with pytest.raises(BadRequestError, match="Check the metric 'instals'"):
        if ask == "stream":
            _ = [found async for found in adjust.reports.stream(app_tokens=emulator.app_tokens, **query)]
        else:
            await getattr(adjust.reports, ask)(**query | ({"index": ["day"]} if ask == "pivot" else {}))


async def test_kept_failures_explain(adjust: AsyncAdjust, emulator: Emulator) -> None:
    """If failures are kept and all fail, the first explanation is raised once, and not once for each app."""
    with pytest.raises(BadRequestError) as raised:
        await adjust.reports.fetch(
            dimensions=["day"],
            metrics=["installs", "instals"],
            date_period=DATES,
            app_tokens=emulator.app_tokens,
            on_failure="keep",
        )
    assert str(raised.value).count("Check the") == 1
    assert raised.value.__notes__ == ["2 other apps failed too."]


async def test_validation_errors_are_readable(adjust: AsyncAdjust) -> None:
    """Errors in the form of objects name the parameter and its problem."""
    error = await refusal_of(adjust, parameters={"full_data": "perhaps"})
    assert "full_data: must be true or false, not 'perhaps'" in str(error)
    assert "Check the metric" not in str(error)
    assert "'loc'" not in str(error)


# By hand.


def bad(document: Any) -> httpx.Response:
    """Answer 400 with a document."""
    return httpx.Response(400, content=document if isinstance(document, (bytes, str)) else json.dumps(document))


def report_error(*details: Any, **more: Any) -> dict[str, Any]:
    """Compose an error of the service."""
    return {"error_code": "request_error", "error_desc": "Bad request", "error_desc_details": list(details), **more}


READABLE: list[tuple[Any, str]] = [
    (report_error({"loc": ["index"], "msg": "field required", "type": "x"}), "Bad request: index: field required"),
    (
        report_error({"loc": ["query", "sort", 0], "msg": "no column"}, {"loc": ["limit"], "msg": "too large"}),
        "Bad request: query: sort: 0: no column; limit: too large",
    ),
    (report_error({"msg": "no way"}), "Bad request: no way"),
    (report_error({"loc": "limit", "msg": "no way"}), "Bad request: no way"),
    (report_error({"reason": "no way"}), 'Bad request: {"reason":"no way"}'),
    (report_error("first", {"loc": ["b"], "msg": "second"}), "Bad request: first; b: second"),
    (report_error(), "answered 400 Bad Request."),
    (report_error("Bad request: as ever"), "Bad request: as ever"),
    ({"error_code": "validation_error", "error_desc": "No", "error_desc_details": None}, "No"),
    ({"error_code": "validation_error", "error_desc": "No", "error_desc_details": "because"}, "No: because"),
    ({"error_code": "validation_error", "error_desc": "No", "error_desc_details": {"a": [1]}}, 'No: {"a":[1]}'),
    ({"error_code": "validation_error"}, "validation_error"),
    ({"detail": [{"loc": ["limit"], "msg": "too large"}]}, "limit: too large"),
    ({"detail": "Not here"}, "Not here"),
    ({"error": {"message": "Not here"}}, "Not here"),
    ({"error": "Not here"}, "Not here"),
    ({"errors": ["a", "b"]}, "a; b"),
    (["a", "b"], "a; b"),
    ("null", "the body has no error message"),
    ("", "the body is empty"),
    ("no way", "no way"),
    ("<html><head><title>400 Bad</title></head><body>x</body></html>", "400 Bad"),
    (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}"),
]


@jumping
@pytest.mark.parametrize(("document", "words"), READABLE, ids=range(len(READABLE)))
async def test_bodies_of_other_shapes_are_readable(document: Any, words: str) -> None:
    """The whole message of a 400 is in the error, on one line, and it is not retried."""
    async with client(bad(document)) as (adjust, script):
        error = await refusal_of(adjust)
        assert len(script.requests) == 1
    assert words in str(error)
    assert "\n" not in str(error)


LOOKED_AT: list[tuple[str, list[str], list[str], list[str]]] = [
    ("metric bad_one is unknown", ["day"], ["installs", "bad_one"], ["metric 'bad_one'"]),
    ("Unknown: BAD_ONE", ["day"], ["installs", "bad_one"], ["metric 'bad_one'"]),
    ("Unknown: retention_rate_d7", ["day"], ["installs", "retention_rate_D7"], ["metric 'retention_rate_D7'"]),
    ("Unknown: network_installs", ["day"], ["installs", "network_installs"], ["metric 'network_installs'"]),
    ("Unknown: level up_events", ["day"], ["installs", "level up_events"], ["metric 'level up_events'"]),
    ("Unknown: a.b*c", ["day"], ["installs", "a.b*c"], ["metric 'a.b*c'"]),
    ("invalid: 'bad' and 'worse'", ["day"], ["installs", "bad", "worse"], ["metric 'bad'", "metric 'worse'"]),
    ("unknown contry, and bad", ["app", "contry"], ["installs", "bad"], ["metric 'bad'", "dimension 'contry'"]),
    ("Unknown: bad", ["day"], ["bad"], ["metric 'bad'"]),
    ("installs, clicks by app, os_name: no", ["app", "os_name"], ["installs", "clicks"], []),
    ("you may not", ["app"], ["installs"], []),
]


@jumping
@pytest.mark.parametrize(("words", "dimensions", "metrics", "looked_at"), LOOKED_AT, ids=range(len(LOOKED_AT)))
async def test_only_names_in_the_message_are_reported(
    words: str, dimensions: list[str], metrics: list[str], looked_at: list[str]
) -> None:
    """Names are found as whole words. A service that repeats the query, or names nothing, puts none at fault."""
    async with client(bad(report_error(words))) as (adjust, _):
        error = await refusal_of(adjust, dimensions=dimensions, metrics=metrics)
    _, _, told = error.message.partition("Check ")
    assert [f"the {name}" for name in looked_at] == ([] if not told else told.partition(". ")[0].split("; "))


@jumping
async def test_names_that_are_known_to_be_wrong_are_reported() -> None:
    """If the service names nothing, the names that `filters` did not return are reported."""
    lists = {
        "overview_metrics": [{"id": "installs"}, {"id": "clicks"}],
        "cohort_metrics": [{"id": "retention_rate_d7"}],
        "event_metrics": [],
        "cost_metrics": [],
        "dimensions": [{"id": "day"}, {"id": "country"}],
    }
    async with client(httpx.Response(200, json=lists), bad(report_error("An unknown name"))) as (adjust, _):
        await adjust.reports.filters(list(lists))
        error = await refusal_of(
            adjust, dimensions=["day", "contry"], metrics=["clicks", "instal", "retention_rate_D7"]
        )
        assert error.message == (
            "Bad request: An unknown name. Check the metric 'instal' (did you mean 'installs'?); the dimension "
            "'contry' (did you mean 'country'?)"
        )
        error = await refusal_of(adjust, dimensions=["day"], metrics=["clicks"])
        assert error.message == "Bad request: An unknown name"


@jumping
async def test_narrowed_lists_are_not_all_names() -> None:
    """Partial lists don't make other names unknown."""
    part = {"overview_metrics": [{"id": "clicks"}], "dimensions": [{"id": "day"}]}
    async with client(httpx.Response(200, json=part), httpx.Response(200, json=part), bad(report_error("no way"))) as (
        adjust,
        _,
    ):
        await adjust.reports.filters(["overview_metrics", "dimensions"], contains={"dimensions": "d"})
        await adjust.reports.filters(["overview_metrics", "dimensions"], section="Cost")
        error = await refusal_of(adjust, metrics=["installs"], dimensions=["country"])
    assert error.message == "Bad request: no way"


@jumping
@pytest.mark.parametrize("code", [401, 403, 404, 410, 422])
async def test_other_refusals_are_raised_unchanged(code: int) -> None:
    """Only a 400 is about names: other refusals that happen to hold one are not explained."""
    async with client(httpx.Response(code, json=report_error("installs"))) as (adjust, script):
        with pytest.raises(Exception, match="Bad request: installs") as raised:
            await adjust.reports.fetch(dimensions=["day"], metrics=["installs", "clicks"], date_period=DATES)
        assert len(script.requests) == 1
    assert "Check the metric" not in str(raised.value)


@jumping
async def test_an_error_is_not_changed_after_it_was_raised() -> None:
    """The session's error stays unchanged: the explanation is in a separate error with the same attributes."""
    raised: list[BadRequestError] = []

    async with client(bad(report_error("Unknown: bad"))) as (adjust, _):
        request = adjust._session.request

        async def spied(spec: Any) -> Any:
            try:
                return await request(spec)
            except BadRequestError as error:
                raised.append(error)
                raise

        adjust._session.request = spied  # type: ignore[method-assign] # to see what is raised below
        explained = await refusal_of(adjust, metrics=["installs", "bad"])
    (original,) = raised
    assert explained is not original
    assert original.message == "Bad request: Unknown: bad"
    assert explained.message.startswith(f"{original.message}. Check the metric 'bad'")
    assert vars(explained) == vars(original) | {"message": explained.message}


@jumping
@pytest.mark.parametrize(
    "words", ["No access to this app for the given day", "date_period is too long for this account"]
)
async def test_words_that_are_also_names_explain_nothing(words: str) -> None:
    """`day` and `app` are common words. Without a mention of names, nothing is said about them."""
    async with client(bad(report_error(words))) as (adjust, _):
        error = await refusal_of(adjust, dimensions=["day", "app"], metrics=["installs"])
        assert error.message == f"Bad request: {words}"
