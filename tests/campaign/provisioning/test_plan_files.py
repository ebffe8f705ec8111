"""Plans from CSV and JSON Lines files, and the report of every bad line."""

import csv
import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from adjust_async import ConfigurationError, PlanError, TrackerSpec, load_plan
from adjust_async.campaign.paths import LEVELS
from adjust_async.campaign.provisioning.plan import TOLD
from tests.provisioning_plans import PARTS

HEADER = "path,partner_id,partner,cost_data_enabled\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for the files."""
    return tmp_path


def load(folder: Path, text: str | bytes, suffix: str = ".csv") -> list[TrackerSpec]:
    """Read a plan from a file of that text."""
    file = folder / f"plan{suffix}"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_plan(file)


def paths(specs: list[TrackerSpec]) -> list[str]:
    """Return the paths."""
    return [spec.path for spec in specs]


def problems(folder: Path, text: str | bytes, suffix: str = ".csv") -> dict[int, str]:
    """Return the problem of each line of a file."""
    with pytest.raises(PlanError) as caught:
        load(folder, text, suffix)
    told = caught.value.problems
    assert [number for number, _ in told] == sorted(number for number, _ in told)
    assert len(dict(told)) == len(told)
    assert all(f"line {number}: {problem}" in str(caught.value) for number, problem in told[:TOLD])
    return dict(told)


def test_a_csv_of_paths(folder: Path) -> None:
    """Each line is a spec with its settings. Empty and missing cells leave a setting unchanged."""
    text = f"{HEADER}A,33,,true\nB::C,,AppLovin,FALSE\nD\nE,,,\nF, 174 , , True \n"
    assert load(folder, text) == [
        TrackerSpec("A", partner_id=33, cost_data_enabled=True),
        TrackerSpec("B::C", partner="AppLovin", cost_data_enabled=False),
        TrackerSpec("D"),
        TrackerSpec("E"),
        TrackerSpec("F", partner_id=174, cost_data_enabled=True),
    ]


def test_a_csv_of_levels(folder: Path) -> None:
    """Levels in any order of columns make a path, down to the last level with a name."""
    text = "creative,campaign,partner_id,network,adgroup\n,,,A,\n,B,5,A,\nD,B,,A,C\n"
    assert load(folder, text) == [TrackerSpec("A"), TrackerSpec("A::B", partner_id=5), TrackerSpec("A::B::C::D")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_byte_order_marks_change_nothing(folder: Path, end: str, mark: str, last: bool) -> None:
    """Files from Windows, Unix, an old Mac and Excel, or without a final line break, are all read the same."""
    text = end.join(["path,partner_id", "A,1", "", '"B, ""the"" second",', "Ć::夢,3"]) + (end if last else "")
    specs = [TrackerSpec("A", partner_id=1), TrackerSpec('B, "the" second'), TrackerSpec("Ć::夢", partner_id=3)]
    assert load(folder, mark + text) == specs
    lines = end.join(['"A"', "", '{"path": "Ć::夢", "partner_id": 3}']) + (end if last else "")
    if end != "\r":
        assert load(folder, mark + lines, ".jsonl") == [TrackerSpec("A"), specs[2]]


def test_blank_lines_are_skipped_and_counted(folder: Path) -> None:
    """Blank lines are skipped anywhere, but count for the numbers of the others."""
    text = "\n , \npath,partner_id\n\nA,\n,\n   \nB::,\n\n"
    assert list(problems(folder, text)) == [8]
    assert paths(load(folder, text.replace("B::", "B"))) == ["A", "B"]
    lines = '\n  \n"A"\n\t\n"B::"\n'
    assert list(problems(folder, lines, ".jsonl")) == [5]
    assert paths(load(folder, lines.replace("::", ""), ".jsonl")) == ["A", "B"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".ndjson", ".json", ".CSV"])
def test_an_empty_file_is_an_empty_plan(folder: Path, suffix: str) -> None:
    """A file without lines has no entries."""
    assert load(folder, "", suffix) == load(folder, "\n\n", suffix) == load(folder, "\ufeff", suffix) == []


def test_only_a_header_is_an_empty_plan(folder: Path) -> None:
    """A table without rows has no entries."""
    assert load(folder, HEADER) == []


def test_a_cell_may_go_over_lines_and_they_are_counted(folder: Path) -> None:
    """A quoted cell with line breaks is one entry, and those after it keep the numbers of their lines."""
    text = 'path\n"A\nB\nC"\nD::\n"E\n\nF::"\nG::\n'
    assert list(problems(folder, text)) == [5, 6, 9]
    (spec,) = load(folder, 'path\n"A\nB"\n')
    assert spec.path == "A\nB"


def test_all_mistakes_of_a_csv_are_reported_at_once(folder: Path) -> None:
    """Every bad line is reported with its number and its problem, and no good line is."""
    lines = {
        "path,partner_id,partner,cost_data_enabled": None,
        "Good": None,
        "A::B::C::D::E": "has 5 levels",
        "A::::C": "the campaign is empty",
        "Good,5": "has other settings in line 2",
        "A:::B": "begins or ends with ':'",
        "B,33.0": "partner_id is '33.0'",
        "C,+3": "partner_id is '+3'",
        "D,0": "partner_id is 0",
        "E,-1": "partner_id is '-1'",
        "F,٣": "partner_id is '٣'",
        "G,9223372036854775808": "partner_id is '9223372036854775808'",
        "H,1e3": "partner_id is '1e3'",
        "I,AppLovin": "partner_id is 'AppLovin'",
        "J,,,1": "cost_data_enabled is '1'",
        "K,,,yes": "cost_data_enabled is 'yes'",
        "L,33,AppLovin": "both set",
        "M,,,,": "it has 5 cells, and the header 4",
        "N,,,true,x": "quote names with commas",
        ",33": "the network is empty",
        "Fine,033": None,
    }
    told = problems(folder, "\n".join(lines))
    expected = {number: problem for number, problem in enumerate(lines.values(), 1) if problem}
    assert list(told) == list(expected)
    for number, problem in expected.items():
        assert problem in told[number]


def test_all_mistakes_of_levels_are_reported_at_once(folder: Path) -> None:
    """A level that is missing above another one, `::` within one, and a path next to levels are reported by line."""
    text = "network,campaign,adgroup,path\nA,B,C\nA,,C\n,B,\nA,B::C,\nA,,,X\n,,,X\nA:,B\n"
    told = problems(folder, text)
    assert list(told) == [3, 4, 5, 6, 8]
    assert told[3] == "the campaign is empty: every level needs a name"
    assert told[4] == "the network is empty: every level needs a name"
    assert "'B::C' contains '::'" in told[5]
    assert "both present" in told[6]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("path,colour", "unknown column 'colour': use path, network"),
        ("Path", "unknown column 'Path'"),
        ("path;partner_id", "Are the cells separated by commas?"),
        ("path\tpartner_id", "Are the cells separated by commas?"),
        ("path,path", "a column appears twice"),
        ("partner_id,cost_data_enabled", "there is no column path or network"),
        ("campaign,adgroup", "there is no column path or network"),
        ("A::B", "unknown column 'A::B'"),
    ],
)
def test_an_invalid_header_is_reported(folder: Path, header: str, message: str) -> None:
    """The header is checked first. Below a wrong one nothing is read."""
    for blank in ("", "\n\n"):
        told = problems(folder, f"{blank}{header}\nA::\n;;;\n")
        assert list(told) == [len(blank) + 1]
        assert message in told[len(blank) + 1]


@pytest.mark.parametrize("text", ['path\nA\n"B"x\n', 'path\nA\n"B\n', 'path\nA\nB"\n"C" \n'])
def test_invalid_csv_is_reported(folder: Path, text: str) -> None:
    """Quotes in wrong places are reported with a nearby line."""
    told = problems(folder, text)
    assert min(told) >= 3
    assert "it is not CSV" in next(iter(told.values()))


def test_json_lines(folder: Path) -> None:
    """A line is an object with the names of the columns, or a path. `null` leaves a setting unchanged."""
    lines = [
        '"A::B"',
        '{"path": "C", "partner_id": 33, "cost_data_enabled": true, "partner": null}',
        '{"network": "D", "campaign": "E", "adgroup": null, "partner": " AppLovin "}',
        '{"path": "F", "partner_id": "033", "cost_data_enabled": " FALSE "}',
        '{"path": "\\u2028G\u2028H", "network": null}',
    ]
    assert load(folder, "\n".join(lines[:4]), ".ndjson") == [
        TrackerSpec("A::B"),
        TrackerSpec("C", partner_id=33, cost_data_enabled=True),
        TrackerSpec("D::E", partner="AppLovin"),
        TrackerSpec("F", partner_id=33, cost_data_enabled=False),
    ]
    told = problems(folder, "\n".join(lines), ".jsonl")
    assert list(told) == [5]
    assert "begins or ends with a space" in told[5]


def test_all_mistakes_of_json_lines_are_reported_at_once(folder: Path) -> None:
    """Every bad line is reported with its number: wrong JSON, wrong entries, unknown keys, and wrong values."""
    lines = {
        '"Good"': None,
        "{": "it is not JSON",
        "[]": "is not an entry",
        "5": "is not an entry",
        "null": "is not an entry",
        "true": "is not an entry",
        '["A", "B"]': "is not an entry",
        "{}": "the network is empty",
        '{"path": "A", "colour": "red"}': "unknown key 'colour'",
        '{"path": 5}': "the path is 5",
        '{"path": ["A"]}': "the path is ['A']",
        '{"path": ""}': "the network is empty",
        '{"network": 5}': "the network is 5",
        '{"network": "A", "creative": "B"}': "the campaign is empty",
        '{"network": "A", "campaign": ""}': "the campaign is empty",
        '{"path": "A", "network": "A"}': "both present",
        '{"path": "B", "partner_id": 1.0}': "partner_id is 1.0",
        '{"path": "B", "partner_id": true}': "partner_id is True",
        '{"path": "B", "partner_id": NaN}': "partner_id is nan",
        '{"path": "B", "partner_id": 1e2}': "partner_id is 100.0",
        '{"path": "B", "partner_id": ""}': "partner_id is ''",
        '{"path": "B", "partner_id": [33]}': "partner_id is [33]",
        f'{{"path": "B", "partner_id": {"9" * 30}}}': "partner_id is 99999",
        f'{{"path": "B", "partner_id": {"9" * 5000}}}': "it is not JSON",
        '{"path": "B", "cost_data_enabled": 1}': "cost_data_enabled is 1",
        '{"path": "B", "cost_data_enabled": "1"}': "cost_data_enabled is '1'",
        '{"path": "B", "partner": 33}': "partner is 33",
        '{"path": "B", "partner": "x", "partner_id": 3}': "both set",
        '{"path": "Good", "partner_id": 3}': "has other settings in line 1",
        '{"path": "\\ud800"}': "can't be sent",
        '"A" "B"': "it is not JSON",
        "'A'": "it is not JSON",
        '{"path": "Fine"},': "it is not JSON",
        '{"path": "Good"}': None,
    }
    told = problems(folder, "\n".join(lines), ".jsonl")
    expected = {number: problem for number, problem in enumerate(lines.values(), 1) if problem}
    assert list(told) == list(expected)
    for number, problem in told.items():
        assert expected[number] in problem


def test_a_document_instead_of_lines_is_reported(folder: Path) -> None:
    """A JSON array over several lines is not JSON Lines, whatever the name of the file."""
    assert 1 in problems(folder, json.dumps([{"path": "A"}, {"path": "B"}], indent=1), ".json")


def test_more_mistakes_than_a_message_holds(folder: Path) -> None:
    """All bad lines are in `problems`, including those that the message only counts."""
    with pytest.raises(PlanError, match="has 300 mistakes") as caught:
        load(folder, "path\n" + "A::\n" * 300)
    assert [number for number, _ in caught.value.problems] == list(range(2, 302))
    assert "and 280 more" in str(caught.value)


@pytest.mark.parametrize("name", ["plan", "plan.txt", "plan.csv.gz", "plan.xlsx", ".csv", "plan.tsv"])
def test_a_file_of_another_kind_is_refused(folder: Path, name: str) -> None:
    """The suffix of the name determines the format. Others are refused before they are read."""
    with pytest.raises(ConfigurationError, match=r"ends in \.csv, \.jsonl, \.ndjson or \.json"):
        load_plan(folder / name)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_refused(folder: Path, suffix: str, encoding: str) -> None:
    """A file in another encoding than UTF-8 is reported as such, and not read as something else."""
    with pytest.raises(ConfigurationError, match="not encoded in UTF-8") as caught:
        load(folder, "path\n\xe9\n".encode(encoding), suffix)
    assert not isinstance(caught.value, PlanError)


def test_a_missing_file_or_a_folder(folder: Path) -> None:
    """The error of the file system is raised unchanged."""
    with pytest.raises(FileNotFoundError):
        load_plan(str(folder / "missing.csv"))
    (folder / "folder.csv").mkdir()
    with pytest.raises(OSError, match="folder"):
        load_plan(folder / "folder.csv")


SPECS = st.builds(
    lambda parts, partner, cost: TrackerSpec("::".join(parts), cost_data_enabled=cost, **partner),
    st.lists(PARTS.filter(lambda part: "\r" not in part and "\x00" not in part), min_size=1, max_size=4),
    st.one_of(
        st.just({}),
        st.fixed_dictionaries({"partner_id": st.integers(1, 10**17)}),
        st.fixed_dictionaries({"partner": st.sampled_from(["AppLovin", "A, B", 'The "Desk"'])}),
    ),
    st.sampled_from([None, True, False]),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    specs=st.lists(SPECS, max_size=8, unique_by=lambda spec: spec.path),
    levels=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_written_plans_are_read_back(
    folder: Path, specs: list[TrackerSpec], levels: bool, end: str, quoting: Any
) -> None:
    """Any specs that Python's own writers write, as paths or as levels, are read back unchanged."""
    columns = (*(LEVELS if levels else ["path"]), "partner_id", "partner", "cost_data_enabled")
    records: list[dict[str, Any]] = []
    for spec in specs:
        parts = spec.path.split("::")
        named = dict(zip(LEVELS, parts, strict=False)) if levels else {"path": spec.path}
        set_up = {"partner_id": spec.partner_id, "partner": spec.partner, "cost_data_enabled": spec.cost_data_enabled}
        records.append({**named, **set_up})
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator=end, quoting=quoting)
    writer.writeheader()
    writer.writerows(records)
    assert load(folder, text.getvalue()) == specs
    lines = end.join(json.dumps(record, ensure_ascii=levels) for record in records)
    assert load(folder, lines, ".jsonl") == specs


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(alphabet='path,network:"\n\r {}[]true\\u1;\ufeff\x00', max_size=60),
    head=st.sampled_from(["", "path\n", "network,campaign\n", '{"path": "A"}\n']),
    suffix=st.sampled_from([".csv", ".jsonl"]),
)
def test_any_file_is_read_or_reported(folder: Path, text: str, head: str, suffix: str) -> None:
    """A file of any characters leads to specs, or to an error of the package."""
    with suppress(ConfigurationError):
        assert all(isinstance(spec, TrackerSpec) for spec in load(folder, head + text, suffix))
