#include "daemon/http/http_server.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "daemon/http/address.h"
#include "daemon/http/bounded_pool.h"

namespace vedette::daemon::http {
namespace {

TEST(HttpServer, ServesItsPages) {
  std::atomic<bool> ready = false;
  HttpServer server(
      {"127.0.0.1", 0},
      {[] { return std::string("a_total 1\n"); },
       [&] { return ready ? std::vector<std::string>{} : std::vector<std::string>{"redis: away"}; },
       nullptr});
  httplib::Client client("127.0.0.1", server.port());
  EXPECT_EQ(client.Get("/livez")->status, 200);
  const auto metrics = client.Get("/metrics");
  EXPECT_EQ(metrics->body, "a_total 1\n");
  EXPECT_EQ(metrics->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  const auto before = client.Get("/readyz");
  EXPECT_EQ(before->status, 503);
  EXPECT_EQ(before->body, "{\"ready\":false,\"reasons\":[\"redis: away\"]}\n");
  ready = true;
  const auto after = client.Get("/readyz");
  EXPECT_EQ(after->status, 200);
  EXPECT_EQ(after->body, "{\"ready\":true,\"reasons\":[]}\n");
  EXPECT_EQ(client.Get("/else")->status, 404);
  EXPECT_EQ(client.Post("/metrics", std::string(100'000, 'x'), "application/json")->status, 413);
}

TEST(HttpServer, ServesTheLatestPicture) {
  std::vector<std::string> asked;
  HttpServer server({"127.0.0.1", 0}, {nullptr, nullptr, [&](const std::string& stream) {
                                         asked.push_back(stream);
                                         LatestPicture latest;
                                         latest.known = stream == "gate" || stream == "dark";
                                         if (stream == "gate") {
                                           latest.jpeg = std::make_shared<std::string>("\xff\xd8\0x", 4);
                                         }
                                         return latest;
                                       }});
  httplib::Client client("127.0.0.1", server.port());
  const auto picture = client.Get("/streams/gate/latest.jpg");
  EXPECT_EQ(picture->status, 200);
  EXPECT_EQ(picture->body, std::string("\xff\xd8\0x", 4));
  EXPECT_EQ(picture->get_header_value("Content-Type"), "image/jpeg");
  EXPECT_EQ(client.Get("/streams/dark/latest.jpg")->status, 503);
  EXPECT_EQ(client.Get("/streams/other/latest.jpg")->status, 404);
  asked.clear();
  for (const char* path :
       {"/streams/../etc/latest.jpg", "/streams/..%2f..%2fetc/latest.jpg", "/streams//latest.jpg",
        "/streams/gate/latest.jpgx", "/streams/Gate/latest.jpg", "/streams/gate%00/latest.jpg"}) {
    EXPECT_EQ(client.Get(path)->status, 404) << path;
  }
  EXPECT_EQ(client.Get("/streams/" + std::string(65, 'a') + "/latest.jpg")->status, 404);
  EXPECT_TRUE(asked.empty());
}

TEST(HttpServer, APageThatThrowsCostsOnlyItsAnswer) {
  HttpServer server({"127.0.0.1", 0},
                    {[]() -> std::string { throw std::runtime_error("broken"); }, nullptr, nullptr});
  httplib::Client client("127.0.0.1", server.port());
  EXPECT_EQ(client.Get("/metrics")->status, 500);
  EXPECT_EQ(client.Get("/livez")->status, 200);
}

TEST(HttpServer, BeyondLoopbackWantsAToken) {
  for (const char* host : {"0.0.0.0", "10.0.0.7", "::", "example.org", ""}) {
    for (const char* token : {"", "tooshort"}) {
      try {
        HttpServer server({host, 0, token}, {});
        FAIL() << host;
      } catch (const std::invalid_argument& error) {
        EXPECT_NE(std::string(error.what()).find("is no loopback address"), std::string::npos);
      }
    }
  }
  HttpServer server({"0.0.0.0", 0, "0123456789abcdef"},
                    {[] { return std::string("a_total 1\n"); }, nullptr, nullptr});
  httplib::Client client("127.0.0.1", server.port());
  EXPECT_EQ(client.Get("/metrics")->status, 401);
  EXPECT_EQ(client.Get("/livez")->status, 200);
  client.set_bearer_token_auth("0123456789abcdef");
  EXPECT_EQ(client.Get("/metrics")->body, "a_total 1\n");
  EXPECT_EQ(server.stats().refused["token"], 1U);
  EXPECT_TRUE(is_loopback("127.8.9.1"));
  EXPECT_TRUE(is_loopback("::1"));
  EXPECT_TRUE(is_loopback("localhost"));
  EXPECT_FALSE(is_loopback("localhost.example"));
}

TEST(HttpServer, SaysWhenThePortIsTaken) {
  const HttpServer first({"127.0.0.1", 0}, {});
  try {
    HttpServer second({"127.0.0.1", first.port()}, {});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("cannot listen on 127.0.0.1:" + std::to_string(first.port())),
              std::string::npos);
  }
}

TEST(BoundedPool, RunsEverythingAndMakesTheBringerWait) {
  std::atomic<int> ran = 0;
  {
    BoundedPool pool(2, 1);
    for (int i = 0; i < 1000; ++i) pool.add([&] { ++ran; });
  }
  EXPECT_EQ(ran, 1000);
}

}  // namespace
}  // namespace vedette::daemon::http
