#pragma once

#include <map>

#include "pipeline/draw.h"
#include "support/reference.h"

/// Runs of the whole pipeline, for comparison with the reference.
namespace glm_image::test {

/// All values that a run reported, in order, by name.
using Recording = std::map<std::string, std::vector<Tensor>>;

/// The request of a reference case, with the reference rules for quotes.
Request request_of(const ReferenceCase& reference);

/// Runs the pipeline and appends copies of the reported values to `recording`, on their device.
Result draw_recorded(const pipeline::Checkpoint& checkpoint,
                     const Request& request,
                     Recording& recording);

/// Largest difference between two pixel values, 0 to 255; 256 if the sizes differ.
int largest_difference(const Image& a, const Image& b);

}  // namespace glm_image::test
