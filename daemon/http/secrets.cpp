#include "daemon/http/secrets.h"

#include <sys/random.h>

#include <stdexcept>
#include <vector>

namespace vedette::daemon::http {

std::string random_word(std::size_t bytes) {
  std::vector<unsigned char> drawn(bytes);
  if (getrandom(drawn.data(), bytes, 0) != static_cast<ssize_t>(bytes))  // up to 256 bytes come at once
    throw std::runtime_error("getrandom(2) gave no random bytes");
  constexpr char kDigits[] = "0123456789abcdef";
  std::string word;
  for (const unsigned char byte : drawn) {
    word += kDigits[byte >> 4];
    word += kDigits[byte & 15];
  }
  return word;
}

bool equal_secrets(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  volatile unsigned char difference = 0;  // volatile: the loop must not end early
  for (std::size_t i = 0; i < one.size(); ++i)
    difference = static_cast<unsigned char>(difference | (one[i] ^ other[i]));
  return difference == 0;
}

}  // namespace vedette::daemon::http
