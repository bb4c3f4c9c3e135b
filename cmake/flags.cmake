# The one place for compiler and linker flags.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
# Programs and the plugin find our libraries beside themselves, in the build tree as under any prefix.
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR};$ORIGIN;$ORIGIN/..")

add_library(vedette_flags INTERFACE)
target_include_directories(vedette_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
# -Wrestrict: GCC 12 warns about std::string in its own headers at -O3 (its bug 105651).
# nvcc takes none of these.
target_compile_options(vedette_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Wno-sign-conversion;-Wno-restrict;-Werror>")
find_package(Threads REQUIRED)
target_link_libraries(vedette_flags INTERFACE Threads::Threads)

set(VEDETTE_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
if(VEDETTE_SANITIZE)
  add_compile_options(-fsanitize=${VEDETTE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${VEDETTE_SANITIZE})
endif()

find_program(VEDETTE_CCACHE ccache)
if(VEDETTE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${VEDETTE_CCACHE})
endif()
find_program(VEDETTE_MOLD mold)
if(VEDETTE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
