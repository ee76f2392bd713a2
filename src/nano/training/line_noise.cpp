#include "nano/training/line_noise.h"

#include "core/torch.h"
#include "text/grid.h"

namespace glm_image::nano {

posters::Layout with_miscounted_line(posters::Layout layout, int64_t width, at::Generator& random) {
  if (layout.lines.empty()) return layout;
  const auto draw = at::rand({2}, random, at::TensorOptions(at::kDouble));
  const auto lines = static_cast<double>(layout.lines.size());
  auto& line = layout.lines.at(static_cast<std::size_t>(draw[0].item<double>() * lines));
  constexpr double kToken = text::kTokenSide;
  const bool can_grow = line.x + line.width + kToken <= static_cast<double>(width);
  const bool can_shrink = line.width >= 2 * kToken;
  if (!can_grow && !can_shrink) return layout;
  const bool grows = can_grow && (!can_shrink || draw[1].item<double>() < 0.5);
  line.width += grows ? kToken : -kToken;
  return layout;
}

}  // namespace glm_image::nano
