#include "tests/support/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace vedette::tests {

namespace {

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool got = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                   getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  if (fd >= 0) close(fd);
  if (!got) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

bool answers(const std::filesystem::path& socket) {
  sinks::redis::Url url;
  url.unix_path = socket;
  sinks::redis::Connection connection;
  const auto error = connection.open(url);
  return !error || error->error == sinks::redis::ErrorClass::kAuth;
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> options) : options_(std::move(options)) {
  std::string name = std::filesystem::temp_directory_path() / "vedette-redis-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
  folder_ = name;
  socket_ = folder_ / "redis.sock";
  port_ = free_port();
  start();
}

void RedisServer::start() {
  std::vector<std::string> args = {"redis-server", "--port",    std::to_string(port_),
                                   "--bind",       "127.0.0.1", "--unixsocket",
                                   socket_,        "--dir",     folder_,
                                   "--save",       "",          "--appendonly",
                                   "no",           "--logfile", folder_ / "log",
                                   "--daemonize",  "no"};
  args.insert(args.end(), options_.begin(), options_.end());
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  if (const int error = posix_spawnp(&pid_, "redis-server", nullptr, nullptr, argv.data(), environ);
      error != 0) {
    throw std::runtime_error("cannot start redis-server");
  }
  if (!eventually([&] { return answers(socket_); })) throw std::runtime_error("redis-server does not answer");
}

void RedisServer::shut_down() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

RedisServer::~RedisServer() {
  shut_down();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RedisServer::pause() {
  kill(pid_, SIGSTOP);
}
void RedisServer::resume() {
  kill(pid_, SIGCONT);
}

RedisClient::RedisClient(const std::string& url) {
  if (auto error = connection_.open(sinks::redis::parse_url(url))) throw std::runtime_error(error->text);
}

sinks::redis::Reply RedisClient::reply(std::initializer_list<std::string_view> args) {
  auto reply = connection_.command(args);
  if (!reply) throw std::runtime_error(connection_.error().text);
  return reply;
}

namespace {

std::string flatten(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_NIL) return "(nil)";
  if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
  if (reply.type != REDIS_REPLY_ARRAY) return std::string(sinks::redis::text_of(&reply));
  std::string text;
  for (std::size_t i = 0; i < reply.elements; ++i) text += (i == 0 ? "" : " ") + flatten(*reply.element[i]);
  return text;
}

std::map<std::string, std::string> pairs(const redisReply& reply) {
  std::map<std::string, std::string> fields;
  for (std::size_t i = 0; i + 1 < reply.elements; i += 2) {
    fields.emplace(sinks::redis::text_of(reply.element[i]), sinks::redis::text_of(reply.element[i + 1]));
  }
  return fields;
}

}  // namespace

std::string RedisClient::run(std::initializer_list<std::string_view> args) {
  return flatten(*reply(args));
}

std::string RedisClient::next() {
  const auto reply = connection_.receive();
  if (!reply) throw std::runtime_error(connection_.error().text);
  return flatten(*reply);
}

std::vector<RedisClient::Entry> RedisClient::entries(std::string_view stream) {
  const auto all = reply({"XRANGE", stream, "-", "+"});
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < all->elements; ++i) {
    const redisReply& entry = *all->element[i];
    entries.push_back({std::string(sinks::redis::text_of(entry.element[0])), pairs(*entry.element[1])});
  }
  return entries;
}

std::map<std::string, std::string> RedisClient::hash(std::string_view key) {
  return pairs(*reply({"HGETALL", key}));
}

}  // namespace vedette::tests
