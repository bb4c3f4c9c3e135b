#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace vedette::tests {

// A real RTSP server on loopback: the program rtsp_serve as a child process, ended with the scope.
// Throws: std::runtime_error when it does not come up.
class RtspServer {
 public:
  // `description`: payloaders pay0, pay1 ...; `options`: as of rtsp_serve.
  explicit RtspServer(std::string description, std::vector<std::string> options = {});
  ~RtspServer();
  RtspServer(const RtspServer&) = delete;
  RtspServer& operator=(const RtspServer&) = delete;

  // "rtsp://127.0.0.1:PORT/live", with "USER:PASSWORD@" when given.
  std::string url(const std::string& credentials = "") const;

  void pause();   // SIGSTOP: connections stay, nothing comes
  void resume();  // SIGCONT
  void kill();    // ends the process
  void start();   // again, on the same port

 private:
  const std::string description_;
  const std::vector<std::string> options_;
  int port_ = 0;
  pid_t pid_ = -1;
};

// Parts of a description: 10 fps H.264 of this videotestsrc pattern; AAC of this audiotestsrc wave.
std::string h264(int pay, const std::string& pattern = "smpte");
std::string aac(int pay, const std::string& wave = "sine");

}  // namespace vedette::tests
