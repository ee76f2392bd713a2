#pragma once

#include <filesystem>
#include <string>

#include "glm_image/image_file.h"
#include "glm_image/pipeline.h"

/// Files of generated pictures, as `glm-image generate` and `edit` write them.
namespace glm_image {

struct PictureFileOptions {
  int quality = kDefaultImageQuality;  ///< of JPEG and WebP, 1 to 100
  /// Store the prompt and the settings, with which the picture can be drawn again (`--like`).
  bool parameters = true;
};

/// Returns the bytes of a file that holds a picture of Pipeline::generate. The file says in XMP
/// that the picture was generated, or composed with generated parts if the request has condition
/// pictures (IPTC DigitalSourceType). `request` is the request as Pipeline::check returned it,
/// `model` is Pipeline::info(). Throws Error as encode_image does, and kInvalidInput if parameters
/// of a request that check() did not return are to be stored.
std::string encode_picture(const Picture& picture,
                           const Request& request,
                           const ModelInfo& model,
                           ImageFormat format,
                           const PictureFileOptions& options = {});

/// As encode_picture, in the format of the name's extension (.png, .jpg, .jpeg, .webp). The file
/// appears whole or not at all. Also throws kInvalidInput for another extension and kOutput if the
/// file cannot be written.
void write_picture(const std::filesystem::path& path,
                   const Picture& picture,
                   const Request& request,
                   const ModelInfo& model,
                   const PictureFileOptions& options = {});

}  // namespace glm_image
