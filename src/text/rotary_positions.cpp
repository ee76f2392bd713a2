#include "text/rotary_positions.h"

#include <algorithm>

#include "core/error.h"

namespace glm_image::text {
namespace {

void append(RotaryPositions& positions, int64_t temporal, int64_t height, int64_t width) {
  positions.temporal.push_back(temporal);
  positions.height.push_back(height);
  positions.width.push_back(width);
}

void append_text(RotaryPositions& positions) {
  append(positions, positions.next, positions.next, positions.next);
  ++positions.next;
}

void append_image(RotaryPositions& positions, const Grid& grid) {
  const int64_t first = positions.next;
  for (int64_t row = 0; row < grid.height; ++row) {
    for (int64_t column = 0; column < grid.width; ++column) {
      append(positions, first, first + row, first + column);
    }
  }
  positions.next = first + std::max(grid.height, grid.width);
}

}  // namespace

RotaryPositions prefill_positions(const std::vector<int64_t>& ids,
                                  int64_t image_token_id,
                                  const std::vector<Grid>& condition_images) {
  RotaryPositions positions;
  auto image = condition_images.begin();
  for (auto id = ids.begin(); id != ids.end();) {
    if (*id != image_token_id) {
      append_text(positions);
      ++id;
      continue;
    }
    GLM_IMAGE_CHECK(image != condition_images.end(), "the prompt has more images than grids");
    const auto end = std::find_if(id, ids.end(), [&](int64_t i) { return i != image_token_id; });
    GLM_IMAGE_CHECK(end - id == image->size(),
                    "the prompt has ",
                    end - id,
                    " image tokens for a grid of ",
                    image->height,
                    "x",
                    image->width);
    append_image(positions, *image++);
    id = end;
  }
  GLM_IMAGE_CHECK(image == condition_images.end(), "the prompt has fewer images than grids");
  return positions;
}

RotaryPositions decode_positions(int64_t first, const std::vector<Grid>& grids) {
  RotaryPositions positions;
  positions.next = first;
  for (const Grid& grid : grids) append_image(positions, grid);
  append_text(positions);
  return positions;
}

RotaryPositions positions_between(const RotaryPositions& all, int64_t begin, int64_t end) {
  const auto part = [&](const std::vector<int64_t>& values) {
    return std::vector<int64_t>(values.begin() + begin, values.begin() + end);
  };
  return {part(all.temporal), part(all.height), part(all.width), all.next};
}

}  // namespace glm_image::text
