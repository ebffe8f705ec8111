"""The Campaign API, v1 and v2: trackers, subtrackers and partners."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Send

from adjust_async.emulator.account.catalog import Partner
from adjust_async.emulator.account.links import tracker_urls
from adjust_async.emulator.account.store import Store, TrackerRow
from adjust_async.emulator.campaign.cursors import Cursors
from adjust_async.emulator.campaign.envelopes import item_envelope, page_envelope
from adjust_async.emulator.campaign.paging import Page, Row, describe_page, fetch_page, read_query, spoil_page
from adjust_async.emulator.campaign.rules import CampaignRules
from adjust_async.emulator.faults.kinds import ANSWER_FAULTS, LIST_FAULTS, Fault
from adjust_async.emulator.faults.misbehaviour import act_out, hinted_fault, take_list_delay
from adjust_async.emulator.http.authentication import Authenticator
from adjust_async.emulator.http.endpoint import Endpoint
from adjust_async.emulator.http.parameters import boolean, integer, read_parameters, text
from adjust_async.emulator.http.refusals import RefusalError
from adjust_async.emulator.http.responses import send_response

VERSIONS = (1, 2)

_SEPARATOR = "::"
_DEEPEST_LEVEL = 4

_Handler = Callable[[Request, int], Awaitable[bytes]]


class CampaignAPI:
    """Answers the Campaign API's requests from the store.

    An unknown app or tracker in the path gets 404. An unknown one in the body, such as `parent_token`, gets 400, as
    does any other invalid input.
    """

    def __init__(
        self,
        store: Store,
        authenticator: Authenticator,
        rules: CampaignRules,
    ) -> None:
        self._store = store
        self._authenticator = authenticator
        self._rules = rules
        self._cursors = Cursors(base64.b64decode(store.setting("cursor_key")))
        # The apps never change, so that checking one needs no query.
        self._app_ids = {app.token: app.id for app in store.apps()}

    def routes(self) -> list[Route]:
        """Return the routes of both versions."""
        table: Sequence[tuple[str, str, _Handler]] = (
            ("GET", "/apps/{app_token}/trackers", self._list_networks),
            ("GET", "/apps/{app_token}/trackers/{tracker_token}/children", self._list_children),
            ("POST", "/apps/{app_token}/trackers", self._create),
            ("PATCH", "/apps/{app_token}/trackers/{tracker_token}", self._update),
            ("GET", "/partners", self._list_partners),
        )
        return [
            Route(
                f"/public/v{version}{path}",
                Endpoint(self._authenticator, partial(_answer, handler=handler, version=version)),
                methods=[method],
            )
            for version in VERSIONS
            for method, path, handler in table
        ]

    async def _list_networks(self, request: Request, version: int) -> bytes:
        app_id = self._app_id(request)
        return self._tracker_page(request, version, app_id, 0, self._store.count_networks(app_id))

    async def _list_children(self, request: Request, version: int) -> bytes:
        app_id = self._app_id(request)
        parent = self._tracker(request, app_id)
        return self._tracker_page(request, version, app_id, parent.id, parent.subtrackers)

    async def _list_partners(self, request: Request, version: int) -> bytes:
        def fetch(start: int, count: int, backwards: bool) -> list[Partner]:
            return self._store.partner_page(start, count, backwards=backwards)

        total = self._store.count_partners()
        return self._page(request, version, "partners", fetch, Partner._asdict, total)

    async def _create(self, request: Request, version: int) -> bytes:
        app_id = self._app_id(request)
        parameters = await read_parameters(request)
        label = text(parameters, "name")
        if label is None:
            raise RefusalError(400, "name can't be blank")
        if _SEPARATOR in label:
            raise RefusalError(400, f"name can't contain {_SEPARATOR}")
        parent = self._parent(app_id, parameters)
        if parent is not None and parent.level >= _DEEPEST_LEVEL:
            raise RefusalError(400, f"A tracker of level {_DEEPEST_LEVEL} can't have subtrackers")
        label = self._rules.kept_name(label)
        if not label.strip():
            raise RefusalError(400, "name can't be blank")
        name = label if parent is None else f"{parent.name}{_SEPARATOR}{label}"
        taken = self._store.find_tracker_by_name(app_id, name)
        if taken is not None and self._rules.duplicate_names == "refuse":
            if self._rules.taken != 200:
                raise RefusalError(self._rules.taken, f"Name {name} has already been taken")
            return self._written(request, version, app_id, taken)
        tracker = self._store.create_tracker(app_id, label, parent, list_delay=self._list_delay(request))
        return self._written(request, version, app_id, tracker)

    async def _update(self, request: Request, version: int) -> bytes:
        app_id = self._app_id(request)
        tracker = self._tracker(request, app_id)
        parameters = await read_parameters(request)
        # Reading the body may have waited for the client, and others may have written in the meantime.
        updated = tracker = self._tracker(request, app_id)
        if "partner_id" in parameters:
            updated = updated._replace(partner_id=self._partner_id(parameters["partner_id"]))
        if "cost_data_enabled" in parameters:
            enabled = boolean("cost_data_enabled", parameters["cost_data_enabled"])
            updated = updated._replace(cost_data_enabled=enabled)
        if updated != tracker:
            self._store.update_tracker(updated, list_delay=self._list_delay(request))
        return self._written(request, version, app_id, updated)

    def _list_delay(self, request: Request) -> float:
        return max(take_list_delay(request.scope), self._rules.list_lag)

    def _written(self, request: Request, version: int, app_id: int, tracker: TrackerRow) -> bytes:
        """Encode the answer to a write; with a fault it is about another tracker."""
        if hinted_fault(request.scope, ANSWER_FAULTS) is not None:
            other = self._store.find_other_tracker(app_id, tracker.id)
            if other is not None:
                act_out(request.scope)
                tracker = other
        return item_envelope(version, _tracker_item(tracker))

    def _app_id(self, request: Request) -> int:
        app_id = self._app_ids.get(request.path_params["app_token"])
        if app_id is None:
            raise RefusalError(404, "App not found")
        return app_id

    def _tracker(self, request: Request, app_id: int) -> TrackerRow:
        tracker = self._store.find_tracker(app_id, request.path_params["tracker_token"])
        if tracker is None:
            raise RefusalError(404, "Tracker not found")
        return tracker

    def _parent(self, app_id: int, parameters: dict[str, Any]) -> TrackerRow | None:
        token, name = text(parameters, "parent_token"), text(parameters, "parent_tracker")
        if token is not None:
            parent = self._store.find_tracker(app_id, token)
        elif name is not None:
            parent = self._store.find_tracker_by_name(app_id, name)
        else:
            return None
        if parent is None:
            raise RefusalError(400, f"Parent tracker {token or name} does not exist in this app")
        return parent

    def _partner_id(self, value: Any) -> int | None:
        if value is None or value in ("", "null"):
            return None
        partner_id = integer("partner_id", value)
        if not self._store.has_partner(partner_id):
            raise RefusalError(400, f"Partner {partner_id} does not exist")
        return partner_id

    def _tracker_page(self, request: Request, version: int, app_id: int, parent_id: int, total: int) -> bytes:
        def fetch(start: int, count: int, backwards: bool) -> list[TrackerRow]:
            return self._store.tracker_page(app_id, parent_id, start, count, backwards=backwards)

        total -= self._store.count_unlisted(app_id, parent_id)
        stale = hinted_fault(request.scope, {Fault.STALE_SUBTRACKERS}) is not None

        def item(row: TrackerRow) -> dict[str, Any]:
            if stale and row.subtrackers:
                act_out(request.scope)
                row = row._replace(subtrackers=0)
            return _tracker_item(row)

        return self._page(request, version, f"trackers of {app_id}, {parent_id}", fetch, item, total)

    def _page(
        self,
        request: Request,
        version: int,
        collection: str,
        fetch: Callable[[int, int, bool], list[Row]],
        item: Callable[[Row], dict[str, Any]],
        total: int,
    ) -> bytes:
        query = read_query(request, version, self._cursors, collection, self._rules.page_size)
        page: Page[Row] = fetch_page(query, fetch)
        fault = hinted_fault(request.scope, LIST_FAULTS - {Fault.STALE_SUBTRACKERS})
        spoilt = None if fault is None else spoil_page(page, query, fault)
        if spoilt is not None:
            act_out(request.scope)
            page = spoilt
        paging = describe_page(request, version, self._cursors, collection, page, query, total)
        return page_envelope(version, paging, [item(row) for row in page.rows])


async def _answer(request: Request, send: Send, *, handler: _Handler, version: int) -> None:
    await send_response(send, 200, await handler(request, version))


def _tracker_item(row: TrackerRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "token": row.token,
        "label": row.name.rpartition(_SEPARATOR)[2],
        "level": row.level,
        "archived": bool(row.archived),
        "has_subtrackers": row.subtrackers > 0,
        "partner_id": row.partner_id,
        "cost_data_enabled": bool(row.cost_data_enabled),
        **tracker_urls(row.token, row.partner_id, row.links),
    }
