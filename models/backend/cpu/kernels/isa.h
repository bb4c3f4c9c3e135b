#pragma once

#include <span>

namespace vedette::models::backend::cpu::kernels {

// Levels of instruction set that the kernels tell apart, each including those before it. One binary holds all
// of them.
enum class Isa {
  kBaseline,    // what the compiler targets without flags
  kAvx2,        // AVX2 and FMA; NEON on arm64
  kAvx512,      // AVX-512 F, BW, CD, DQ, VL
  kAvx512Bf16,  // and VNNI and BF16: dot products of int8 and of bf16
  kAmx,         // and AMX tiles for bf16
};

const char* to_string(Isa isa);

// The levels that this processor and kernel offer, lowest first; the last one is in use unless limited.
std::span<const Isa> supported_isas();
Isa current_isa();

// Uses nothing above `isa` from now on. Requires: no kernel is running, and what was packed is packed again.
void limit_isa(Isa isa);

}  // namespace vedette::models::backend::cpu::kernels
