#include "pipeline/picture_sizes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text_format.h"
#include "glm_image/limits.h"
#include "pipeline/compose.h"
#include "pipeline/request_values.h"

namespace glm_image::pipeline {
namespace {

constexpr int64_t kTokenArea = text::kTokenSide * text::kTokenSide;

text::Grid nearest_grid(int64_t height, int64_t width) {
  const auto nearest = [](int64_t side) {
    const auto tokens = static_cast<double>(side) / static_cast<double>(text::kTokenSide);
    return std::max<int64_t>(1, std::llround(tokens));
  };
  return {nearest(height), nearest(width)};
}

int64_t most_tokens(const Request& request, const Checkpoint& checkpoint) {
  const auto& own = checkpoint.info().profile.sizes.front();
  auto pixels = own.width * own.height;
  if (request.max_pixels > 0) pixels = std::min(pixels, request.max_pixels);
  return std::max<int64_t>(1, pixels / kTokenArea);
}

/// The part of the context that remains after the prompt and the markers of its pictures.
int64_t context_left(const Checkpoint& checkpoint,
                     const Request& request,
                     const text::Grid& target) {
  return checkpoint.vision_language.text.max_position_embeddings -
         text_tokens(checkpoint, request.prompt, request.condition_images.size(), target);
}

/// The most tokens of each condition picture that the request asks for.
int64_t most_condition_tokens(const Request& request, const ImageSettings& settings) {
  if (request.reference_pixels == 0) return std::numeric_limits<int64_t>::max();
  const int64_t side = token_pixels(settings);
  return std::max<int64_t>(1, request.reference_pixels / (side * side));
}

/// condition_grid of a request's picture. Errors begin with its number, "picture 2: ".
text::Grid grid_of_picture(const Request& request,
                           std::size_t index,
                           const ImageSettings& settings,
                           int64_t most) {
  const auto& image = request.condition_images[index];
  return condition_grid(settings, image.height, image.width, most, picture_name(index));
}

/// The largest token limit per picture with which all pictures together fit into `room`.
int64_t largest_share(const std::vector<text::Grid>& grids, int64_t room) {
  std::vector<int64_t> sizes;
  sizes.reserve(grids.size());
  for (const auto& grid : grids) sizes.push_back(grid.size());
  std::sort(sizes.begin(), sizes.end());
  auto pictures = static_cast<int64_t>(sizes.size());
  for (const int64_t size : sizes) {
    if (size * pictures > room) return room / pictures;
    room -= size;
    --pictures;
  }
  return sizes.empty() ? 0 : sizes.back();
}

}  // namespace

text::Grid fitting_grid(int64_t height, int64_t width, int64_t max_tokens) {
  const auto nearest = nearest_grid(height, width);
  if (nearest.size() <= max_tokens &&
      std::max(nearest.height, nearest.width) <= limits::kMaxGridSide) {
    return nearest;
  }
  constexpr double kShapeWeight = 10;
  const double shape = static_cast<double>(width) / static_cast<double>(height);
  const auto loss = [&](const text::Grid& grid) {
    const auto rows = static_cast<double>(grid.height), columns = static_cast<double>(grid.width);
    return kShapeWeight * std::fabs(std::log(columns / rows / shape)) - std::log(rows * columns);
  };
  text::Grid best = {1, 1};
  for (int64_t rows = 1; rows <= std::min(max_tokens, limits::kMaxGridSide); ++rows) {
    const auto exact = static_cast<int64_t>(static_cast<double>(rows) * shape);
    for (const int64_t columns : {exact, exact + 1}) {
      const text::Grid grid = {
          rows, std::clamp<int64_t>(columns, 1, std::min(max_tokens / rows, limits::kMaxGridSide))};
      if (loss(grid) < loss(best)) best = grid;
    }
  }
  return best;
}

void fill_size(Request& request, const Checkpoint& checkpoint) {
  text::Grid grid;
  if (request.composition) {
    grid = {request.composition->picture.height, request.composition->picture.width};
  } else if (request.condition_images.empty()) {
    const auto& own = checkpoint.info().profile.sizes.front();
    grid = fitting_grid(own.height, own.width, most_tokens(request, checkpoint));
  } else {
    const auto& image = request.condition_images.front();
    const auto most = most_tokens(request, checkpoint);
    grid = fitting_grid(image.height, image.width, most);
    // The other half is for the condition pictures.
    const auto half = context_left(checkpoint, request, grid) / 2;
    grid = fitting_grid(image.height, image.width, std::clamp<int64_t>(half, 1, most));
  }
  request.height = grid.height * text::kTokenSide;
  request.width = grid.width * text::kTokenSide;
}

std::vector<text::Grid> condition_grids(const Checkpoint& checkpoint, const Request& request) {
  std::vector<text::Grid> grids;
  const auto& images = request.condition_images;
  // Text-to-image does not need image settings.
  if (images.empty()) return grids;
  const auto& settings = checkpoint.image_settings();
  for (size_t i = 0; i < images.size(); ++i) {
    auto most = most_condition_tokens(request, settings);
    if (request.composition) {
      const auto& given = request.composition->conditions.at(i);
      most = given.height * given.width;
    }
    grids.push_back(grid_of_picture(request, i, settings, most));
  }
  if (request.composition) return grids;

  const auto target = text::target_grid(request.height, request.width);
  const auto share =
      std::min(largest_share(grids, context_left(checkpoint, request, target) - target.size()),
               most_condition_tokens(request, settings));
  for (size_t i = 0; i < images.size(); ++i) {
    grids[i] = grid_of_picture(request, i, settings, share);
  }
  return grids;
}

}  // namespace glm_image::pipeline
