import httpx
import pytest

from adjust_async.emulator import Emulator
from tests.emulator.requests import assert_refused

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "form", ["Token token={}", 'Token token="{}"', "token token={}", "Bearer {}", "bearer {}", "Token  token={}"]
)
async def test_headers_that_open(form: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Every documented form of the header is accepted."""
    headers = {"Authorization": form.format(emulator.token)}
    assert (await client.get("/public/v1/partners", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "form", ["{}", "Token {}", "Basic {}", "Token token={}x", "Token token=", 'Bearer "{}', "Bearer"]
)
@pytest.mark.parametrize("version", [1, 2])
async def test_headers_that_do_not(version: int, form: str, emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Any other header is 401 with the documentation's message."""
    headers = {"Authorization": form.format(emulator.token)}
    response = await client.get(f"/public/v{version}/partners", headers=headers)
    assert_refused(response, 401, "User not authenticated", version)


async def test_token_in_the_query(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """The old `user_token` in the query is accepted, a wrong or missing one is not."""
    del client.headers["authorization"]
    path = "/public/v1/partners"
    assert (await client.get(path, params={"user_token": emulator.token})).status_code == 200
    assert_refused(await client.get(path, params={"user_token": "wrong"}), 401, "User not authenticated")
    assert_refused(await client.get(path), 401, "User not authenticated")


async def test_refused_before_anything_else(emulator: Emulator, client: httpx.AsyncClient) -> None:
    """Without the token no app is revealed, and nothing is created."""
    headers = {"Authorization": "Bearer wrong"}
    for app_token in emulator.app_tokens[0], "nosuchapp000":
        response = await client.post(f"/public/v1/apps/{app_token}/trackers", json={"name": "X"}, headers=headers)
        assert_refused(response, 401, "User not authenticated")
    assert emulator.store.count_trackers() == 2000


async def test_token_option() -> None:
    """`token=` sets the token that is accepted."""
    async with Emulator(token="s3cret", trackers_per_app=0) as emulator:
        assert emulator.token == "s3cret"
        url = f"{emulator.url}/public/v1/partners"
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            assert (await client.get(url, headers={"Authorization": "Bearer s3cret"})).status_code == 200
