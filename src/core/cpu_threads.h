#pragma once

namespace glm_image {

/// Returns the number of CPU threads to compute with: `asked` if it is positive, else
/// $OMP_NUM_THREADS if that begins with a positive number, else one for each processor. LibTorch
/// 1.13's own default is 1 on some virtual machines.
int cpu_threads(int asked);

}  // namespace glm_image
