#include <algorithm>
#include <utility>

#include "core/error.h"
#include "image/file_bytes.h"
#include "image/image_format.h"
#include "image/png_chunks.h"
#include "image/png_codec.h"
#include "text/unicode.h"

namespace glm_image::image {
namespace {

std::string valid_text(const PngChunk& chunk, const std::string& name) {
  auto value = png_chunk_text(chunk, name);
  if (text::first_invalid_utf8(value)) {
    PngParser(chunk.data, name).fail_corrupt("an international text is not valid UTF-8");
  }
  return value;
}

}  // namespace

PngText read_png_text(std::string_view bytes,
                      const std::string& name,
                      const std::vector<std::string>& only) {
  if (format_from_bytes(bytes, name) != ImageFormat::kPng) {
    fail(ErrorCode::kUnsupported, name, ": is not a PNG file; only PNG files contain texts");
  }
  auto file = png_chunks(bytes, name);
  PngText texts;
  std::size_t total = 0;
  for (auto chunk = take_png_chunk(file);; chunk = take_png_chunk(file)) {
    if (!chunk.intact) file.fail_corrupt("the checksum of a chunk is wrong");
    if (chunk.type == "IEND") return texts;
    if (!is_text(chunk)) continue;
    const auto stored = chunk.data.substr(0, chunk.data.find('\0'));
    if (!only.empty() && std::find(only.begin(), only.end(), stored) == only.end()) continue;
    // Reject only an absurd stored size here; the real limit applies to the decompressed size.
    if (texts.size() == kMaxPngTexts || chunk.data.size() > 2 * kMaxPngTextBytes) {
      file.fail_too_much();
    }
    PngParser data(chunk.data, name);
    auto keyword = from_latin1(data.take_string());
    auto value = valid_text(chunk, name);
    total += keyword.size() + value.size();
    if (total > kMaxPngTextBytes) file.fail_too_much();
    texts.emplace_back(std::move(keyword), std::move(value));
  }
}

PngText read_png_text(const std::filesystem::path& path, const ImageLimits& limits) {
  return read_png_text(read_file_bytes(path, limits.max_file_bytes), path.string());
}

}  // namespace glm_image::image
