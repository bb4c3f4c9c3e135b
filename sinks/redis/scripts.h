#pragma once

#include <string_view>

// What must happen in one piece inside Redis. Each script works on keys of one hash slot, and its reply is
// small whatever the keys hold.
namespace vedette::sinks::redis::scripts {

// Appends entries in order, stopping at the first that cannot be written. An id that Redis refuses as not
// greater than the last is looked up: the same record and revision there count as written before. KEYS:
// stream [owner]. ARGV: boot id, least id to keep or "", name of the revision field ("rev", "seq"), then for
// each entry: its id, the number of its fields and values, those. Reply: [written, known before, "" or error,
// last id]; error "NOTOWNER <who>" when `owner` is another's.
extern const std::string_view kAppend;

// Takes the lease of a stream when it is free, lengthens it when it is ours.
// KEYS: owner, events. ARGV: boot id, milliseconds. Reply: [1 when ours, owner, last id of events or ""].
extern const std::string_view kLease;

// Gives the lease back when it is ours. KEYS: owner. ARGV: boot id. Reply: 1 or 0.
extern const std::string_view kRelease;

// Sets fields of the state hash when the lease is ours. KEYS: state, owner. ARGV: boot id, fields and values.
// Reply: 1 or 0.
extern const std::string_view kState;

// Writes letters of coverage when the lease is ours. KEYS: coverage of a day, owner. ARGV: boot id,
// milliseconds to keep the day from now on or "0" for ever, offset, letters. Reply: 1 or 0.
extern const std::string_view kCoverage;

// Reads requests for a consumer: of each the fields id, stream, text, from_ms, to_ms and client, as far as
// they are among the first 32, the first of each name, longer values cut. KEYS: stream. ARGV: group,
// consumer, count, ">" for new ones or the id after which its pending ones are read, bytes. Reply: for each
// [id, [field, value, ...]], or [id, nil] where the entry is no longer there.
extern const std::string_view kRead;

// The last id of a stream, "" for none. KEYS: stream.
extern const std::string_view kLastId;

}  // namespace vedette::sinks::redis::scripts
