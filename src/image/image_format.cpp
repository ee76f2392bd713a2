#include "image/image_format.h"

#include <algorithm>

#include "core/error.h"

namespace glm_image::image {
namespace {

using namespace std::string_view_literals;

bool has_at(std::string_view bytes, std::size_t offset, std::string_view part) {
  return bytes.size() >= offset && bytes.substr(offset, part.size()) == part;
}

/// Whether the bytes begin as a page in HTML, after comments and the like. Browsers save one where
/// a link led to a page that shows the picture, or to a login.
bool is_web_page(std::string_view bytes) {
  constexpr std::size_t kHeadBytes = 1024;
  std::string head(bytes.substr(0, kHeadBytes));
  std::transform(head.begin(), head.end(), head.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  const auto first = head.find_first_not_of("\xEF\xBB\xBF \t\r\n");
  return first != std::string::npos && head[first] == '<' && !has_at(head, first, "<svg"sv) &&
         (head.find("<!doctype html") != std::string::npos ||
          head.find("<html") != std::string::npos);
}

/// Returns the name of a common unsupported format for the message, or null.
const char* foreign_format(std::string_view bytes) {
  if (has_at(bytes, 0, "GIF8"sv)) return "GIF";
  if (has_at(bytes, 0, "BM"sv)) return "BMP";
  if (has_at(bytes, 0, "II*\0"sv) || has_at(bytes, 0, "MM\0*"sv)) return "TIFF";
  if (has_at(bytes, 4, "ftypavif"sv)) return "AVIF";
  if (has_at(bytes, 4, "ftyphei"sv) || has_at(bytes, 4, "ftypmif1"sv)) return "HEIC";
  if (has_at(bytes, 0, "%PDF"sv)) return "PDF";
  if (has_at(bytes, 0, "<svg"sv) || has_at(bytes, 0, "<?xml"sv)) return "SVG or other XML";
  return nullptr;
}

}  // namespace

ImageFormat format_from_path(const std::filesystem::path& path) {
  auto extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  if (extension == ".png") return ImageFormat::kPng;
  if (extension == ".jpg" || extension == ".jpeg") return ImageFormat::kJpeg;
  if (extension == ".webp") return ImageFormat::kWebp;
  fail(ErrorCode::kInvalidInput,
       path.string(),
       ": the name of a picture must end in .png, .jpg, .jpeg or .webp, found ",
       extension.empty() ? "no ending" : extension);
}

ImageFormat format_from_bytes(std::string_view bytes, const std::string& name) {
  if (bytes.empty()) fail(ErrorCode::kCorruptFile, name, ": is empty");
  if (has_at(bytes, 0, "\x89PNG\r\n\x1a\n"sv)) return ImageFormat::kPng;
  if (has_at(bytes, 0, "\xff\xd8\xff"sv)) return ImageFormat::kJpeg;
  if (has_at(bytes, 0, "RIFF"sv) && has_at(bytes, 8, "WEBP"sv)) return ImageFormat::kWebp;
  if (is_web_page(bytes)) {
    fail(ErrorCode::kUnsupported,
         name,
         ": is a web page, not a picture; download the picture itself");
  }
  const char* found = foreign_format(bytes);
  fail(ErrorCode::kUnsupported,
       name,
       ": is not a PNG, JPEG or WebP picture",
       found ? concat(" but ", found) : "");
}

}  // namespace glm_image::image
