#include "daemon/http/bounded_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace vedette::daemon::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A connection whose bytes the test writes itself.
class Connection {
 public:
  explicit Connection(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval longest{60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect");
  }
  ~Connection() { close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False when the other side has closed.
  bool send(std::string_view text) const {
    return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // All that comes until the other side closes.
  std::string rest() const {
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = recv(socket_, buffer, sizeof buffer, 0)) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }

 private:
  const int socket_;
};

struct BoundedServerTest : ::testing::Test {
  void start(ServerLimits limits) {
    server = make_bounded_server(limits);
    server->Get("/a", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("A", "text/plain");
    });
    server->Post("/b", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(std::to_string(request.body.size()), "text/plain");
    });
    port = server->bind_to_any_port("127.0.0.1");
    thread = std::thread([this] { server->listen_after_bind(); });
    while (!server->is_running()) std::this_thread::sleep_for(1ms);
  }
  void TearDown() override {
    server->stop();
    thread.join();
  }
  std::string exchange(const std::string& request) const {
    const Connection connection(port);
    connection.send(request);
    return connection.rest();
  }

  std::unique_ptr<httplib::Server> server;
  int port = 0;
  std::thread thread;
};

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kLastGet = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

TEST_F(BoundedServerTest, ServesOneRequestAfterAnother) {
  start({});
  const Connection connection(port);
  connection.send(kGet);
  std::this_thread::sleep_for(10ms);  // the second may come with the first, or after it
  connection.send(kLastGet);
  EXPECT_THAT(connection.rest(), StartsWith("HTTP/1.1 200 OK"));
  httplib::Client client("127.0.0.1", port);
  client.set_keep_alive(true);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.Get("/a")->body, "A");
}

TEST_F(BoundedServerTest, HeadersWithoutEndAreCutOff) {
  start({.header_bytes = 2000});
  EXPECT_THAT(exchange("GET /" + std::string(3000, 'x') + " HTTP/1.1\r\n\r\n"), Not(HasSubstr("200 OK")));
  EXPECT_THAT(exchange("GET /a HTTP/1.1\r\nX: " + std::string(3000, 'x')), Not(HasSubstr("200 OK")));
  std::string many = "GET /a HTTP/1.1\r\n";
  for (int i = 0; i < 500; ++i) many += "X" + std::to_string(i) + ": y\r\n";
  EXPECT_THAT(exchange(many + "\r\n"), Not(HasSubstr("200 OK")));
  EXPECT_THAT(exchange("GET /a HTTP/1.1\r\nX: " + std::string(1000, 'x') + "\r\nConnection: close\r\n\r\n"),
              HasSubstr("200 OK"));
}

TEST_F(BoundedServerTest, BodiesAreBounded) {
  start({.body_bytes = 100, .skipped_bytes = 10'000});
  const auto post = [](const std::string& more, const std::string& body) {
    return "POST /b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + more + "\r\n\r\n" + body;
  };
  EXPECT_THAT(exchange(post("Content-Length: 100", std::string(100, 'x'))), HasSubstr("\r\n\r\n100"));
  EXPECT_THAT(exchange(post("Content-Length: 101", std::string(101, 'x'))), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(exchange(post("Content-Length: 5000", std::string(5000, 'x'))), StartsWith("HTTP/1.1 413"));
  // One that says nothing of its length is bounded by what is skipped of others.
  std::string chunks;
  for (int i = 0; i < 40; ++i) chunks += "200\r\n" + std::string(512, 'x') + "\r\n";
  EXPECT_THAT(exchange(post("Transfer-Encoding: chunked", chunks)), Not(HasSubstr("200 OK")));
}

TEST_F(BoundedServerTest, WhatFollowsABodyIsNoRequest) {
  start({});
  const std::string answers = exchange(
      "POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 47\r\n\r\nGET /a HTTP/1.1\r\nHost: "
      "x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answers, StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(answers, Not(HasSubstr("200 OK")));
  EXPECT_THAT(answers, HasSubstr("Connection: close"));
  const std::string get =
      exchange("GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 47\r\n\r\n" + std::string(kLastGet));
  EXPECT_EQ(get.find("200 OK"), get.rfind("200 OK")) << get;
}

TEST_F(BoundedServerTest, ASlowRequestIsLetGo) {
  start({.request = 200ms});
  const Connection connection(port);
  bool open = true;
  for (const char* at = "GET /a HTTP/1.1\r\nX: abcdefghijklmnopqrstuvwxyz"; *at != '\0' && open; ++at) {
    open = connection.send(std::string_view(at, 1));
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_THAT(connection.rest(), Not(HasSubstr("200 OK")));
}

TEST_F(BoundedServerTest, AnIdleConnectionGivesWayToOneThatWaits) {
  start({.threads = 1, .idle = 60s});
  const Connection idle(port);
  idle.send(kGet);
  EXPECT_THAT(exchange(kLastGet), HasSubstr("200 OK")) << "there is one thread";
  EXPECT_THAT(idle.rest(), HasSubstr("200 OK")) << "and the other connection was closed after its answer";
}

TEST_F(BoundedServerTest, StopsWhileConnectionsAreOpen) {
  start({.idle = 60s});
  const Connection silent(port), served(port);
  served.send(kGet);
}

TEST_F(BoundedServerTest, GarbageIsNoTrouble) {
  start({});
  for (const std::string& garbage :
       {std::string("\r\n\r\n"), std::string("\0\xff\x16\x03\x01", 5), std::string("GET\r\n\r\n"),
        std::string("GET /a HTTP/9.9\r\n\r\n"), std::string("POST /b HTTP/1.1\r\nContent-Length: -5\r\n\r\n"),
        std::string("POST /b HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        std::string("POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n")}) {
    const Connection connection(port);
    connection.send(garbage);
  }
  EXPECT_THAT(exchange(kLastGet), HasSubstr("200 OK"));
}

}  // namespace
}  // namespace vedette::daemon::http
