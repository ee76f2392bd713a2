#include "pipeline/request_check.h"

#include "core/error.h"
#include "glm_image/limits.h"
#include "image/image_limits.h"
#include "pipeline/picture_sizes.h"
#include "pipeline/request_values.h"
#include "pipeline/speed.h"
#include "text/grid.h"

namespace glm_image::pipeline {
namespace {

template <typename... Parts>
void require_composition(bool condition, const Parts&... parts) {
  if (!condition) fail_at(ErrorCode::kInvalidInput, {"", "composition"}, parts...);
}

void check_grid(const char* what, const TokenGrid& grid, int64_t codes) {
  require_composition(grid.height > 0 && grid.width > 0 && grid.height <= limits::kMaxGridSide &&
                          grid.width <= limits::kMaxGridSide &&
                          static_cast<int64_t>(grid.tokens.size()) == grid.height * grid.width,
                      what,
                      ": ",
                      grid.tokens.size(),
                      " tokens are not a grid of ",
                      grid.height,
                      "×",
                      grid.width);
  for (const int64_t token : grid.tokens) {
    require_composition(token >= 0 && token < codes,
                        what,
                        ": the token ",
                        token,
                        " is not one of this model's ",
                        codes,
                        " codes");
  }
}

void check_composition(const Request& request, const Checkpoint& checkpoint) {
  const int64_t codes = checkpoint.vision_language.vq.num_embeddings;
  const auto& composition = *request.composition;
  if (composition.is_draft()) {
    check_grid("preview tokens", composition.preview, codes);
    const auto expected =
        text::preview_grid({composition.picture.height, composition.picture.width});
    require_composition(composition.preview.height == expected.height &&
                            composition.preview.width == expected.width,
                        "preview tokens are a grid of ",
                        composition.preview.width,
                        "x",
                        composition.preview.height,
                        "; a picture of this size has one of ",
                        expected.width,
                        "x",
                        expected.height);
  } else {
    check_grid("tokens", composition.picture, codes);
  }
  for (const auto& grid : composition.conditions) check_grid("condition tokens", grid, codes);
}

}  // namespace

Request resolve_request(const Request& request, const Checkpoint& checkpoint) {
  auto resolved = request;
  resolved.prompt = prompt_without_mark(request);
  check_values(request, request.condition_images.size());
  for (const auto& image : request.condition_images) image::check_image(image);
  if (request.width == 0) fill_size(resolved, checkpoint);
  check_size(resolved.width, resolved.height);
  if (request.max_pixels != 0 && resolved.width * resolved.height > request.max_pixels) {
    fail_at(ErrorCode::kInvalidInput,
            {"", "size"},
            "size must have at most ",
            request.max_pixels,
            " pixels; found ",
            resolved.width,
            "x",
            resolved.height);
  }
  fill_speed(resolved, checkpoint.info().profile.steps);
  resolved.guidance = request.guidance.value_or(checkpoint.info().profile.guidance);
  resolved.temperature = request.temperature.value_or(checkpoint.sampling.temperature);
  resolved.top_p = request.top_p.value_or(checkpoint.sampling.top_p);
  check_settings(resolved);  // the model's defaults too
  resolved.adapters = checkpoint.adapter_set().resolve(request.adapters);
  if (resolved.composition) check_composition(resolved, checkpoint);
  return resolved;
}

}  // namespace glm_image::pipeline
