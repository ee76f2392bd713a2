#include <zlib.h>

#include <new>

#include "core/error.h"
#include "image/file_bytes.h"
#include "image/image_format.h"
#include "image/png_codec.h"
#include "text/unicode.h"

namespace glm_image::image {
namespace {

// By hand, since libpng would decode all pixels on the way to the texts behind them, and drop in
// silence what its limits do not let pass. A file is a signature and then chunks up to IEND; a
// chunk is the size of its data, four letters of type, the data, and the checksum of type and data.

constexpr std::size_t kSignatureBytes = 8;
constexpr std::size_t kTypeBytes = 4;
constexpr uint8_t kDeflate = 0;

/// Takes a file or a chunk apart from its front.
class Parser {
 public:
  /// Keeps a reference to the name.
  Parser(std::string_view bytes, const std::string& name) : rest_(bytes), name_(name) {}

  std::string_view take(std::size_t size) {
    if (size > rest_.size()) fail_corrupt("it ends too early");
    const auto part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }

  std::string_view take_rest() { return take(rest_.size()); }

  uint8_t take_byte() { return static_cast<uint8_t>(take(1)[0]); }

  uint32_t take_number() {
    uint32_t value = 0;
    for (const char byte : take(4)) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
  }

  /// Up to a zero byte, which is taken as well.
  std::string_view take_string() {
    const auto size = rest_.find('\0');
    if (size == std::string_view::npos) fail_corrupt("a text chunk is incomplete");
    return take(size + 1).substr(0, size);
  }

  [[noreturn]] void fail_corrupt(const char* reason) const {
    fail(ErrorCode::kCorruptFile, name_, ": is a damaged PNG file: ", reason);
  }

  [[noreturn]] void fail_too_much() const {
    fail(ErrorCode::kInvalidInput,
         name_,
         ": holds too much text; allowed are ",
         kMaxPngTexts,
         " texts and ",
         kMaxPngTextBytes,
         " bytes in all");
  }

 private:
  std::string_view rest_;
  const std::string& name_;
};

struct Chunk {
  std::string_view type;
  std::string_view data;
};

Chunk take_chunk(Parser& file) {
  const std::size_t size = file.take_number();
  const auto checked = file.take(kTypeBytes + size);
  const auto checksum = crc32_z(0, reinterpret_cast<const Bytef*>(checked.data()), checked.size());
  if (file.take_number() != checksum) file.fail_corrupt("the checksum of a chunk is wrong");
  return {checked.substr(0, kTypeBytes), checked.substr(kTypeBytes)};
}

std::string decompress(std::string_view compressed, const Parser& parser) {
  // One byte more than allowed, to tell what is too long from what just fits.
  std::string text(kMaxPngTextBytes + 1, '\0');
  uLongf size = text.size();
  const int status = uncompress(reinterpret_cast<Bytef*>(text.data()),
                                &size,
                                reinterpret_cast<const Bytef*>(compressed.data()),
                                compressed.size());
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  if (status == Z_BUF_ERROR && size == text.size()) parser.fail_too_much();
  if (status != Z_OK) parser.fail_corrupt("a compressed text cannot be decompressed");
  text.resize(size);
  return text;
}

std::string from_latin1(std::string_view latin1) {
  std::string utf8;
  for (const char letter : latin1) text::append_utf8(utf8, static_cast<unsigned char>(letter));
  return utf8;
}

/// What follows the keyword of an iTXt.
std::string take_international_text(Parser& chunk) {
  const bool compressed = chunk.take_byte() != 0;
  const auto method = chunk.take_byte();
  chunk.take_string();  // the language
  chunk.take_string();  // the keyword in that language
  if (!compressed) return std::string(chunk.take_rest());
  if (method != kDeflate) chunk.fail_corrupt("a text is compressed in an unknown way");
  return decompress(chunk.take_rest(), chunk);
}

std::string take_text(Parser& chunk, std::string_view type) {
  if (type == "tEXt") return from_latin1(chunk.take_rest());
  if (type == "zTXt") {
    if (chunk.take_byte() != kDeflate) chunk.fail_corrupt("a text is compressed in an unknown way");
    return from_latin1(decompress(chunk.take_rest(), chunk));
  }
  auto text = take_international_text(chunk);
  try {
    text::require_utf8(text);
  } catch (const Error&) {
    chunk.fail_corrupt("an international text is not valid UTF-8");
  }
  return text;
}

}  // namespace

PngText read_png_text(std::string_view bytes, const std::string& name) {
  if (format_from_bytes(bytes, name) != ImageFormat::kPng) {
    fail(ErrorCode::kUnsupported, name, ": is not a PNG file; only these carry texts");
  }
  Parser file(bytes, name);
  file.take(kSignatureBytes);
  PngText texts;
  std::size_t total = 0;
  for (auto chunk = take_chunk(file); chunk.type != "IEND"; chunk = take_chunk(file)) {
    if (chunk.type != "tEXt" && chunk.type != "zTXt" && chunk.type != "iTXt") continue;
    // Of the stored size only the excessive is refused here: it is not what counts in the end.
    if (texts.size() == kMaxPngTexts || chunk.data.size() > 2 * kMaxPngTextBytes) {
      file.fail_too_much();
    }
    Parser data(chunk.data, name);
    auto keyword = from_latin1(data.take_string());
    auto text = take_text(data, chunk.type);
    total += keyword.size() + text.size();
    if (total > kMaxPngTextBytes) file.fail_too_much();
    texts.emplace_back(std::move(keyword), std::move(text));
  }
  return texts;
}

PngText read_png_text(const std::filesystem::path& path, const ImageLimits& limits) {
  return read_png_text(read_file_bytes(path, limits.max_file_bytes), path.string());
}

}  // namespace glm_image::image
