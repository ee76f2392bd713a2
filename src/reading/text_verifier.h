#pragma once

#include <memory>

#include "glm_image/verification.h"

namespace glm_image::reading {

/// Returns the verifier that reads with Tesseract. In a build without Tesseract, its functions
/// throw kUnsupported with what to install. Data are loaded when a picture is read, and released
/// after it.
std::unique_ptr<TextVerifier> make_text_verifier();

}  // namespace glm_image::reading
