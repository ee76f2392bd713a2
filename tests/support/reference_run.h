#pragma once

#include <map>

#include "pipeline/draw.h"
#include "support/reference.h"

/// Runs of the whole pipeline that are compared with the reference's.
namespace glm_image::test {

/// Everything that a run reported, in order, by name.
using Recording = std::map<std::string, std::vector<Tensor>>;

/// What the reference was asked, with its rules for quotes.
Request request_of(const ReferenceCase& reference);

/// Draws, and adds what the run reports to `recording`: copies, on the device where they were.
Result draw_recorded(const pipeline::Checkpoint& checkpoint,
                     const Request& request,
                     Recording& recording);

/// Largest difference between two values of the pictures, 0 to 255; 256 when their sizes differ.
int largest_difference(const Image& a, const Image& b);

}  // namespace glm_image::test
