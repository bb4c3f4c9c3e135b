#include "sinks/redis/scripts.h"

namespace vedette::sinks::redis::scripts {

// A part of several scripts. A macro, so that the literals are joined by the compiler.
#define VEDETTE_LAST_ID                                                 \
  "local function last_id(key)\n"                                       \
  "  local info = redis.pcall('XINFO', 'STREAM', key)\n"                \
  "  if info.err then return '' end\n"                                  \
  "  for i = 1, #info - 1, 2 do\n"                                      \
  "    if info[i] == 'last-generated-id' then return info[i + 1] end\n" \
  "  end\n"                                                             \
  "  return ''\n"                                                       \
  "end\n"

const std::string_view kAppend = VEDETTE_LAST_ID R"(
local function owner()
  local o = redis.pcall('GET', KEYS[2])
  if type(o) == 'table' then return '(a key of another type)' end
  return o and string.sub(o, 1, 128) or ''
end
local function known(id, first, count)
  local found = redis.pcall('XRANGE', KEYS[1], id, id)
  if found.err or not found[1] then return false end
  local there, ours = {}, {}
  for i = 1, #found[1][2] - 1, 2 do there[found[1][2][i]] = found[1][2][i + 1] end
  for i = first, first + count - 1, 2 do ours[ARGV[i]] = ARGV[i + 1] end
  return there['id'] == ours['id'] and there[ARGV[3]] == ours[ARGV[3]]
end
if KEYS[2] and owner() ~= ARGV[1] then return {0, 0, 'NOTOWNER ' .. owner(), ''} end
local at, written, before = 4, 0, 0
while at <= #ARGV do
  local id, count = ARGV[at], tonumber(ARGV[at + 1])
  local reply
  if ARGV[2] == '' then
    reply = redis.pcall('XADD', KEYS[1], id, unpack(ARGV, at + 2, at + 1 + count))
  else
    reply = redis.pcall('XADD', KEYS[1], 'MINID', '~', ARGV[2], id, unpack(ARGV, at + 2, at + 1 + count))
  end
  if type(reply) == 'table' and reply.err then
    if not string.find(reply.err, 'equal or smaller') then return {written, before, reply.err, ''} end
    if not known(id, at + 2, count) then return {written, before, 'REFUSED ' .. reply.err, last_id(KEYS[1])} end
    before = before + 1
  else
    written = written + 1
  end
  at = at + 2 + count
end
return {written, before, '', ''}
)";

const std::string_view kLease = VEDETTE_LAST_ID R"(
local o = redis.pcall('GET', KEYS[1])
if type(o) == 'table' then return {0, '(a key of another type)', ''} end
if o and o ~= ARGV[1] then return {0, string.sub(o, 1, 128), ''} end
if o then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
end
return {1, ARGV[1], last_id(KEYS[2])}
)";

const std::string_view kRelease = R"(
local o = redis.pcall('GET', KEYS[1])
if o == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
)";

const std::string_view kState = R"(
local o = redis.pcall('GET', KEYS[2])
if o ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
)";

const std::string_view kCoverage = R"(
local o = redis.pcall('GET', KEYS[2])
if o ~= ARGV[1] then return 0 end
redis.call('SETRANGE', KEYS[1], ARGV[3], ARGV[4])
if ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
)";

const std::string_view kRead = R"(
local reply = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], ARGV[4])
local most, out = tonumber(ARGV[5]), {}
if not reply then return out end
for _, entry in ipairs(reply[1][2]) do
  local wanted = {id = 1, stream = 1, text = 1, from_ms = 1, to_ms = 1, client = 1}
  local fields = false
  if entry[2] then
    fields = {}
    for i = 1, math.min(#entry[2], 64), 2 do
      local name = entry[2][i]
      if wanted[name] then
        wanted[name] = nil
        fields[#fields + 1] = name
        fields[#fields + 1] = string.sub(entry[2][i + 1], 1, most)
      end
    end
  end
  out[#out + 1] = {entry[1], fields}
end
return out
)";

const std::string_view kLastId = VEDETTE_LAST_ID "return last_id(KEYS[1])";

#undef VEDETTE_LAST_ID

}  // namespace vedette::sinks::redis::scripts
