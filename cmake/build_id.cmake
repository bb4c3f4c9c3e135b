# VEDETTE_BUILD_ID: names this build, so that the plugin and the CUDA library can refuse a libvedette.so of another one.
# Version, sources (Git commit, "dirty" when edited; without Git a hash of the sources) and a hash of the flags. Fixed at
# configure time: all binaries of a build folder agree, and a new commit alone rebuilds nothing.
execute_process(COMMAND git -C ${CMAKE_SOURCE_DIR} describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE VEDETTE_SOURCES_ID OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  file(GLOB_RECURSE sources LIST_DIRECTORIES false CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/base/* ${CMAKE_SOURCE_DIR}/models/*.[ch]* ${CMAKE_SOURCE_DIR}/signals/*)
  set(hashes "")
  foreach(source IN LISTS sources)
    file(SHA256 ${source} hash)
    string(APPEND hashes ${hash})
  endforeach()
  string(SHA256 VEDETTE_SOURCES_ID "${hashes}")
  string(SUBSTRING ${VEDETTE_SOURCES_ID} 0 12 VEDETTE_SOURCES_ID)
endif()
string(SHA256 flags "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_BUILD_TYPE} ${CMAKE_CXX_FLAGS} ${VEDETTE_SANITIZE}")
string(SUBSTRING ${flags} 0 6 flags)
set(VEDETTE_BUILD_ID "${PROJECT_VERSION}+${VEDETTE_SOURCES_ID}.${flags}")
configure_file(${CMAKE_CURRENT_LIST_DIR}/build_id_here.h.in ${CMAKE_BINARY_DIR}/generated/base/build_id_here.h @ONLY)
