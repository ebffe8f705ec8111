"""The Redis store of `RedisCoordinator`."""

import json
import os
import socket
from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError, RedisError, TimeoutError as RedisTimeoutError

from adjust_async.coordination import redis_scripts as scripts
from adjust_async.coordination.protocol import Holder, Host, JournalEntry
from adjust_async.coordination.shared.sharing import Rate
from adjust_async.coordination.shared.store import (
    DONE_FOR,
    WAITING_FOR,
    Exchange,
    Granted,
    LockState,
    StoreUnavailableError,
)

__all__ = ["RedisStore"]

T = TypeVar("T")

#: Seconds for connecting, and for an answer; the URL can override them, as with `?socket_timeout=5`.
TIMEOUT = 2.0


class RedisStore:
    """One member's connections to Redis."""

    poll = (0.004, 0.03)

    def __init__(self, url: str, place: str, lease: float) -> None:
        self._place = place
        self._lease = _milliseconds(lease)
        self._member = uuid4().hex
        self._process = f"{os.getpid()} on {socket.gethostname()}"
        # A connection that the server has dropped fails on its next use. Every step can be repeated.
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(ConstantBackoff(0.01), 1),
            retry_on_error=[RedisConnectionError, RedisTimeoutError],
        )
        self._rows: set[str] = set()
        self._closed = False
        self._scripts = {
            text: self._redis.register_script(text)
            for text in (
                scripts.EXCHANGE,
                scripts.TAKE_LOCK,
                scripts.RENEW_LOCK,
                scripts.GIVE_LOCK,
                scripts.WRITE_JOURNAL,
                scripts.SETTLE_JOURNAL,
                scripts.HOLDERS,
            )
        }

    async def exchange(self, host: Host, exchange: Exchange) -> Granted:
        """Report what this member holds and wants, renew its lease, and take the permits that it may have."""
        rate = None if host.max_rate is None else Rate.of(host.max_rate, host.burst)
        members = _key(host.scope, "members")
        if exchange.held or exchange.waiting:
            self._rows.add(members)  # before it is written: its answer may be lost
        permits, pause, wait, contended = await self._run(
            scripts.EXCHANGE,
            [members, _key(host.scope, "bucket")],
            self._member,
            self._process,
            exchange.held,
            exchange.waiting,
            _milliseconds(exchange.pause),
            self._lease,
            _milliseconds(WAITING_FOR),
            host.max_concurrency,
            0 if rate is None else repr(float(rate.per_second)),
            0 if rate is None else rate.burst,
            int(exchange.was_cut),
        )
        if not (exchange.held or exchange.waiting):
            self._rows.discard(members)
        return Granted(permits, pause / 1000, wait / 1000, bool(contended))

    async def take_lock(self, key: str) -> LockState:
        """Take a lock for a lease, or renew it if this member holds it."""
        fencing, holder, left = await self._run(
            scripts.TAKE_LOCK, [_key(key, "lock")], self._member, self._process, self._lease
        )
        return LockState(fencing or None, holder, float(left) / 1000)

    async def renew_lock(self, key: str, fencing: int) -> bool:
        """Renew a lock. Return whether this member still holds it."""
        return bool(await self._run(scripts.RENEW_LOCK, [_key(key, "lock")], self._member, fencing, self._lease))

    async def release_lock(self, key: str) -> None:
        """Release a lock if this member still holds it."""
        await self._run(scripts.GIVE_LOCK, [_key(key, "lock")], self._member)

    async def read_journal(self, key: str) -> list[JournalEntry]:
        """Return the open entries, and those that were settled with a token in the last ten minutes."""
        _, *found = await self._run(scripts.HOLDERS, [_key(key, "journal"), _key(key, "settled")])
        return [JournalEntry(*json.loads(text)) for fields in found for _, text in _pairs(fields)]

    async def write_journal(self, key: str, fencing: int, entries: list[JournalEntry]) -> bool:
        """Write open entries, unless the fencing number is stale."""
        fields = [part for entry in entries for part in (entry.id, _text(entry))]
        return bool(
            await self._run(
                scripts.WRITE_JOURNAL, [_key(key, "journal"), _key(key, "lock")], self._member, fencing, *fields
            )
        )

    async def settle_journal(self, key: str, entries: list[JournalEntry]) -> None:
        """Remove entries, and keep those with a token for ten minutes."""
        fields = [part for entry in entries for part in (entry.id, "" if entry.token is None else _text(entry))]
        await self._run(
            scripts.SETTLE_JOURNAL, [_key(key, "journal"), _key(key, "settled")], _milliseconds(DONE_FOR), *fields
        )

    async def holders(self, hosts: list[Host], url: str) -> list[Holder]:
        """Return the holders of permits for these hosts, and of locks of apps at this URL."""
        found = []
        for host in hosts:
            now, members = await self._run(scripts.HOLDERS, [_key(host.scope, "members")])
            for member, text in _pairs(members):
                process, held, waiting, _, _, expires, *_ = json.loads(text)
                left = (expires - int(now)) / 1000
                if left > 0:
                    found.append(Holder("permits", host.url, process, member == self._member, held, waiting, left))
        for key in await self._lock_keys(url):
            now, fields = await self._run(scripts.HOLDERS, [key])
            lock = dict(_pairs(fields))
            left = (int(lock.get("expires", 0)) - int(now)) / 1000
            if lock.get("member") and left > 0:
                app_token = key.partition("}")[0].rpartition(" ")[2]
                mine = lock["member"] == self._member
                found.append(Holder("lock", app_token, lock["process"], mine, 1, 0, left))
        return found

    async def aclose(self) -> None:
        """Forget this member, and disconnect. If Redis can't be reached, what it held is free after its lease."""
        self._closed = True
        try:
            try:
                for members in self._rows:
                    await self._redis.hdel(members, self._member)
            finally:
                self._rows.clear()
                await self._redis.aclose()
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from None

    async def _lock_keys(self, url: str) -> list[str]:
        pattern = _key(f"{_literal(url)} *", "lock")
        try:
            return [key async for key in self._redis.scan_iter(match=pattern, count=1000)]
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from None

    async def _run(self, script: str, keys: Sequence[str], *values: Any) -> Any:
        if self._closed:
            raise StoreUnavailableError("the client is closed")
        try:
            return await self._scripts[script](keys=keys, args=values)
        except (TimeoutError, RedisError, OSError) as error:
            raise self._unavailable(error) from None

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        why = str(error).rstrip(".") or type(error).__name__
        return StoreUnavailableError(f"the coordinator, Redis at {self._place}, can't be reached: {why}")


def _key(scope: str, kind: str) -> str:
    # The braces keep the keys of one scope on one node of a cluster.
    return f"adjust_async:{{{scope}}}:{kind}"


def _literal(text: str) -> str:
    return "".join(f"\\{char}" if char in "*?[]\\^-" else char for char in text)


def _milliseconds(seconds: float) -> int:
    return -int(-seconds * 1000 // 1)


def _text(entry: JournalEntry) -> str:
    return json.dumps([entry.id, entry.parent_token, entry.label, entry.token])


def _pairs(fields: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(fields[::2], fields[1::2], strict=True))
