#pragma once

#include <cstdint>

namespace vedette::test {

// How often the program has called operator new so far, the library's calls included. A test program that
// links allocation_counter.cpp has its operators replaced.
std::int64_t allocations();

}  // namespace vedette::test
