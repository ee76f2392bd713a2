#include "io/stand_in.h"

#include <algorithm>
#include <cctype>

#include "core/prefix.h"
#include "core/text_format.h"

namespace glm_image::io {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kLfsPointer = "version https://git-lfs.github.com/spec/";
/// Maximum length of Git LFS pointers and of links saved as text.
constexpr std::size_t kMaxPointerBytes = 1024;
/// Zero bytes at the beginning that show an unfinished download: download tools reserve a file's
/// space as zero bytes. A safetensors file cannot begin with them, because its first 8 bytes are
/// the length of its header, and JSON has no zero bytes.
constexpr std::size_t kZeroBytes = 8;

bool starts_with_tag(std::string_view text, std::string_view tag) {
  if (text.size() < tag.size()) return false;
  return std::equal(tag.begin(), tag.end(), text.begin(), [](char a, char b) {
    return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
  });
}

/// The digits after "size " in a Git LFS pointer.
std::string_view size_in_pointer(std::string_view pointer) {
  constexpr std::string_view kKey = "\nsize ";
  const auto at = pointer.find(kKey);
  if (at == std::string_view::npos) return {};
  const auto digits = pointer.substr(at + kKey.size());
  const auto end = digits.find_first_not_of("0123456789");
  return digits.substr(0, end == std::string_view::npos ? digits.size() : end);
}

}  // namespace

std::optional<std::string> describe_stand_in(std::string_view bytes) {
  if (bytes.empty()) return ": is empty: download it again";
  const auto head = bytes.substr(0, kZeroBytes);
  if (head.size() == kZeroBytes &&
      std::all_of(head.begin(), head.end(), [](char byte) { return byte == 0; })) {
    return ": begins with zero bytes: its download was not finished; download it again";
  }
  if (starts_with(bytes, kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  const auto first = std::find_if(
      bytes.begin(), bytes.end(), [](unsigned char c) { return std::isspace(c) == 0; });
  const auto text = bytes.substr(static_cast<std::size_t>(first - bytes.begin()));
  if (starts_with(text, kLfsPointer)) {
    const auto size = size_in_pointer(text.substr(0, kMaxPointerBytes));
    return concat(": is a Git LFS pointer, not the file itself",
                  size.empty() ? "" : concat(" of ", size, " bytes"),
                  ": run `git lfs install` and `git lfs pull` in its folder, or download the file");
  }
  if (starts_with_tag(text, "<!doctype html") || starts_with_tag(text, "<html")) {
    return ": holds a web page, not the file itself: the download was answered with a page (a "
           "login or an error); download it again";
  }
  if (starts_with(text, "../") && text.size() < kMaxPointerBytes &&
      text.find_first_of("{}[]\"") == std::string_view::npos) {
    return ": holds the text of a link, not the file itself: copy the folder with its links "
           "followed (cp -L), or download it again";
  }
  return std::nullopt;
}

}  // namespace glm_image::io
