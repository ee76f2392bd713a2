// Everything up to avx512_bfloat16_end-inl.h is compiled for AVX-512 with bfloat16 dot products,
// whatever the flags of the rest of the build; tiles (AMX) are used only where they are written. A
// pragma rather than a compiler flag for the file: with a flag, inline functions of the standard
// library would be compiled for AVX-512 too, and the linker might keep those copies for the whole
// program. Include all other headers before this one. (No include guard: a file may have several
// such regions.)
#if defined(__clang__)
#pragma clang attribute push(                                                                   \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16")
#pragma GCC diagnostic push
// GCC 12 warns about deliberately undefined operands inside its own intrinsics.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
