"""`sync`: the account in a DuckDB file, from the shell."""

from pathlib import Path

import pytest

from tests.cli.shell import emulated

pytest.importorskip("dlt", reason="needs the extra dlt, which `nox -s integrations` installs")

QUESTION = ("--metrics", "installs,cost", "--app-tokens")


def environment(folder: Path) -> dict[str, str]:
    """Return variables that keep the pipeline's own files in the test's folder."""
    return {"DLT_DATA_DIR": str(folder / "dlt")}


def test_inserted_restated_and_left_rows(tmp_path: Path) -> None:
    """A first sync inserts, a second one restates, and an app that fails is named and makes the status 1."""
    with emulated() as shell:
        apps = ",".join(shell.apps)
        first = shell.run("sync", *QUESTION, apps, **environment(tmp_path))
        shell.emulator.app_states[shell.apps[0]] = "forbidden"
        second = shell.run("sync", *QUESTION, apps, **environment(tmp_path))
        assert shell.token not in "".join((*first[1:], *second[1:]))
        written = (shell.home / "adjust_warehouse.duckdb").exists()
    assert first.status == 0, first.err
    assert "0 restated, 0 apps left as stored" in first.out
    assert {line.partition(":")[0] for line in first.out.splitlines()} == {
        *("reports", "trackers", "partners", "apps", "events")
    }
    assert written
    assert second.status == 1
    reports = next(line for line in second.out.splitlines() if line.startswith("reports"))
    assert "0 restated" not in reports
    assert "1 app left as stored" in reports
    assert f"Warning: reports keeps the earlier rows of app {shell.apps[0]}, which failed" in second.err


def test_wrong_usage_and_a_wrong_token(tmp_path: Path) -> None:
    """An unknown destination and wrong days are wrong usage; a wrong token is reported as by every command."""
    with emulated() as shell:
        unknown = shell.run("sync", "--destination", "nowhere", **environment(tmp_path))
        days = shell.run("sync", "--start-date", "yesterday", **environment(tmp_path))
        refused = shell.run("sync", ADJUST_API_TOKEN="another-token", **environment(tmp_path))
    assert (unknown.status, days.status, refused.status) == (2, 2, 3), (unknown.err, days.err, refused.err)
    assert "nowhere" in unknown.err
    assert "--start-date" in days.err
    assert all("Traceback" not in finished.err for finished in (unknown, days, refused))
