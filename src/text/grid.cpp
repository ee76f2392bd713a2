#include "text/grid.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "glm_image/limits.h"

namespace glm_image::text {

static_assert(limits::kMaxGridSide * kTokenSide == limits::kMaxSide);

Grid target_grid(int64_t height, int64_t width) {
  if (height <= 0 || width <= 0 || height % kTokenSide != 0 || width % kTokenSide != 0) {
    fail(ErrorCode::kInvalidInput,
         "the height and the width of a picture must be multiples of ",
         kTokenSide,
         ", found ",
         height,
         " and ",
         width);
  }
  return {height / kTokenSide, width / kTokenSide};
}

Grid preview_grid(const Grid& target) {
  const double ratio = static_cast<double>(target.height) / static_cast<double>(target.width);
  constexpr double kSquareSide = 16;
  const auto side = [](double r) {
    return std::max<int64_t>(1, static_cast<int64_t>(std::sqrt(r) * kSquareSide));
  };
  return {side(ratio), side(1 / ratio)};
}

}  // namespace glm_image::text
