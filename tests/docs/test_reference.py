"""The reference is complete: every public name, every report option, every error, every extra."""

import ast
import inspect
import re
import tomllib
from functools import cache
from importlib import import_module
from itertools import pairwise
from types import ModuleType

import pytest

import adjust_async
from adjust_async import coordination, emulator, errors, progress, transports
from adjust_async.coordination import conformance, redis
from adjust_async.integrations import fastapi
from adjust_async.reports.parameters import ReportQuery
from adjust_async.reports.resource import Reports
from adjust_async.testing import plugin
from tests.docs.blocks import ROOT

REFERENCE = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs/reference").glob("*.md")}
DIRECTIVES = {name for text in REFERENCE.values() for name in re.findall(r"^::: ([\w.]+)", text, re.MULTILINE)}
OPTIONS = set(re.findall(r"^\| (`[^|]+) \|", REFERENCE["report-options.md"], re.MULTILINE))

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
#: All but those for work on the project.
USER_EXTRAS = set(EXTRAS) - {"bench", "dev", "docs"}

#: Described in words, or of use to the package alone.
ELSEWHERE = {"Adjust", "check_on_progress"}

#: The option for the file is in the signature; the others are explained once, in the table.
IN_SIGNATURES = {"self", "path", "query"}


@cache
def documented_aliases() -> set[str]:
    """Return the names that are assigned in one of these modules, with a docstring below."""
    names: set[str] = set()
    for module in (conformance, redis, progress):
        body = ast.parse(inspect.getsource(module)).body
        for assigned, below in pairwise(body):
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                targets = assigned.targets if isinstance(assigned, ast.Assign) else [getattr(assigned, "target", None)]
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("name", sorted(set(adjust_async.__all__) - {"__version__"}))
def test_each_public_name_has_its_place(name: str) -> None:
    """Everything that the package exports is rendered from its docstring on one of the pages."""
    assert name in {directive.rpartition(".")[2] for directive in DIRECTIVES}


@pytest.mark.parametrize(
    "name",
    [
        f"{package.__name__}.{name}"
        for package in (transports, emulator, plugin, coordination, conformance, progress, fastapi)
        for name in package.__all__
        if not name.isupper() and name not in ELSEWHERE
    ],
)
def test_each_name_of_a_public_package_has_its_place(name: str) -> None:
    """Everything that these packages export is rendered too, except groups of faults, which are constants."""
    assert name in DIRECTIVES or name.rpartition(".")[0] in DIRECTIVES


@pytest.mark.parametrize("package", [coordination, conformance], ids=lambda package: package.__name__)
def test_each_name_of_a_package_that_is_rendered_whole_is_documented(package: ModuleType) -> None:
    """The reference leaves out names without a docstring, such as aliases of types."""
    for name in package.__all__:
        found = getattr(package, name)
        own = inspect.isclass(found) or inspect.isfunction(found)
        assert inspect.getdoc(found) if own else name in documented_aliases(), name


def test_each_group_of_faults_is_named() -> None:
    """The page of the emulator names the constants that it exports."""
    assert all(f"`{name}`" in REFERENCE["emulator.md"] for name in emulator.__all__ if name.isupper())


@pytest.mark.parametrize("name", sorted(USER_EXTRAS))
def test_each_extra_is_explained_once(name: str) -> None:
    """The page of extras has one line for each extra that users install."""
    assert re.findall(r"^\| `(\w+)` \|", REFERENCE["extras.md"], re.MULTILINE).count(name) == 1


def test_no_other_extra_is_explained() -> None:
    """An extra that is gone is gone from its page too."""
    assert set(re.findall(r"^\| `(\w+)` \|", REFERENCE["extras.md"], re.MULTILINE)) == USER_EXTRAS


@pytest.mark.parametrize("name", ["trackers", "partners", "kpis", "reports", "apps"])
def test_each_resource_has_its_place(name: str) -> None:
    """The class behind each attribute of the client is rendered, too."""
    adjust = adjust_async.AsyncAdjust("a-token")
    resource = type(getattr(adjust, name))
    assert f"{resource.__module__}.{resource.__qualname__}" in DIRECTIVES


@pytest.mark.parametrize("directive", sorted(DIRECTIVES))
def test_each_directive_leads_somewhere(directive: str) -> None:
    """What the pages render can be imported and is documented."""
    for engine in ("dask", "dlt"):
        if directive.startswith(f"adjust_async.integrations.{engine}."):
            pytest.importorskip(engine, reason=f"needs the extra {engine}, which `nox -s integrations` installs")
    try:
        found = import_module(directive)
    except ModuleNotFoundError:
        module, _, name = directive.rpartition(".")
        found = getattr(import_module(module), name)
    assert inspect.getdoc(found) or directive.rpartition(".")[2] in documented_aliases()


@pytest.mark.parametrize("name", sorted(adjust_async.__all__))
def test_each_attribute_has_a_line_of_its_own(name: str) -> None:
    """The reference would take the second of two names before a colon for the type of the first one."""
    section = (inspect.getdoc(getattr(adjust_async, name)) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    assert not re.findall(r"^ +\w+, \w[^:\n]*:", section, re.MULTILINE)


def test_each_report_option_has_its_line() -> None:
    """Every argument of every report method is in the table, and nothing else."""
    methods = ("fetch", "stream", "pivot", "iter_csv", "download_csv", "read_parquet", "download_parquet")
    arguments = {name for method in methods for name in inspect.signature(getattr(Reports, method)).parameters}
    taken = arguments - IN_SIGNATURES | set(ReportQuery.__annotations__) | {"readable_names"}
    shown = {name for cell in OPTIONS for name in re.findall(r"`([a-z_]+)`", cell)}
    assert {name for name in shown if not name.startswith("__")} == taken


def error_classes() -> list[type[adjust_async.AdjustError]]:
    """Return every class of `errors`."""
    return [getattr(errors, name) for name in errors.__all__ if inspect.isclass(getattr(errors, name))]


@pytest.mark.parametrize("cls", error_classes(), ids=lambda cls: cls.__name__)
def test_each_error_says_what_to_do(cls: type[adjust_async.AdjustError]) -> None:
    """The page of errors has each error in its tree, with its meaning and what to do."""
    page = REFERENCE["errors.md"]
    tree = page.partition("```text")[2].partition("```")[0]
    assert re.search(rf"\b{cls.__name__}\b", tree)
    if cls is not adjust_async.AdjustError:
        section = page.partition(f"\n## {cls.__name__}\n")[2].partition("\n## ")[0]
        assert "**It means**" in section
        assert "**What to do:**" in section


def test_the_tree_is_drawn_as_it_is() -> None:
    """Each error in the drawn tree is below the class that it derives from."""
    tree = REFERENCE["errors.md"].partition("```text\n")[2].partition("```")[0]
    above: list[str] = []
    for line in tree.splitlines():
        name = re.search(r"[A-Z]\w+", line)
        assert name
        depth = name.start() // 4
        cls = getattr(adjust_async, name[0])
        del above[depth:]
        if above:
            assert cls.__bases__[0].__name__ == above[-1]
        above.append(name[0])
