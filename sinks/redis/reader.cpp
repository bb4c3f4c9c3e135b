#include "sinks/redis/reader.h"

#include <algorithm>
#include <utility>

#include "sinks/redis/connection.h"
#include "sinks/redis/scripts.h"

namespace vedette::sinks::redis {

namespace {

std::map<std::string, std::string> pairs(const redisReply& reply) {
  std::map<std::string, std::string> fields;
  if (reply.type != REDIS_REPLY_ARRAY) return fields;
  for (std::size_t i = 0; i + 1 < reply.elements; i += 2) {
    fields.emplace(text_of(reply.element[i]), text_of(reply.element[i + 1]));
  }
  return fields;
}

// [[id, [field, value, ...]], ...] of one key
void take_entries(const std::string& key, const redisReply& reply, std::vector<StreamEntry>& out) {
  if (reply.type != REDIS_REPLY_ARRAY) return;
  for (std::size_t i = 0; i < reply.elements; ++i) {
    const redisReply& entry = *reply.element[i];
    if (entry.type != REDIS_REPLY_ARRAY || entry.elements != 2) continue;
    out.push_back({key, std::string(text_of(entry.element[0])), pairs(*entry.element[1])});
  }
}

ConnectionOptions reader_options() {
  ConnectionOptions options;
  options.reply_bytes = 64u << 20;  // a page of records; each may hold some KiB of text
  return options;
}

}  // namespace

class Reader::Inside {
 public:
  explicit Inside(Url url) : url_(std::move(url)) {}

  void open() {
    if (connection_.is_open()) return;
    if (const auto error = connection_.open(url_)) throw ReaderError("redis: " + error->text);
  }

  Reply run(const std::vector<std::string_view>& args, std::chrono::milliseconds extra = {}) {
    open();
    connection_.append(args);
    Reply reply = connection_.receive(extra);
    if (!reply) throw ReaderError("redis: " + url_.shown() + ": " + connection_.error().text);
    if (reply->type == REDIS_REPLY_ERROR) throw ReaderError("redis: " + std::string(text_of(reply.get())));
    return reply;
  }

 private:
  const Url url_;
  Connection connection_{reader_options()};
};

Reader::Reader(const Url& url) : inside_(std::make_unique<Inside>(url)) {}
Reader::~Reader() = default;

void Reader::open() {
  inside_->open();
}

std::vector<std::string> Reader::streams() {
  const Reply reply = inside_->run({"SMEMBERS", "vedette:streams"});
  std::vector<std::string> streams;
  for (std::size_t i = 0; i < reply->elements; ++i) streams.emplace_back(text_of(reply->element[i]));
  std::erase_if(streams, [](const std::string& id) { return !is_stream_id(id); });
  std::sort(streams.begin(), streams.end());
  return streams;
}

std::map<std::string, std::string> Reader::hash(const std::string& key) {
  return pairs(*inside_->run({"HGETALL", key}));
}

std::string Reader::get(const std::string& key) {
  return std::string(text_of(inside_->run({"GET", key}).get()));
}

std::string Reader::range(const std::string& key, std::int64_t first, std::int64_t last) {
  return std::string(
      text_of(inside_->run({"GETRANGE", key, std::to_string(first), std::to_string(last)}).get()));
}

std::string Reader::last_id(const std::string& key) {
  const Reply reply = inside_->run({"EVAL", scripts::kLastId, "1", key});
  const std::string_view id = text_of(reply.get());
  return id.empty() ? "0-0" : std::string(id);
}

std::string Reader::add(const std::string& key, const Fields& fields) {
  std::vector<std::string_view> args = {"XADD", key, "*"};
  for (const auto& [name, value] : fields) args.insert(args.end(), {name, value});
  return std::string(text_of(inside_->run(args).get()));
}

std::vector<StreamEntry> Reader::read(std::map<std::string, std::string>& after,
                                      std::chrono::milliseconds wait) {
  const std::string block = std::to_string(wait.count());
  std::vector<std::string_view> args = {"XREAD", "COUNT", "256"};
  if (wait.count() > 0) args.insert(args.end(), {"BLOCK", block});
  args.push_back("STREAMS");
  for (const auto& [key, id] : after) args.push_back(key);
  for (const auto& [key, id] : after) args.push_back(id);
  const Reply reply = inside_->run(args, wait);
  std::vector<StreamEntry> entries;
  if (reply->type != REDIS_REPLY_ARRAY) return entries;
  for (std::size_t i = 0; i < reply->elements; ++i) {
    const redisReply& of_key = *reply->element[i];
    if (of_key.type != REDIS_REPLY_ARRAY || of_key.elements != 2) continue;
    take_entries(std::string(text_of(of_key.element[0])), *of_key.element[1], entries);
  }
  for (const StreamEntry& entry : entries) after[entry.key] = entry.id;
  return entries;
}

}  // namespace vedette::sinks::redis
