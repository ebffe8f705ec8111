"""The Lua scripts of `RedisCoordinator`; each one is an atomic step.

Times are the server's, in milliseconds, so that no client's clock matters. A member's row is a JSON array. `EXCHANGE`
computes the same shares as `shared.sharing`.
"""

__all__ = ["EXCHANGE", "GIVE_LOCK", "HOLDERS", "RENEW_LOCK", "SETTLE_JOURNAL", "TAKE_LOCK", "WRITE_JOURNAL"]

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

#: KEYS: the members, the bucket. ARGV: member, process, held, waiting, the milliseconds of a pause, of a lease, and for
#: which a waiting member counts, max_concurrency, max_rate (0 for none), burst, 1 for a pause that was cut.
#: Returns the permits, the milliseconds of the pause and of the wait for the rate, and whether others wait.
EXCHANGE = (
    _NOW
    + """
local me, process = ARGV[1], ARGV[2]
local held, waiting, told, lease, counts = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]),
  tonumber(ARGV[7])
local limit, rate, burst = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])

local others, since, known = {}, now, false
local rows = redis.call('HGETALL', KEYS[1])
for i = 1, #rows, 2 do
  local row = cjson.decode(rows[i + 1])
  -- process, held, waiting, since, seen, expires, max_concurrency, max_rate, burst
  if rows[i] == me then
    known = true
    if row[3] > 0 then since = row[4] end
  elseif row[6] <= now then
    redis.call('HDEL', KEYS[1], rows[i])
  else
    others[#others + 1] = {held = row[2], waiting = now - row[5] < counts and row[3] or 0, since = row[4]}
    limit = math.min(limit, row[7])
    if row[8] > 0 and (rate == 0 or row[8] < rate) then rate, burst = row[8], row[9] end
  end
end

local bucket = redis.call('HMGET', KEYS[2], 'level', 'at', 'paused_until', 'trial')
local level, at, paused_until = tonumber(bucket[1] or 0), tonumber(bucket[2] or now), tonumber(bucket[3] or 0)
local trial = tonumber(bucket[4] or 0)
if told > 0 and now + told >= paused_until then paused_until, trial = now + told, tonumber(ARGV[11]) end
local pause, before = math.max(0, paused_until - now), trial

local alone = held == 0
for _, other in ipairs(others) do alone = alone and other.held == 0 end
if trial == 1 or (trial == 2 and not alone) then limit = 1 end
local free, active, contended = limit - held, 1, 0
for _, other in ipairs(others) do
  free = free - other.held
  if other.held + other.waiting > 0 then active = active + 1 end
  if other.waiting > 0 then contended = 1 end
end
local permits = 0
if pause == 0 and free > 0 and waiting > 0 then
  local share, owed, owed_before = math.max(1, math.floor(limit / active)), 0, 0
  for _, other in ipairs(others) do
    local due = math.max(0, math.min(share, other.held + other.waiting) - other.held)
    owed = owed + due
    if other.since < since then owed_before = owed_before + due end
  end
  local within_share = math.min(share - held, free - owed_before)
  permits = math.max(0, math.min(waiting, free, math.max(within_share, free - owed)))
end

local wait = 0
if rate > 0 then
  level = math.max(0, level - math.max(0, now - at) * rate / 1000)
  local room = math.max(0, math.floor(burst - level + 1e-9))
  local slowed = room < permits
  permits = math.min(permits, room)
  level = level + permits
  if slowed then wait = math.max(0, (level + 1 - burst) / rate * 1000) end
  at = now
end
if pause == 0 then
  if trial == 1 and permits > 0 then trial = 2 elseif trial == 2 and alone then trial = 0 end
end
if rate > 0 or told > 0 or trial ~= before then
  redis.call('HSET', KEYS[2], 'level', string.format('%.9f', level), 'at', string.format('%.0f', at),
    'paused_until', string.format('%.0f', paused_until), 'trial', trial)
  redis.call('PEXPIRE', KEYS[2], 86400000)
end
held, waiting = held + permits, waiting - permits
if held > 0 or waiting > 0 then
  if permits > 0 then since = now end
  local own = {tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])}
  local row = {process, held, waiting, since, now, now + lease, own[1], own[2], own[3]}
  redis.call('HSET', KEYS[1], me, cjson.encode(row))
  redis.call('PEXPIRE', KEYS[1], 86400000)
elseif known then
  redis.call('HDEL', KEYS[1], me)
end
return {permits, pause, math.ceil(wait), contended}
"""
)

#: KEYS: the lock. ARGV: member, process, milliseconds of a lease.
#: Returns the fencing number; or 0, the process that holds the lock, and the milliseconds left.
TAKE_LOCK = (
    _NOW
    + """
local lock = redis.call('HMGET', KEYS[1], 'member', 'process', 'fencing', 'expires')
local fencing, expires = tonumber(lock[3] or 0), tonumber(lock[4] or 0)
local live = lock[1] and lock[1] ~= '' and expires > now
if live and lock[1] ~= ARGV[1] then return {0, lock[2], expires - now} end
-- The time keeps the number rising even if the server has lost its data.
if not live then fencing = math.max(fencing + 1, now) end
redis.call('HSET', KEYS[1], 'member', ARGV[1], 'process', ARGV[2], 'fencing', string.format('%.0f', fencing),
  'expires', string.format('%.0f', now + ARGV[3]))
return {fencing, ARGV[2], ARGV[3]}
"""
)

#: KEYS: the lock. ARGV: member, fencing number, milliseconds of a lease. Returns 1 if the member still holds it.
RENEW_LOCK = (
    _NOW
    + """
local lock = redis.call('HMGET', KEYS[1], 'member', 'fencing')
if lock[1] ~= ARGV[1] or lock[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'expires', string.format('%.0f', now + ARGV[3]))
return 1
"""
)

#: KEYS: the lock. ARGV: member.
GIVE_LOCK = """
if redis.call('HGET', KEYS[1], 'member') == ARGV[1] then redis.call('HSET', KEYS[1], 'member', '') end
return 1
"""

#: KEYS: the journal, the lock. ARGV: member, fencing number, then pairs of an id and an entry.
#: Returns 0, and writes nothing, if the lock is not held with that number.
WRITE_JOURNAL = """
local lock = redis.call('HMGET', KEYS[2], 'member', 'fencing')
if lock[1] ~= ARGV[1] or lock[2] ~= ARGV[2] then return 0 end
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
"""

#: KEYS: the journal, the settled entries. ARGV: milliseconds to keep them, then pairs of an id and an entry, which is
#: empty if there is no tracker.
SETTLE_JOURNAL = """
for i = 2, #ARGV, 2 do
  redis.call('HDEL', KEYS[1], ARGV[i])
  if ARGV[i + 1] ~= '' then redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return 1
"""

#: KEYS: the members of hosts, or locks. Returns the current time in milliseconds, and the fields of each key.
HOLDERS = (
    _NOW
    + """
local found = {string.format('%.0f', now)}
for i, key in ipairs(KEYS) do found[i + 1] = redis.call('HGETALL', key) end
return found
"""
)
