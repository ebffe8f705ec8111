"""The public face of the package: its exports, its imports, and the token that never shows."""

import ast
import inspect
import json
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest

import adjust_async
from adjust_async import AdjustError, AsyncAdjust, errors
from adjust_async._http.connection_errors import connection_error
from adjust_async._http.messages import Where
from adjust_async._http.session import Session
from adjust_async.config import Config

pytestmark = pytest.mark.anyio

PACKAGE = Path(adjust_async.__file__).parent
TOKEN = "s3cr3t-T0ken"

#: Every module of the package except for the emulator's and the command line's, which have no `__all__`.
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if path.name not in {"__init__.py", "__main__.py"} and not {"emulator", "cli"} & set(path.parts)
)


def modules_after(statement: str) -> set[str]:
    """Return all modules that a new interpreter has imported after a statement."""
    code = f"import sys, json; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_the_package_imports_little() -> None:
    """Importing the package imports only its errors and no dependency; a name imports what it needs, and no extra."""
    alone = {".".join(name.split(".")[:2]) for name in modules_after("import adjust_async")}
    assert {name for name in alone if name.startswith("adjust_async")} == {
        "adjust_async",
        "adjust_async._version",
        "adjust_async.errors",
    }
    everything = modules_after("from adjust_async import *") - modules_after("import httpx, httpcore")
    top = {name.partition(".")[0] for name in everything}
    extras = {"aiohttp", "h2", "httptools", "pandas", "polars", "pyarrow", "rich", "starlette", "typer", "uvicorn"}
    assert not top & extras
    assert not [name for name in everything if name.startswith(("adjust_async.cli.", "adjust_async.emulator"))]


def imported_for_types() -> dict[str, str]:
    """Return the module of each name that `adjust_async/__init__.py` imports for type checkers."""
    body = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")).body
    block = next(node for node in body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module).removeprefix("adjust_async.") for node in imports for alias in node.names}


def test_late_imports_are_those_that_type_checkers_see() -> None:
    """The table of late imports matches the block for type checkers, and all of its names can be imported."""
    assert imported_for_types() == adjust_async._MODULES
    for name in adjust_async._MODULES:
        value = getattr(adjust_async, name)
        assert vars(adjust_async)[name] is value
    assert set(adjust_async.__all__) <= set(dir(adjust_async))
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = adjust_async.Nonsense


def test_all_is_sorted_and_importable() -> None:
    """`__all__` is sorted, has no name twice, and all its names exist."""
    assert adjust_async.__all__ == sorted(set(adjust_async.__all__))
    for name in adjust_async.__all__:
        assert hasattr(adjust_async, name)


def test_all_is_complete() -> None:
    """`__all__` has every name that is imported late, and every error."""
    assert set(adjust_async.__all__) == {"__version__", *adjust_async._MODULES, *errors.__all__}


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"_version"}))
def test_each_module_names_its_exports(module: str) -> None:
    """Each module has a docstring and a sorted `__all__` whose names exist."""
    if module in {"integrations.dask", "integrations.dlt"}:
        pytest.importorskip(module.rpartition(".")[2])
    imported = import_module(f"adjust_async.{module}")
    assert imported.__doc__
    assert imported.__all__ == sorted(imported.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(imported, name) for name in imported.__all__)


def error_classes() -> list[type[AdjustError]]:
    """Return every class of `errors`."""
    return [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, AdjustError)]


@pytest.mark.parametrize("cls", error_classes(), ids=lambda cls: cls.__name__)
def test_each_error_is_exported_and_drawn(cls: type[AdjustError]) -> None:
    """Each error class can be imported from the package, and is in the tree of its module's docstring."""
    assert getattr(adjust_async, cls.__name__) is cls
    assert cls.__name__ in (errors.__doc__ or "").replace("(", " ").split()


def public_members() -> dict[str, Any]:
    """Return every class, function, method and property that can be reached from `__all__`, by its name."""
    found: dict[str, Any] = {}
    adjust = AsyncAdjust(
        TOKEN, api_url="https://api.adjust.com", http_client=httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    )
    resources = {type(value) for name, value in vars(adjust).items() if not name.startswith("_")}
    classes = {value for name in adjust_async.__all__ if inspect.isclass(value := getattr(adjust_async, name))}
    for cls in classes | resources:
        found[cls.__qualname__] = cls
        for base in cls.__mro__:
            if not base.__module__.startswith("adjust_async"):
                continue
            for name, member in vars(base).items():
                is_code = inspect.isroutine(member) or isinstance(member, property)
                if is_code and not name.startswith("_"):
                    found[f"{cls.__qualname__}.{name}"] = getattr(cls, name)
    return found


def refuse(request: httpx.Request) -> httpx.Response:
    """Answer nothing."""
    raise NotImplementedError


@pytest.mark.parametrize(("name", "member"), sorted(public_members().items()), ids=sorted(public_members()))
def test_all_that_is_public_is_documented(name: str, member: Any) -> None:
    """Everything that users can reach has a docstring."""
    assert inspect.getdoc(member), name
    if inspect.isclass(member):
        assert member.__doc__, name


def test_there_is_something_to_document() -> None:
    """The search for public names finds the resources and their methods."""
    assert {"AsyncAdjust.aclose", "Trackers.create", "Partners.list", "CursorPages.collect", "Page"} <= set(
        public_members()
    )


def test_the_version_is_the_one_that_is_installed() -> None:
    """`__version__` is a version."""
    assert [part.isdigit() for part in adjust_async.__version__.split(".")[:2]] == [True, True]


# Errors of the layer below.


def subclasses_of(cls: type[Exception]) -> list[type[Exception]]:
    """Return a class and all its subclasses, each once."""
    found = [cls]
    for child in cls.__subclasses__():
        found.extend(sub for sub in subclasses_of(child) if sub not in found)
    return found


def make_error(cls: type[Exception], text: str) -> Exception:
    """Return an error of httpx."""
    made: Any = cls
    request = httpx.Request("GET", "https://api.adjust.com/p")
    if issubclass(cls, httpx.HTTPStatusError):
        return made(text, request=request, response=httpx.Response(500, request=request))  # type: ignore[no-any-return]  # which class it is, `cls` says
    return made(text)  # type: ignore[no-any-return]  # which class it is, `cls` says


def new_session() -> Session:
    """Make a session that sends nothing."""
    adjust = AsyncAdjust(
        TOKEN, api_url="https://api.adjust.com", http_client=httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    )
    return adjust._session


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "cls",
    [cls for cls in subclasses_of(httpx.HTTPError) if cls.__module__.startswith("httpx")],
    ids=lambda c: c.__name__,
)
def test_each_error_of_httpx_is_mapped(cls: type[httpx.HTTPError], method: str) -> None:
    """Each error that httpx can raise becomes one of the tree, with the request, a message, and no token."""
    where = Where(method=method, path="/p", service="api")
    for text in ("broke", "", f"Illegal header value {TOKEN!r}"):
        error: Any = make_error(cls, text)
        mapped = connection_error(where, error, "https://api.adjust.com", new_session().config.token.redact)
        assert isinstance(mapped, (errors.APIConnectionError, errors.DecodeError))
        assert (mapped.method, mapped.path) == (method, "/p")
        assert mapped.message.strip(": ")
        assert TOKEN not in f"{mapped} {mapped!r} {vars(mapped)}"
        never_sent = issubclass(cls, (httpx.PoolTimeout, httpx.ConnectError, httpx.UnsupportedProtocol))
        if isinstance(mapped, errors.APIConnectionError):
            assert mapped.sent is not never_sent
            assert isinstance(mapped, errors.APITimeoutError) == (
                issubclass(cls, httpx.TimeoutException) and cls is not httpx.PoolTimeout
            )


# The token.

ECHOES: dict[str, Callable[[str], httpx.Response]] = {
    "message": lambda token: httpx.Response(401, json={"error": {"message": f"Invalid token {token}"}}),
    "text": lambda token: httpx.Response(403, text=f"token={token} is not allowed"),
    "html": lambda token: httpx.Response(502, html=f"<title>Bad Gateway for {token}</title>"),
    "body": lambda token: httpx.Response(400, json={"error": {"message": "no"}, "headers": {"Authorization": token}}),
    "request id": lambda token: httpx.Response(400, json={"error": {"message": "no", "request_id": token}}),
    "header": lambda token: httpx.Response(400, headers={"X-Request-Id": token}),
    "location": lambda token: httpx.Response(302, headers={"Location": f"https://{token}.example.com/"}),
    "no json": lambda token: httpx.Response(200, text=f"token={token} is not JSON"),
    "page": lambda token: httpx.Response(200, html=f"<title>{token}</title>"),
    "field": lambda token: httpx.Response(200, json={"data": {"items": [{"token": "t", "name": "n", "level": token}]}}),
    "envelope": lambda token: httpx.Response(200, json={"you_sent": token}),
    "next": lambda token: httpx.Response(
        200, json={"data": {"items": [], "paging": {"next": f"https://evil.example/?user_token={token}"}}}
    ),
}


def shown(error: BaseException) -> str:
    """Return everything that an error shows to people, logs and other processes, including its causes."""
    parts = [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
    parts.append(pickle.dumps(error, 0).decode("latin-1"))
    return "\n".join(parts)


async def error_of(respond: Callable[[httpx.Request], httpx.Response]) -> tuple[AdjustError, list[httpx.Request]]:
    """List the trackers of an app. Return the error that ends the walk, and the requests that were sent."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return respond(request)

    transport = httpx.MockTransport(answer)
    async with AsyncAdjust(
        TOKEN, api_url="https://api.adjust.com", max_attempts=1, http_client=httpx.AsyncClient(transport=transport)
    ) as adjust:
        with pytest.raises(AdjustError) as caught:
            await adjust.trackers.list("yxs12pfewq").collect()
    return caught.value, sent


@pytest.mark.parametrize("place", ECHOES)
async def test_a_token_that_comes_back_does_not_show(place: str, caplog: pytest.LogCaptureFixture) -> None:
    """A service, or a proxy, that echoes the token in its answer does not get it into an error, a pickle or a log."""
    with caplog.at_level(logging.DEBUG):
        error, _ = await error_of(lambda _: ECHOES[place](TOKEN))
    assert TOKEN not in shown(error)
    assert TOKEN not in caplog.text


async def test_a_token_in_an_error_of_the_transport_does_not_show(caplog: pytest.LogCaptureFixture) -> None:
    """A transport's message about a request that it could not send is shown without the token."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError(f"Illegal header value {request.headers['authorization']!r}")

    with caplog.at_level(logging.DEBUG):
        error, _ = await error_of(fail)
    assert TOKEN not in f"{error} {error!r} {vars(error)}"
    assert TOKEN not in pickle.dumps(error, 0).decode("latin-1")
    assert TOKEN not in "".join(traceback.format_exception(error))
    assert TOKEN not in caplog.text


async def test_a_token_does_not_show_in_logs_and_urls(caplog: pytest.LogCaptureFixture) -> None:
    """For calls that succeed, fail and are retried, neither a URL nor a DEBUG record has the token."""
    sent: list[httpx.Request] = []
    retries: list[adjust_async.Retry] = []
    tracker = {"token": "abc123", "name": "Adroll"}

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if len(sent) == 1:
            return httpx.Response(503, headers={"Retry-After": "0"})
        return httpx.Response(200, json={"data": {"items": [tracker]}})

    with caplog.at_level(logging.DEBUG):
        transport = httpx.MockTransport(answer)
        async with AsyncAdjust(
            TOKEN,
            api_url="https://api.adjust.com",
            on_retry=retries.append,
            http_client=httpx.AsyncClient(transport=transport),
        ) as adjust:
            await adjust.trackers.list("yxs12pfewq", page_size=5).collect()
            await adjust.trackers.create("yxs12pfewq", "Adroll")
            await adjust.trackers.update("yxs12pfewq", "abc123", partner_id=5)
    assert len(sent) == 4
    assert [request.headers["authorization"] for request in sent] == [f"Token token={TOKEN}"] * 4
    for request in sent:
        assert TOKEN not in str(request.url)
        assert TOKEN.encode() not in request.content
    assert caplog.records
    for record in caplog.records:
        assert TOKEN not in record.getMessage()
        assert TOKEN not in repr(vars(record))
    assert len(retries) == 1
    assert TOKEN not in repr(retries)


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda value: repr(vars(value))])
def test_a_client_does_not_show_its_token(show: Callable[[Any], str]) -> None:
    """No text representation of a client has the token."""
    adjust = AsyncAdjust(
        TOKEN, api_url="https://api.adjust.com", http_client=httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    )
    for value in (adjust, adjust._session, adjust.trackers, adjust.partners):
        assert TOKEN not in show(value)
    pages = adjust.trackers.list("yxs12pfewq")
    assert TOKEN not in show(pages)
    assert TOKEN not in repr(adjust._session.config)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_client_goes_into_no_pickle(protocol: int) -> None:
    """A client can't be pickled, by any protocol, so that no file has its token, and the error does not show it."""
    adjust = AsyncAdjust(
        TOKEN, api_url="https://api.adjust.com", http_client=httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    )
    for value in (adjust, adjust._session.config):
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)) as caught:
            pickle.dumps(value, protocol)
        assert TOKEN not in str(caught.value)


def test_a_refused_token_does_not_show() -> None:
    """A token with a line break at its end is refused without being shown."""
    with pytest.raises(errors.ConfigurationError) as caught:
        AsyncAdjust(f"{TOKEN}\n")
    assert TOKEN not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


def test_a_configuration_has_no_way_around_its_token() -> None:
    """In a configuration the token is an `APIToken`, not text."""
    config: Config = new_session().config
    values = list(attrs.asdict(config, recurse=False).values())
    assert not [value for value in values if isinstance(value, str) and TOKEN in value]
