"""The dashboard's list of apps, which some clients of the KPI Service request."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Send

from adjust_async.emulator.facts.apps import App
from adjust_async.emulator.facts.store import FIRST_DAY, Facts
from adjust_async.emulator.http.authentication import Authenticator
from adjust_async.emulator.http.endpoint import Endpoint
from adjust_async.emulator.http.responses import send_response

_PATH = "/dashboard/api/apps"


class Dashboard:
    """Answers `GET /dashboard/api/apps`."""

    def __init__(self, facts: Facts, authenticator: Authenticator) -> None:
        self._facts = facts
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route(_PATH, Endpoint(self._authenticator, self._list_apps), methods=["GET"])]

    async def _list_apps(self, _request: Request, send: Send) -> None:
        apps = [_item(app) for app in self._facts.apps.values()]
        page = {"position": 1, "total": len(apps), "size": len(apps)}
        await send_response(send, 200, orjson.dumps({"apps": apps, "urls": {}, "page": page}))


def _item(app: App) -> dict[str, Any]:
    package = f"com.example.app{app.id}"
    return {
        "id": app.id,
        "name": app.name,
        "token": app.token,
        "start_date": FIRST_DAY.isoformat(),
        "default_store_app_id": package,
        "integration_dates": {"ios": FIRST_DAY.isoformat(), "android": FIRST_DAY.isoformat()},
        "default_attribution_platform": "android",
        "app_token": app.token,
        "platforms": {"ios": {"configured": True}, "android": {"configured": True, "store_app_id": package}},
        "permissions": {
            "generate_report": True,
            "read_statistics": True,
            "create_tracker": True,
            "update_settings": False,
            "update_custom_twitter_permissions": False,
        },
        "currency": {"name": app.currency.name, "symbol": app.currency.symbol, "iso_code": app.currency.iso_code},
        "is_ctv": False,
    }
