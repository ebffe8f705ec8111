"""`adjust_async.integrations.fastapi`: the lifespan, the dependency, error responses, and records in routes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import Body, FastAPI, WebSocket
from fastapi.testclient import TestClient

from adjust_async import (
    AdjustError,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    App,
    AsyncAdjust,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    DecodeError,
    GoneError,
    NotFoundError,
    Partner,
    PermissionDeniedError,
    PlanError,
    PoolExhaustedError,
    ProvisionOutcome,
    ProvisionResult,
    RateLimitError,
    ServerError,
    Tracker,
    TrackerSpec,
)
from adjust_async.emulator import Emulator, Faults
from adjust_async.integrations.fastapi import Adjust, answer_to, get_adjust, install_error_handlers, lifespan

WHERE: dict[str, Any] = {"method": "GET", "path": "/public/v1/partners"}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator in a thread, because `TestClient` runs the application in another one."""
    with Emulator(apps=2, trackers_per_app=5) as running:
        yield running


def of(emulator: Emulator, **options: Any) -> dict[str, Any]:
    """Return the options of a client of the emulator."""
    return {"token": emulator.token, "api_url": emulator.url, **options}


def test_one_client_is_open_while_the_application_runs(emulator: Emulator) -> None:
    """Routes, websockets and mounted applications get one client, closed at the end; a new run opens another."""
    app, mounted = FastAPI(lifespan=lifespan(**of(emulator))), FastAPI()
    app.mount("/below", mounted)
    seen: list[AsyncAdjust] = []

    @app.get("/")
    @mounted.get("/")
    async def route(adjust: Adjust) -> int:
        seen.append(adjust)
        return len(await adjust.partners.list().collect())

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, adjust: Adjust) -> None:
        seen.append(adjust)
        await websocket.accept()
        await websocket.close()

    for _ in range(2):
        with TestClient(app) as client:
            assert client.get("/").json() == client.get("/below/").json() > 0
            with client.websocket_connect("/socket"):
                pass
            assert app.state.adjust is seen[-1]
    first, second = set(seen[:3]), set(seen[3:])
    assert len(first) == len(second) == 1
    assert first != second
    assert all("closed" in repr(adjust) for adjust in seen)


@pytest.mark.parametrize("within", [False, True])
def test_it_composes_with_a_lifespan_of_the_applications_own(emulator: Emulator, within: bool) -> None:
    """The application's own lifespan may use the client from its start to its end, and its state is kept."""
    told: list[str] = []

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        partners = await app.state.adjust.partners.list(max_items=1).collect()
        yield {"partner": partners[0].display_name}
        told.append(repr(app.state.adjust))

    @asynccontextmanager
    async def around(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        async with lifespan(**of(emulator))(app), own(app) as state:
            yield state

    app = FastAPI(lifespan=around if within else lifespan(own, **of(emulator)))

    @app.get("/")
    async def route(adjust: Adjust) -> str:
        return repr(adjust)

    with TestClient(app) as client:
        assert client.app_state["partner"]
        assert client.get("/").status_code == 200
    assert "closed" not in told[0]
    assert "closed" in repr(app.state.adjust)


def test_a_failing_lifespan_closes_the_client(emulator: Emulator) -> None:
    """If the application's own start fails, the client is closed and the failure is raised unchanged."""

    @asynccontextmanager
    async def own(_: FastAPI) -> AsyncIterator[object]:
        yield dict[str, str]()["no database"]

    app = FastAPI(lifespan=lifespan(own, **of(emulator)))
    with pytest.raises(KeyError, match="no database"), TestClient(app):
        raise AssertionError
    assert "closed" in repr(app.state.adjust)


def test_wrong_options_fail_early() -> None:
    """An unknown name fails when the application is made, a wrong value when it starts, without the token."""
    with pytest.raises(TypeError, match="max_atempts"):
        lifespan(max_atempts=3)
    with pytest.raises(ConfigurationError, match="drain is -1"):
        lifespan(drain=-1)
    with pytest.raises(ConfigurationError, match="drain is a number of type int with thousands of digits"):
        lifespan(drain=10**5000)
    with pytest.raises(ConfigurationError, match="own is 'mine': pass the lifespan of the application"):
        lifespan("mine")  # type: ignore[arg-type]
    app = FastAPI(lifespan=lifespan(token="a-secret-api-token", timeout=-1))
    with pytest.raises(ConfigurationError, match="timeout is -1") as caught, TestClient(app):
        raise AssertionError
    traceback = caught.tb
    while traceback is not None:
        if "adjust_async" in traceback.tb_frame.f_code.co_filename:
            assert "a-secret-api-token" not in repr(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next  # type: ignore[assignment]


@pytest.mark.parametrize("value", [None, "app", ValueError("mine")])
def test_other_objects_are_refused(value: Any) -> None:
    """Anything but an application, or an error of the package, is refused with a hint."""
    with pytest.raises(ConfigurationError, match=r"app is .*: pass a FastAPI or Starlette application"):
        install_error_handlers(value)
    with pytest.raises(ConfigurationError, match=r"error is .*: pass an AdjustError"):
        answer_to(value)


def test_without_the_lifespan(emulator: Emulator) -> None:
    """A route of an application that was not started says what to do, and the dependency can be replaced."""
    app = FastAPI(lifespan=lifespan(**of(emulator)))

    @app.get("/")
    async def route(adjust: Adjust) -> str:
        return repr(adjust)

    with pytest.raises(RuntimeError, match="with TestClient"):
        TestClient(app).get("/")
    adjust = AsyncAdjust(emulator.token, api_url=emulator.url)
    app.dependency_overrides[get_adjust] = lambda: adjust
    assert emulator.url in TestClient(app).get("/").text


def status_error(cls: type[APIStatusError], status: int, **details: Any) -> APIStatusError:
    """Return an error that Adjust answered."""
    return cls("Adjust's words", status=status, request_id="Fc-1", **(WHERE | details))


POST = {"method": "POST", "path": "/public/v1/apps/app/trackers"}


@pytest.mark.parametrize(
    ("error", "status", "retry_after", "detail"),
    [
        (status_error(BadRequestError, 400), 400, None, "Adjust's words"),
        (status_error(AuthenticationError, 401), 502, None, "Adjust did not answer as expected"),
        (status_error(PermissionDeniedError, 403), 502, None, "Adjust did not answer as expected"),
        (status_error(NotFoundError, 404), 404, None, "Adjust's words"),
        (status_error(GoneError, 410), 502, None, "Adjust did not answer as expected"),
        (status_error(APIStatusError, 422), 422, None, "Adjust's words"),
        (status_error(RateLimitError, 429), 429, "1", "Adjust's limits are reached; try again later"),
        (status_error(RateLimitError, 429, retry_after=7.2), 429, "8", "Adjust's limits are reached; try again later"),
        (status_error(ServerError, 500), 502, None, "Adjust did not answer as expected"),
        (status_error(ServerError, 503), 503, "1", "Adjust can't be asked right now; try again later"),
        (status_error(ServerError, 503, retry_after=30), 503, "30", "Adjust can't be asked right now; try again later"),
        (status_error(ServerError, 503, **POST), 503, None, "Adjust can't be asked right now; try again later"),
        (status_error(ServerError, 504), 504, None, "Adjust did not answer in time"),
        (APITimeoutError("late", **WHERE), 504, None, "Adjust did not answer in time"),
        (APIConnectionError("refused", **WHERE), 502, None, "Adjust did not answer as expected"),
        (PoolExhaustedError("busy", **WHERE), 503, "1", "Adjust can't be asked right now; try again later"),
        (ClientClosedError("closed"), 503, "1", "Adjust can't be asked right now; try again later"),
        (DecodeError("no JSON", location="$", **WHERE), 502, None, "Adjust did not answer as expected"),
        (ConfigurationError("app_token is 'a b'"), 422, None, "app_token is 'a b'"),
        (PlanError("entry 1 is wrong"), 422, None, "entry 1 is wrong"),
        (AdjustError("several trackers"), 502, None, "Adjust did not answer as expected"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_become_answers(
    error: AdjustError, status: int, retry_after: str | None, detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Every error has its status; a doubtful write invites no second one, and the log has the complete error."""
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/")
    async def route() -> None:
        raise error

    answer = TestClient(app).get("/")
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry_after)
    body = answer.json()
    assert body.pop("detail") == detail
    assert body.pop("in_doubt", False) is error.in_doubt
    assert body.pop("request_id", None) == error.request_id
    assert not body
    assert ([str(error) in record.message for record in caplog.records] == [True]) is (status >= 500)


def test_errors_over_the_wire(emulator: Emulator) -> None:
    """The emulator's errors become the right statuses."""
    app = FastAPI(lifespan=lifespan(**of(emulator, max_attempts=1)))
    install_error_handlers(app)

    @app.get("/trackers/{app_token}")
    async def trackers(app_token: str, adjust: Adjust) -> list[Tracker]:
        return await adjust.trackers.list(app_token).collect()

    with TestClient(app) as client:
        assert client.get("/trackers/nosuchapp").status_code == 404
        assert client.get("/trackers/a%20b").status_code == 422
        emulator.faults = Faults.script(["429-retry-after"])
        refused = client.get(f"/trackers/{emulator.app_tokens[0]}")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")


def test_records_are_response_models(emulator: Emulator) -> None:
    """Trackers, partners, apps and results are written as `to_dict` returns them, and described in OpenAPI."""
    app = FastAPI(lifespan=lifespan(**of(emulator)))

    @app.get("/trackers")
    async def trackers(adjust: Adjust) -> list[Tracker]:
        return await adjust.trackers.list(emulator.app_tokens[0]).collect()

    @app.get("/partner")
    async def partner(adjust: Adjust) -> Partner | None:
        return (await adjust.partners.list(max_items=1).collect())[0]

    @app.get("/apps")
    async def apps(adjust: Adjust) -> dict[str, list[App]]:
        return {"apps": await adjust.apps.list()}

    @app.post("/one")
    async def one(spec: Annotated[TrackerSpec, Body()], adjust: Adjust) -> ProvisionOutcome:
        return (await adjust.trackers.provision(emulator.app_tokens[0], [spec])).outcomes[0]

    @app.post("/many")
    async def many(specs: list[TrackerSpec], adjust: Adjust, dry_run: bool = False) -> ProvisionResult:
        return await adjust.trackers.provision(emulator.app_tokens[0], specs, dry_run=dry_run)

    @app.get("/bare")
    async def bare(adjust: Adjust):  # type: ignore[no-untyped-def]
        return [tracker.to_dict() async for tracker in adjust.trackers.list(emulator.app_tokens[0])]

    with TestClient(app) as client:
        listed = client.get("/trackers").json()
        assert listed == client.get("/bare").json()
        assert [Tracker(**tracker).to_dict() for tracker in listed] == listed
        assert listed[0]["app_token"] == emulator.app_tokens[0]
        assert client.get("/partner").json()["display_name"]
        assert [found["token"] for found in client.get("/apps").json()["apps"]] == list(emulator.app_tokens)
        created = client.post("/one", json={"path": "Brand::New", "cost_data_enabled": False}).json()
        assert (created["status"], created["tracker"]["name"], created["error"]) == ("created", "Brand::New", None)
        result = client.post("/many", json=[{"path": "Brand::New"}, {"path": "Other"}]).json()
        assert result["counts"] == {"created": 1, "updated": 0, "unchanged": 1, "failed": 0}
        assert [outcome["path"] for outcome in result["outcomes"]] == ["Brand::New", "Other"]
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert schemas["Tracker"]["properties"]["partner_id"]["anyOf"] == [{"type": "integer"}, {"type": "null"}]
    assert schemas["TrackerSpec"]["required"] == ["path"]


@pytest.mark.parametrize(
    "wrong",
    [{}, {"path": 5}, {"path": "A", "partner_id": "5"}, {"path": "A", "partner_id": True}, {"path": "A", "partnr": 1}],
)
def test_wrong_bodies_are_refused(wrong: dict[str, Any]) -> None:
    """A body with a missing field, a wrong type or an unknown field is a 422, because nothing is guessed."""
    app = FastAPI()

    @app.post("/")
    async def route(spec: Annotated[TrackerSpec, Body()]) -> None:
        raise AssertionError(spec)

    assert TestClient(app).post("/", json=wrong).status_code == 422
