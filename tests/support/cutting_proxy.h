#pragma once

#include <atomic>
#include <string>
#include <thread>

namespace vedette::tests {

// A TCP proxy on loopback in front of a port, one connection at a time. When told to cut, it forwards what
// the client says until the server has answered something that follows `mark` in a request, throws that
// answer away and closes both sides: the client cannot know whether its command was done.
class CuttingProxy {
 public:
  explicit CuttingProxy(int target_port);
  ~CuttingProxy();

  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  void cut_after(std::string mark);  // once; the next request that holds `mark`
  int cuts() const { return cuts_; }

 private:
  void run();
  void serve(int client);

  const int target_port_;
  int port_ = 0;
  int listener_ = -1;
  std::atomic<bool> stop_{false};
  std::atomic<bool> armed_{false};
  std::string mark_;
  std::atomic<int> cuts_{0};
  std::thread thread_;
};

}  // namespace vedette::tests
