#pragma once

#include <span>
#include <string_view>

namespace vedette::daemon::http {

// A file of page/, as it was built in.
struct PageFile {
  std::string_view path;  // "/", "/page.js"
  std::string_view type;  // its media type
  std::string_view etag;  // of its bytes, in quotes
  std::string_view bytes;
};

// cmake/embed_files.cmake writes it.
std::span<const PageFile> page_files();

}  // namespace vedette::daemon::http
