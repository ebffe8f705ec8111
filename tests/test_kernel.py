"""A notebook in a real kernel, against the emulator, as an analyst sees it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adjust_async.emulator import Emulator

nbclient = pytest.importorskip("nbclient", reason="nbclient and ipykernel are not installed")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

pytestmark = pytest.mark.slow

NOTEBOOK = """\
from adjust_async import AsyncAdjust, progress
adjust = AsyncAdjust()
adjust
# %%
apps = [app.token for app in await adjust.apps.list()]
question = {"metrics": ["installs"], "date_period": "2026-01-01:2026-01-20"}
await adjust.reports.fetch(**question, dimensions=["day", "app"], app_tokens=apps)
# %%
import adjust_async
from IPython import get_ipython
from IPython.core.completer import provisionalcompleter
for typed in "adjust_async.Trac", "adjust.reports.fetch(metr", "adjust.kpis.deliverables(gro":
    with provisionalcompleter():
        print([found.text for found in get_ipython().Completer.completions(typed, len(typed))])
# %%
print(get_ipython().object_inspect_text("adjust.reports.fetch"))
# %%
with progress.bar() as on_progress:
    await adjust.reports.fetch(**question, dimensions=["day"], app_tokens=apps, on_progress=on_progress)
# %%
await adjust.reports.fetch(dimensions=["day"], metrics=["installs"], date_period="last_7_days")
# %%
await adjust.aclose()
adjust
"""


def text_of(cell: Any) -> str:
    """Return everything that a cell shows, as text."""
    shown = []
    for output in cell.outputs:
        shown.append(output.get("text", ""))
        shown += [str(value) for value in output.get("data", {}).values()]
        shown += output.get("traceback", [])
    return "\n".join(shown)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator in a thread."""
    with Emulator(apps=2, trackers_per_app=3) as running:
        yield running


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_notebook(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Representations, completion, help, a progress bar, and an error whose last line says what would be right."""
    monkeypatch.setenv("ADJUST_API_TOKEN", emulator.token)
    monkeypatch.setenv("ADJUST_API_URL", emulator.url)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    cells = [nbformat.v4.new_code_cell(source) for source in NOTEBOOK.split("# %%\n")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True).execute()
    client, report, completion, help_, bar, mistake, closed = map(text_of, notebook.cells)
    token = emulator.token
    assert "<AsyncAdjust http://127.0.0.1" in client
    assert "<p>Report of 40 rows, 2026-01-01 to 2026-01-20</p><table>" in report
    assert report.count("<tr>") == 21
    assert "Tracker" in completion
    assert "metrics=" in completion
    assert "grouping=" in completion
    assert "Return a report." in help_
    assert "date_period" in help_
    # rich draws into a widget, whose state is stored outside of the cells.
    assert "Output()" in bar
    assert "2/2" in str(notebook.metadata["widgets"])
    assert "ConfigurationError" in mistake
    assert "pass '-7d:-1d', or two dates" in mistake
    assert "closed>" in closed
    assert not any(token in shown for shown in (client, report, completion, help_, bar, mistake, closed))
