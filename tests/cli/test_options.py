import json

import pytest

from tests.cli.shell import emulated


def test_order_of_sources() -> None:
    """A flag takes precedence over the environment, and the environment over `~/.adjustrc`."""
    nowhere = "http://127.0.0.1:9"
    with emulated() as shell:
        url = shell.emulator.url
        rc = shell.home / ".adjustrc"
        rc.write_text(f"user_token: {shell.token}\napi_url: {url}\nformat: jsonl\n")
        of_file = shell.invoke("apps", ADJUST_API_URL=None, ADJUST_API_TOKEN=None)
        of_environment = shell.invoke("apps", ADJUST_FORMAT="csv")
        of_flag = shell.invoke("apps", "--format", "json", ADJUST_FORMAT="csv")
        assert shell.invoke("apps", "--api-url", url, "--max-attempts", "1", ADJUST_API_URL=nowhere).status == 0
        assert shell.invoke("apps", "--max-attempts", "1", ADJUST_API_URL=nowhere).status == 4
    assert [json.loads(line)["token"] for line in of_file.out.splitlines()] == shell.apps
    assert of_environment.out.startswith("token,name")
    assert [app["token"] for app in json.loads(of_flag.out)] == shell.apps


@pytest.mark.parametrize(
    "text",
    [
        "app_tokens: {0},{1}\n",
        "app_tokens = '{0}, {1}'  # both\n",
        "app_tokens: [{0}, '{1}']\n",
        '{{"app_tokens": ["{0}", "{1}"]}}',
    ],
)
def test_forms_of_adjustrc(text: str) -> None:
    """`~/.adjustrc` may be YAML, INI or JSON; a list there is a list here."""
    with emulated() as shell:
        (shell.home / ".adjustrc").write_text(text.format(*shell.apps))
        question = ("--dimensions", "app", "--metrics", "installs", "--date-period", "2026-01-01:2026-01-02")
        rows = json.loads(shell.invoke("report", *question, "--format", "json").out)
    assert [row["app_token"] for row in rows] == shell.apps


def test_a_file_that_others_can_write() -> None:
    """`~/.adjustrc` that others can write is refused: they could send the token elsewhere."""
    with emulated() as shell:
        (shell.home / ".adjustrc").write_text("api_url: http://127.0.0.1:9\n")
        (shell.home / ".adjustrc").chmod(0o666)
        finished = shell.invoke("apps")
        assert shell.invoke("apps", "--help").status == 0
    assert finished.status == 2
    assert "chmod go-w" in finished.err


def test_options_of_the_client_may_be_anywhere() -> None:
    """The client's options may come before the command or after it; those after it take precedence."""
    with emulated() as shell:
        url, nowhere = shell.emulator.url, "http://127.0.0.1:9"
        assert shell.invoke("--api-url", url, "apps", ADJUST_API_URL=nowhere).status == 0
        assert shell.invoke("apps", "--api-url", url, ADJUST_API_URL=nowhere).status == 0
        assert shell.invoke("--api-url", nowhere, "apps", "--api-url", url).status == 0
        shell.invoke("--campaign-version", "v2", "partners")
        shell.invoke("partners", "--campaign-version", "v2")
        assert "two" not in shell.invoke("partners", "--max-concurrency", "two").out
    assert [request.path for request in shell.emulator.requests][-2:] == ["/public/v2/partners"] * 2


def test_switches_from_the_environment() -> None:
    """A switch is set by `true`, and by its flag against the environment."""
    question = ("--start-date", "2026-01-01", "--end-date", "2026-01-01")
    with emulated() as shell:
        app = shell.apps[0]
        shell.invoke("kpis", "deliverables", app, *question, ADJUST_SANDBOX="true")
        shell.invoke("kpis", "deliverables", app, *question, "--no-sandbox", ADJUST_SANDBOX="true")
        queries = [str(request.query) for request in shell.emulator.requests]
    assert "true" in queries[0].partition("sandbox")[2][:12]
    assert "false" in queries[1].partition("sandbox")[2][:12]


def test_filters_keep_commas() -> None:
    """`--filter` is repeated, because values may contain commas; comparisons take numbers."""
    question = ("--dimensions", "network", "--metrics", "installs", "--date-period", "2026-01-01:2026-01-03")
    with emulated() as shell:
        everything = json.loads(shell.invoke("report", *question, "--format", "json").out)
        names = [row["network"] for row in everything][:2]
        chosen = [option for name in names for option in ("--filter", f"network__in={name}")]
        some = json.loads(shell.invoke("report", *question, *chosen, "--format", "json").out)
        many = json.loads(shell.invoke("report", *question, "--filter", "installs__gte=10", "--format", "json").out)
    assert [row["network"] for row in some] == names
    assert many == [row for row in everything if row["installs"] >= 10]


def test_negative_periods_are_not_options() -> None:
    """A period may begin with a dash, and so may a name to sort by."""
    with emulated() as shell:
        finished = shell.invoke(
            *("report", "--dimensions", "day", "--metrics", "installs", "--date-period", "-7d:-1d"),
            *("--sort", "-installs", "--format", "json"),
        )
    figures = [row["installs"] for row in json.loads(finished.out)]
    assert len(figures) == 7
    assert figures == sorted(figures, reverse=True)


def test_the_token_is_not_a_flag() -> None:
    """There is no option for the API token, which would appear in the list of processes."""
    with emulated() as shell:
        for option in ("--token", "--api-token", "--user-token"):
            finished = shell.invoke("apps", option, shell.token)
            assert finished.status == 2
            assert f"No such option: {option}" in finished.err


def test_the_token_is_asked_for_in_a_terminal() -> None:
    """If there is no token, a terminal is asked for it, and does not show it."""
    with emulated() as shell, shell.terminal("apps", ADJUST_API_TOKEN=None) as terminal:
        terminal.wait_for("API token: ")  # what is typed before that is discarded
        terminal.press(f"{shell.token}\n")
        assert terminal.finish() == 0
    assert shell.apps[0] in terminal.text
    assert shell.token not in terminal.text


def test_verbose_shows_requests_and_retries() -> None:
    """`--verbose` logs requests and retries to stderr, without the token."""
    with emulated(faults=["500"]) as shell:
        finished = shell.invoke("partners", "--verbose", "--format", "csv")
        quiet = shell.invoke("partners", "--format", "csv")
    assert "/public/v1/partners" in finished.err
    assert "500" in finished.err
    assert shell.token not in finished.err
    assert finished.out == quiet.out
    assert quiet.err == ""
