#pragma once

#include "kernels/quantised_matmul.h"

namespace glm_image::kernels {

/// The kernels of quantised_piece-inl.h as one kind of CPU computes them. Written with intrinsics
/// and not with Highway: what counts is one instruction each (dot products of unsigned and signed
/// bytes, tiles), which Highway 1.0 has no function for.
struct QuantisedKernels {
  int64_t tile_rows;      ///< rows of a group
  int64_t value_bytes;    ///< of an 8-bit activation against 8-bit weights
  int64_t value_bytes_4;  ///< against 4-bit weights
  bool widens_nibbles;    ///< whether many rows read 4-bit weights as bytes
  void (*quantise)(const QuantisedMatmul&, const QuantisedRows&, int64_t first, int64_t last);
  void (*multiply)(const QuantisedMatmul&,
                   const QuantisedRows&,
                   int64_t piece,
                   QuantisedWorkspace&);
};

/// Null if this build has no such form.
const QuantisedKernels* quantised_kernels_plain();
const QuantisedKernels* quantised_kernels_avx2();
const QuantisedKernels* quantised_kernels_avxvnni();
const QuantisedKernels* quantised_kernels_avx512vnni();
const QuantisedKernels* quantised_kernels_amx();
const QuantisedKernels* quantised_kernels_neondot();

/// Whether the depth of a product and its blocks fill tiles.
bool fits_amx(const QuantisedMatmul& problem);

/// Returns the form for a product on the CPU level of core/cpu_level.
const QuantisedKernels& quantised_kernels(const QuantisedMatmul& problem);

}  // namespace glm_image::kernels
