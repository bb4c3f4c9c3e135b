#include "tests/support/rtsp_server.h"

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>

namespace vedette::tests {

RtspServer::RtspServer(std::string description, std::vector<std::string> options)
    : description_(std::move(description)), options_(std::move(options)) {
  start();
}

RtspServer::~RtspServer() {
  kill();
}

std::string RtspServer::url(const std::string& credentials) const {
  return "rtsp://" + (credentials.empty() ? "" : credentials + "@") + "127.0.0.1:" + std::to_string(port_) +
         "/live";
}

void RtspServer::start() {
  std::vector<std::string> words = {VEDETTE_RTSP_SERVE};
  words.insert(words.end(), options_.begin(), options_.end());
  words.insert(words.end(), {std::to_string(port_), "/live", description_});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int ends[2] = {-1, -1};
  if (pipe(ends) != 0) throw std::runtime_error("rtsp server: no pipe");
  pid_ = fork();
  if (pid_ == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(ends[1]);
  const std::unique_ptr<FILE, int (*)(FILE*)> out(fdopen(ends[0], "r"), std::fclose);
  if (pid_ < 0 || out == nullptr || std::fscanf(out.get(), "listening on %d", &port_) != 1) {
    kill();
    throw std::runtime_error("rtsp server: it did not say where it listens");
  }
}

void RtspServer::pause() {
  ::kill(pid_, SIGSTOP);
}

void RtspServer::resume() {
  ::kill(pid_, SIGCONT);
}

void RtspServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string h264(int pay, const std::string& pattern) {
  return " videotestsrc is-live=true pattern=" + pattern +
         " ! video/x-raw,width=320,height=180,framerate=10/1 ! x264enc tune=zerolatency "
         "speed-preset=ultrafast "
         "key-int-max=10 bitrate=300 ! rtph264pay config-interval=1 pt=96 name=pay" +
         std::to_string(pay);
}

std::string aac(int pay, const std::string& wave) {
  return " audiotestsrc is-live=true volume=0.3 wave=" + wave +
         " ! audio/x-raw,rate=44100,channels=1 ! audioconvert ! avenc_aac ! rtpmp4gpay pt=97 name=pay" +
         std::to_string(pay);
}

}  // namespace vedette::tests
