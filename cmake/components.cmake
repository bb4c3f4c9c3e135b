# Components: a folder is an OBJECT target, linked once into the library it belongs to.

# vedette_component(NAME LIBRARY vedette|vedette-daemon SOURCES a.cpp ... [LINKS targets ...])
# LINKS are other components (for what they in turn include) and third-party targets.
function(vedette_component name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LIBRARY" "SOURCES;LINKS")
  add_library(${name} OBJECT ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC vedette_flags ${arg_LINKS})
  set_property(GLOBAL APPEND PROPERTY vedette_parts_of_${arg_LIBRARY} ${name})
  set_property(GLOBAL APPEND PROPERTY vedette_components ${name})
endfunction()

# vedette_library(NAME [targets ...]): the shared library of all components that named it, linked to the targets.
function(vedette_library name)
  get_property(parts GLOBAL PROPERTY vedette_parts_of_${name})
  if(NOT parts)
    return()
  endif()
  # Linking a component by its name would link its objects: those of this library come as sources, and those of a lower
  # one with that library, so that no object is in two.
  get_property(components GLOBAL PROPERTY vedette_components)
  list(JOIN components "|" components)
  add_library(${name} SHARED)
  foreach(part IN LISTS parts)
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:${part}>)
    target_link_libraries(${name} PUBLIC
      "$<FILTER:$<TARGET_PROPERTY:${part},INTERFACE_LINK_LIBRARIES>,EXCLUDE,^(${components})$>")
  endforeach()
  target_link_libraries(${name} PUBLIC ${ARGN})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX PREFIX lib)
  install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# vedette_test(NAME SOURCES a.cpp ... [LINKS targets ...] [LABELS weights ...]): a GoogleTest program of `./test`.
# Label `weights`: it needs the real weights, and is left out of the sanitizer runs. All others build with target
# `unit_tests`. Label `threads`: it runs under ThreadSanitizer too, and builds with target `thread_tests`.
add_custom_target(unit_tests)
add_custom_target(thread_tests)
function(vedette_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINKS;LABELS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE vedette_flags ${arg_LINKS} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_compile_definitions(${name} PRIVATE VEDETTE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" VEDETTE_BINARY_DIR="${CMAKE_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}")
  if(NOT "weights" IN_LIST arg_LABELS)
    add_dependencies(unit_tests ${name})
  endif()
  if("threads" IN_LIST arg_LABELS)
    add_dependencies(thread_tests ${name})
  endif()
  if(NOT VEDETTE_SANITIZE)
    # What is tested is fast, not the test: its own code takes half as long again to compile otherwise.
    target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  else()
    # What is tested is watched, not the test: its own code costs more than twice as much to compile otherwise.
    target_compile_options(${name} PRIVATE -O0 -fno-sanitize=undefined)
    # GStreamer's own scanner process cannot load a sanitized plugin; it and GLib keep their tables to the end.
    set_tests_properties(${name} PROPERTIES ENVIRONMENT
      "GST_REGISTRY_FORK=no;LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/support/lsan.supp:print_suppressions=0")
  endif()
endfunction()

# vedette_script_test(NAME command ...): a script of `./test`; its last line `N passed, N failed` is its count.
function(vedette_script_test name)
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS script)
endfunction()
