#pragma once

#include <vector>

#include "pipeline/checkpoint.h"

/// The sizes of the picture to draw and of the pictures to start from. The command line, the server
/// and the library all take them from here.
namespace glm_image::pipeline {

/// The grid of a picture of height×width pixels: each side at its nearest multiple of 32 or, if
/// that has more than `max_tokens` tokens or a side beyond the largest allowed, the grid within
/// these limits that keeps the shape best. A loss of shape counts ten times as much as a loss of
/// area.
text::Grid fitting_grid(int64_t height, int64_t width, int64_t max_tokens);

/// Chooses the size of a request that leaves it open: the composition's; or that of the first
/// condition picture, as far as the model's own size, max_pixels and the context allow; or the
/// model's own, as far as max_pixels allows.
void fill_size(Request& request, const Checkpoint& checkpoint);

/// The grids at which the model reads the condition pictures of a request whose size is known: the
/// nearest that it can read or, where the context does not hold all of them beside the prompt and
/// the picture, smaller ones. A given composition has fixed them. Throws kInvalidInput for a
/// picture more than four times as long as wide.
std::vector<text::Grid> condition_grids(const Checkpoint& checkpoint, const Request& request);

}  // namespace glm_image::pipeline
