#include "cli/message_catalogue.h"

#include <fstream>
#include <iterator>

namespace glm_image::cli {
namespace {

constexpr uint32_t kMagic = 0x950412de;
/// Bytes of the header: the magic number, the revision, the number of rows and the two tables.
constexpr std::size_t kCountAt = 8, kTextsAt = 12, kTranslationsAt = 16, kHeadSize = 28;
constexpr std::size_t kRowSize = 8;
constexpr std::size_t kNumberSize = 4;

}  // namespace

MessageCatalogue MessageCatalogue::load(const std::filesystem::path& path) {
  MessageCatalogue catalogue;
  std::ifstream stream(path, std::ios::binary);
  catalogue.file_.assign(std::istreambuf_iterator<char>(stream), {});
  if (catalogue.file_.size() < kHeadSize || catalogue.number(0) != kMagic) return {};
  Tables tables;
  tables.count = catalogue.number(kCountAt);
  tables.texts = catalogue.number(kTextsAt);
  tables.translations = catalogue.number(kTranslationsAt);
  for (const uint64_t table : {tables.texts, tables.translations}) {
    if (table + uint64_t{kRowSize} * tables.count > catalogue.file_.size()) return {};
  }
  catalogue.tables_ = tables;
  return catalogue;
}

uint32_t MessageCatalogue::number(std::size_t position) const {
  uint32_t value = 0;
  for (std::size_t i = kNumberSize; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(file_[position + i]);
  }
  return value;
}

/// Empty where the row leaves the file.
std::string_view MessageCatalogue::row(uint32_t table, uint32_t index) const {
  const std::size_t at = table + kRowSize * std::size_t{index};
  const std::size_t length = number(at), position = number(at + kNumberSize);
  if (position > file_.size() || length > file_.size() - position) return {};
  return std::string_view(file_).substr(position, length);
}

std::string MessageCatalogue::find(const std::string& text) const {
  uint32_t begin = 0, end = tables_.count;
  while (begin < end) {
    const uint32_t middle = begin + (end - begin) / 2;
    const auto order = row(tables_.texts, middle).compare(text);
    if (order == 0) return std::string(row(tables_.translations, middle));
    (order < 0 ? begin : end) = order < 0 ? middle + 1 : middle;
  }
  return text;
}

}  // namespace glm_image::cli
