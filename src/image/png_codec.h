#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "glm_image/request.h"
#include "image/image_limits.h"

namespace glm_image::image {

/// Keywords and values of PNG text chunks, both UTF-8, in file order.
using PngText = std::vector<std::pair<std::string, std::string>>;

/// Maximum size of all decompressed texts of one file together.
inline constexpr std::size_t kMaxPngTextBytes = std::size_t{1} << 21;
inline constexpr std::size_t kMaxPngTexts = 1000;

/// See decode_image.
Image decode_png(std::string_view bytes,
                 const std::string& name,
                 const ImageLimits& limits,
                 Warnings* warnings = nullptr);

/// See header_size in codec.h.
PictureSize png_header_size(std::string_view bytes, const std::string& name);

/// Keywords are 1 to 79 printable ASCII characters without leading, trailing or double spaces (the
/// format's own rule, without its other Latin-1 characters). A value that Latin-1 can express
/// becomes tEXt, any other an uncompressed iTXt. Throws kInvalidInput for another keyword, for a
/// value that is not UTF-8 or has a zero byte, and for more text than read_png_text accepts. `xmp`
/// is an XMP packet, or empty for none.
std::string encode_png(const Image& image, const PngText& text = {}, const std::string& xmp = {});

/// Returns the contents of all tEXt, zTXt and iTXt chunks, before and after the pixels. Throws
/// kUnsupported for a file that is not PNG, kCorruptFile for a damaged one, and kInvalidInput for
/// more than kMaxPngTextBytes or kMaxPngTexts.
/// With keywords in `only`, other texts are skipped: those of other programs may have any size.
PngText read_png_text(std::string_view bytes,
                      const std::string& name,
                      const std::vector<std::string>& only = {});
/// As above, for a file. Also throws as read_image does.
PngText read_png_text(const std::filesystem::path& path, const ImageLimits& limits = {});

}  // namespace glm_image::image
