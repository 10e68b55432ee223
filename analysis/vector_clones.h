#pragma once

// Loops over samples are plain C++ that the compiler vectorises. On x86-64, where a distribution's baseline is SSE2,
// GCC makes a second copy of a function for AVX2 and picks one when the program starts; elsewhere (NEON is every
// aarch64's baseline) nothing is needed. Integer arithmetic in them makes all copies give the same result. Sanitizers
// cannot follow the selection that early.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) && \
    !defined(SMARTCODEC_SANITIZED)
#define SMARTCODEC_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define SMARTCODEC_VECTOR_CLONES
#endif
