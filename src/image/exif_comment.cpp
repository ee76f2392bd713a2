#include "image/exif_comment.h"

#include "image/tiff_block.h"
#include "text/unicode.h"

namespace glm_image::image {
namespace {

using namespace std::string_view_literals;

constexpr uint32_t kSoftwareTag = 0x0131;
constexpr uint32_t kExifDirectoryTag = 0x8769;
constexpr uint32_t kExifVersionTag = 0x9000;
constexpr uint32_t kCommentTag = 0x9286;

/// The first eight bytes of a comment name its character code.
constexpr auto kUnicode = "UNICODE\0"sv;
constexpr auto kAsciiCode = "ASCII\0\0\0"sv;
constexpr auto kUndefinedCode = "\0\0\0\0\0\0\0\0"sv;

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kHighSurrogate = 0xD800, kLowSurrogate = 0xDC00, kSurrogatesEnd = 0xE000;

void append(std::string& bytes, uint64_t value, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(value >> shift));
  }
}

void append_field(std::string& bytes, uint32_t tag, TiffType type, uint64_t count, uint64_t value) {
  append(bytes, tag, 2);
  append(bytes, type, 2);
  append(bytes, count, 4);
  append(bytes, value, 4);
}

/// Big-endian, without a mark of the byte order.
std::string to_utf16(std::string_view utf8) {
  std::string utf16;
  for (const auto& character : text::code_points(text::replace_invalid_utf8(utf8))) {
    if (character.value < 0x10000) {
      append(utf16, character.value, 2);
      continue;
    }
    const auto rest = character.value - 0x10000;
    append(utf16, kHighSurrogate + (rest >> 10), 2);
    append(utf16, kLowSurrogate + (rest & 0x3FF), 2);
  }
  return utf16;
}

/// The generation parameters hold ASCII, whose upper bytes are zero.
bool looks_little_endian(std::string_view utf16, bool block_is_little_endian) {
  std::size_t zeros[2] = {};
  for (std::size_t i = 0; i < utf16.size(); ++i) zeros[i % 2] += utf16[i] == '\0' ? 1 : 0;
  return zeros[0] == zeros[1] ? block_is_little_endian : zeros[1] > zeros[0];
}

std::string from_utf16(std::string_view utf16, bool little_endian) {
  const auto unit = [&](std::size_t i) -> char32_t {
    const auto first = static_cast<uint8_t>(utf16[2 * i]);
    const auto second = static_cast<uint8_t>(utf16[2 * i + 1]);
    return little_endian ? second * 256U + first : first * 256U + second;
  };
  const auto units = utf16.size() / 2;
  std::string utf8;
  for (std::size_t i = 0; i < units; ++i) {
    auto value = unit(i);
    if (value >= kHighSurrogate && value < kSurrogatesEnd) {
      const char32_t next = i + 1 < units ? unit(i + 1) : 0;
      if (value < kLowSurrogate && next >= kLowSurrogate && next < kSurrogatesEnd) {
        value = 0x10000 + ((value - kHighSurrogate) << 10) + (next - kLowSurrogate);
        ++i;
      } else {
        value = kReplacement;
      }
    }
    text::append_utf8(utf8, value);
  }
  return utf8;
}

std::optional<std::string> decoded(std::string_view comment, bool block_is_little_endian) {
  const auto code = comment.substr(0, kUnicode.size());
  comment.remove_prefix(code.size());
  if (code == kUnicode) {
    return from_utf16(comment, looks_little_endian(comment, block_is_little_endian));
  }
  if (code == kAsciiCode || code == kUndefinedCode) return text::replace_invalid_utf8(comment);
  return std::nullopt;
}

}  // namespace

std::string exif_with_comment(std::string_view comment, const std::string& software) {
  constexpr std::size_t kHeaderBytes = 8, kDirectoryBytes = 2 + 2 * 12 + 4;
  auto program = software + '\0';
  if (program.size() % 2 != 0) program += '\0';  // offsets are even
  const auto value = std::string(kUnicode) + to_utf16(comment);
  const auto program_at = kHeaderBytes + kDirectoryBytes;
  const auto directory_at = program_at + program.size();
  constexpr uint64_t kVersion = 0x30323332;  // "0232"

  std::string bytes = "MM";
  append(bytes, 42, 2);
  append(bytes, kHeaderBytes, 4);
  append(bytes, 2, 2);
  append_field(bytes, kSoftwareTag, kTiffAscii, software.size() + 1, program_at);
  append_field(bytes, kExifDirectoryTag, kTiffLong, 1, directory_at);
  append(bytes, 0, 4);  // no further directory
  bytes += program;
  append(bytes, 2, 2);
  append_field(bytes, kExifVersionTag, kTiffUndefined, 4, kVersion);
  append_field(bytes, kCommentTag, kTiffUndefined, value.size(), directory_at + kDirectoryBytes);
  append(bytes, 0, 4);
  return bytes + value;
}

std::optional<std::string> exif_comment(std::string_view bytes) {
  const auto block = TiffBlock::open(bytes);
  if (!block) return std::nullopt;
  for (const auto& field : block->fields()) {
    if (field.tag != kExifDirectoryTag || field.size != 4) continue;
    for (const auto& inner : block->fields(*block->read(field.offset, 4))) {
      if (inner.tag != kCommentTag) continue;
      auto comment = decoded(block->bytes_of(inner), block->is_little_endian());
      if (!comment) return std::nullopt;
      while (!comment->empty() && comment->back() == '\0') comment->pop_back();
      return comment;
    }
  }
  return std::nullopt;
}

}  // namespace glm_image::image
