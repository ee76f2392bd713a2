#pragma once

#include <vector>

#include "pipeline/checkpoint.h"

/// Chooses the sizes of the generated picture and of the condition pictures, for the command line,
/// the server and the library.
namespace glm_image::pipeline {

/// Returns the grid of a picture of height×width pixels. Each side is rounded to a multiple of 32.
/// If that exceeds `max_tokens` tokens or the maximum side, returns the grid within these limits
/// with the least |log aspect-ratio error|·10 − log(area).
text::Grid fitting_grid(int64_t height, int64_t width, int64_t max_tokens);

/// Sets the size of a request without one: that of the composition; or that of the first condition
/// picture, reduced to fit the model's default size, max_pixels and the context; or the model's
/// default, reduced to fit max_pixels.
void fill_size(Request& request, const Checkpoint& checkpoint);

/// Returns the grids of the condition pictures of a request whose size is set: the nearest that the
/// model can read, or smaller ones if these have more than reference_pixels or if they, the prompt
/// and the generated picture do not fit into the context. With a given composition, its grids are
/// the limits. Throws kInvalidInput for an aspect ratio above 4:1.
std::vector<text::Grid> condition_grids(const Checkpoint& checkpoint, const Request& request);

}  // namespace glm_image::pipeline
