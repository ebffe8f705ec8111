"""API tokens: where they are found, and that they are never shown."""

import copy
import os
import pickle
import traceback
from pathlib import Path
from typing import Any

import attrs
import pytest

from adjust_async import AsyncAdjust
from adjust_async._tokens import APIToken
from adjust_async.config import Config
from adjust_async.errors import ConfigurationError
from tests.settings import config_of

TOKEN = "s3cr3t-T0ken"


def read(token: str | None = TOKEN, **settings: Any) -> Config:
    """Return a configuration, with defaults for everything that a test does not set."""
    return config_of(APIToken.find() if token is None else APIToken(token), **settings)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home directory, and clear Adjust's settings from the environment."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ADJUST_API_TOKEN", raising=False)
    monkeypatch.delenv("ADJUST_API_URL", raising=False)
    monkeypatch.delenv("ADJUST_REPORTS_URL", raising=False)
    monkeypatch.delenv("ADJUST_INSECURE_HOSTS", raising=False)
    return tmp_path


def test_the_order_of_the_places_of_the_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument takes precedence over the variable, and the variable over the file; an empty variable is ignored."""
    (home / ".adjustrc").write_text("user_token: from-file\n")
    assert APIToken.find().reveal() == "from-file"
    monkeypatch.setenv("ADJUST_API_TOKEN", "")
    assert read(token=None).token.reveal() == "from-file"
    monkeypatch.setenv("ADJUST_API_TOKEN", "from-variable")
    assert read(token=None).token.reveal() == "from-variable"
    assert read(token="from-argument").token.reveal() == "from-argument"


@pytest.mark.parametrize(
    "text",
    [
        "user_token: abc",
        "user_token:abc\n",
        "user_token = abc",
        "  user_token: abc  # mine",
        "user_token: 'abc'",
        '"user_token": "abc",',
        '{\n  "user_token": "abc"\n}',
        "app_token: other\r\nuser_token: abc\r\n",
        "# user_token: old\nuser_token: abc",
        "my_user_token: other\nuser_token: abc",
        "user_token_old: other\nuser_token: abc",
    ],
)
def test_forms_of_the_file(home: Path, text: str) -> None:
    """The file is read in all forms that were seen, and only its key user_token counts."""
    (home / ".adjustrc").write_bytes(text.encode())
    assert APIToken.find().reveal() == "abc"


@pytest.mark.parametrize("text", ["\ufeffuser_token: abc", '{"user_token": "abc"}'])
def test_further_forms_of_the_file(home: Path, text: str) -> None:
    """A file with a byte order mark, and one with JSON on one line, can hold a token."""
    (home / ".adjustrc").write_text(text, encoding="utf-8")
    assert APIToken.find().reveal() == "abc"


@pytest.mark.parametrize(
    "text", ["", "app_token: abc", "# user_token: abc", "user_token:", "user_token:\napp_token: abc", "user_token"]
)
def test_a_file_without_token(home: Path, text: str) -> None:
    """A file without a token has none: above all, the next line's key is not one."""
    (home / ".adjustrc").write_text(text)
    with pytest.raises(ConfigurationError, match="no API token: pass AsyncAdjust"):
        APIToken.find().check()


def test_a_file_that_cannot_be_read(home: Path) -> None:
    """A missing file, a directory with its name, and a file that is not text are ignored."""
    with pytest.raises(ConfigurationError, match=r"set ADJUST_API_TOKEN, or put user_token into ~/\.adjustrc"):
        APIToken.find().check()
    (home / ".adjustrc").mkdir()
    with pytest.raises(ConfigurationError, match="no API token"):
        APIToken.find().check()
    (home / ".adjustrc").rmdir()
    (home / ".adjustrc").write_bytes(b"\xff\xfeuser_token: abc")
    with pytest.raises(ConfigurationError, match="no API token"):
        APIToken.find().check()


@pytest.mark.parametrize("value", [f"{TOKEN}\n", f" {TOKEN}", f"{TOKEN}\r\nX-Evil: 1", f"{TOKEN}é", f"{TOKEN}\0"])
def test_a_token_that_no_header_can_carry(value: str) -> None:
    """A token with a space, a line break or a character beyond ASCII is refused, and not shown."""
    with pytest.raises(ConfigurationError, match="was it copied whole") as caught:
        APIToken(value).check()
    assert TOKEN not in f"{caught.value!r}"


@pytest.mark.parametrize(("value", "kind"), [("", "empty"), (5, "type int"), (TOKEN.encode(), "type bytes")])
def test_a_token_that_is_not_text(value: object, kind: str) -> None:
    """A token of another type is refused with a message that has the type, but not the value."""
    with pytest.raises(ConfigurationError, match=f"token is (a value of )?{kind}") as caught:
        APIToken(value).check()
    assert TOKEN not in f"{caught.value!r}"


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, lambda value: f"{value}"])
def test_a_token_never_shows(show: Any) -> None:
    """No text representation of a token or of the settings has the token."""
    assert TOKEN not in show(APIToken(TOKEN))
    assert TOKEN not in show(read())
    assert TOKEN not in show(attrs.asdict(read(), recurse=False))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_token_goes_into_no_pickle(protocol: int) -> None:
    """Neither the token nor the settings can be pickled, and the message says what to do instead."""
    for value in (APIToken(TOKEN), read()):
        with pytest.raises(TypeError, match="make a new AsyncAdjust in the other process"):
            pickle.dumps(value, protocol)
    with pytest.raises(TypeError, match="can't be pickled"):
        copy.deepcopy(APIToken(TOKEN))


def test_a_token_is_taken_out_of_texts() -> None:
    """`redact` removes every occurrence, and leaves a text without the token unchanged."""
    assert APIToken(TOKEN).redact(f"a {TOKEN}{TOKEN} b") == "a ****** b"
    assert APIToken(TOKEN).redact("a b") == "a b"


def test_a_token_is_found_in_the_forms_in_which_others_write_it() -> None:
    """A token with special characters is removed in its JSON, URL and HTML forms, too."""
    token = 'ab/c+d"e&f'
    for form in (token, 'ab\\/c+d\\"e&f', "ab%2Fc%2Bd%22e%26f", "ab/c+d&quot;e&amp;f"):
        assert APIToken(token).redact(f"<{form}>") == "<***>"


def frames_of(error: BaseException) -> str:
    """Return what the frames of the package hold where an error was raised."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return "".join(repr(frame.f_locals) for frame in frames if "adjust_async" in frame.f_code.co_filename)


@pytest.mark.parametrize(
    "settings", [{"max_rate": -1}, {"token": f"{TOKEN}\n"}, {"api_url": "ftp://x"}, {"http_client": 5}, {"burst": 1}]
)
def test_no_frame_has_the_token_of_a_refused_client(settings: dict[str, Any]) -> None:
    """When `AsyncAdjust` refuses an argument, no frame of the package holds the token."""
    with pytest.raises(ConfigurationError) as caught:
        AsyncAdjust(**{"token": TOKEN} | settings)
    assert TOKEN not in frames_of(caught.value)


def test_no_frame_has_the_token_of_a_wrong_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong token from the environment is in no frame either."""
    monkeypatch.setenv("ADJUST_API_TOKEN", f"{TOKEN} ")
    with pytest.raises(ConfigurationError) as caught:
        AsyncAdjust()
    assert TOKEN not in frames_of(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="permissions of a file are POSIX")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o622])
def test_a_file_that_others_can_write_is_refused(home: Path, mode: int) -> None:
    """A file that others can write is refused, because they could choose the token."""
    (home / ".adjustrc").write_text("user_token: abc")
    (home / ".adjustrc").chmod(mode)
    with pytest.raises(ConfigurationError, match=r"others may write ~/\.adjustrc.*chmod 600"):
        AsyncAdjust()


@pytest.mark.skipif(os.name != "posix", reason="permissions of a file are POSIX")
@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o400, False), (0o640, True), (0o644, True)])
def test_a_file_that_others_can_read_is_warned_of(
    home: Path, mode: int, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A token that others can read is used, and the log says what to do."""
    (home / ".adjustrc").write_text("user_token: abc")
    (home / ".adjustrc").chmod(mode)
    assert APIToken.find().check().reveal() == "abc"
    assert ("chmod 600" in caplog.text) is warns
    assert "abc" not in caplog.text
