#pragma once

namespace glm_image::nn {

/// Makes OpenBLAS allocate its work buffer, which it keeps for all later products. OpenBLAS retries
/// a failed allocation forever; this function throws kOutOfMemory instead. Call it before the
/// program starts threads: their allocations could take the memory between check and use.
void reserve_blas_memory();

/// Makes OpenMP start its threads for the calling thread. OpenMP ends the process if it cannot
/// start one; this function throws kOutOfMemory instead. Later calls on the same thread return at
/// once.
void reserve_threads();

}  // namespace glm_image::nn
