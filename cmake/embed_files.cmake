# Writes OUT, the C++ source of vedette::daemon::http::page_files(), from the files of FOLDER named in FILES (separated by
# commas). Run at build time, so that an edited file is built in anew. CMake alone reads the bytes: no other tool, no
# assembler, and a compiler cache sees what it compiles.
string(REPLACE "," ";" FILES "${FILES}")
set(arrays "")
set(entries "")
set(number 0)
foreach(file IN LISTS FILES)
  file(READ ${FOLDER}/${file} bytes HEX)
  file(SHA256 ${FOLDER}/${file} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  string(APPEND arrays "constexpr unsigned char kFile${number}[] = {\n${bytes}};\n")
  set(path "/${file}")
  if(file STREQUAL "index.html")
    set(path "/")
    set(type "text/html; charset=utf-8")
  elseif(file MATCHES "\\.css$")
    set(type "text/css; charset=utf-8")
  elseif(file MATCHES "\\.js$")
    set(type "text/javascript; charset=utf-8")
  elseif(file MATCHES "\\.svg$")
    set(type "image/svg+xml")
  else()
    message(FATAL_ERROR "no media type is known for ${file}")
  endif()
  string(APPEND entries "      {\"${path}\", \"${type}\", \"\\\"${hash}\\\"\",\n"
    "       {reinterpret_cast<const char*>(kFile${number}), sizeof kFile${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "// Written by cmake/embed_files.cmake.
#include \"daemon/http/page_files.h\"

namespace vedette::daemon::http {

namespace {

${arrays}
}  // namespace

std::span<const PageFile> page_files() {
  static const PageFile kFiles[] = {
${entries}  };
  return kFiles;
}

}  // namespace vedette::daemon::http
")
