#pragma once

namespace glm_image {

/// How many CPU threads a program should compute with: `asked`, or when that is 0 what
/// $OMP_NUM_THREADS says, or else one for each processor. LibTorch 1.13's own default comes from a
/// library that finds one core on some virtual machines.
int cpu_threads(int asked);

}  // namespace glm_image
