// Everything up to avx512_vnni_end-inl.h is compiled for AVX-512 with dot products of bytes (VNNI);
// tiles (AMX) are used only where they are written.
// avx512_bfloat16_begin-inl.h says why by a pragma. Include all other headers before this one. (No
// include guard: a file may have several such regions.)
#if defined(__clang__)
#pragma clang attribute push(                                                                   \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,amx-tile,amx-int8"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,amx-tile,amx-int8")
#pragma GCC diagnostic push
// GCC 12 warns about deliberately undefined operands inside its own intrinsics.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
