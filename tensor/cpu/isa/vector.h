// Vector types of the instruction set that this object is compiled for. Included by tensor/cpu/isa/*.cpp
// only. Everything stands in an anonymous namespace: an object of one instruction set must not define a
// symbol that the linker could take for all three (the Makefile checks this with nm).
#pragma once

#include <stdint.h>

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int Index __attribute__((vector_size(kLanes * 4)));  // of __builtin_shuffle
typedef float LooseVec __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

inline Vec load(const float* p) { return *reinterpret_cast<const LooseVec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<LooseVec*>(p) = v; }
// Holds a value in a register: GCC reads it from memory again for each use if it came from there.
inline void keep(Vec& v) {
#if defined(__x86_64__)
  asm("" : "+v"(v));
#else
  asm("" : "+w"(v));
#endif
}
inline Vec splat(float x) { return x - Vec{}; }
inline Vec clamp(Vec x, Vec low, Vec high) {  // NaN stays NaN
  x = x < low ? low : x;
  return x > high ? high : x;
}

}  // namespace
