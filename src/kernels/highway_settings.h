#pragma once

// Include before hwy/foreach_target.h. The kernels keep vectors in arrays and structs, which the
// instruction sets with vectors of unknown length do not allow (they run the NEON form instead);
// and a CPU with SSSE3 but not SSE4 is not worth the compile time.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
