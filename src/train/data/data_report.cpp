#include "train/data/data_report.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/text_format.h"
#include "image/codec.h"
#include "image/contact_sheet.h"
#include "image/numerals.h"
#include "image/resize.h"
#include "io/shown.h"
#include "text/glyph_texts.h"

namespace glm_image::train {
namespace {

constexpr int64_t kThumbnailSide = 160;
constexpr int64_t kThumbnailsInRow = 8;
constexpr int64_t kMostThumbnails = 96;

std::string size_text(const PictureSize& size) {
  return concat(size.width, "x", size.height);
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string quoted_texts(const std::string& caption) {
  std::string list;
  for (const auto& text : text::glyph_texts(caption, text::GlyphRules::kSmart)) {
    list += (list.empty() ? "\"" : ", \"") + text + "\"";
  }
  return list;
}

Image thumbnail(const Image& image) {
  const double scale = std::min(1.0,
                                static_cast<double>(kThumbnailSide) /
                                    static_cast<double>(std::max(image.width, image.height)));
  const auto side = [&](int64_t length) {
    return std::max<int64_t>(1, std::llround(static_cast<double>(length) * scale));
  };
  return image::resize_lanczos(image, side(image.width), side(image.height));
}

}  // namespace

std::string describe_data(const FolderDataset& data,
                          const AspectBuckets& buckets,
                          const Translate& translate) {
  const auto& rows = data.rows();
  const auto add_list = [&](const char* title, const std::vector<std::string>& sentences) {
    std::string list;
    if (!sentences.empty()) list = concat("\n", translate(title), "\n");
    for (const auto& sentence : sentences) {
      list += "  " + io::printable(translate(sentence)) + "\n";
    }
    return list;
  };
  auto used = concat(rows.size(), rows.size() == 1 ? " picture" : " pictures");
  if (data.size() != static_cast<int64_t>(rows.size())) {
    used += concat(" (", data.size(), " with repeats)");
  }
  auto report = translate(concat(used, " will be used, ", data.refused().size(), " will not"));
  report += "\n" + add_list("Not used:", data.refused()) + add_list("Warnings:", data.warnings());
  if (rows.empty()) return report;

  std::map<std::pair<int64_t, int64_t>, int64_t> counts;
  for (const auto& row : rows) {
    const auto size = buckets.of(row.picture.size.width, row.picture.size.height);
    counts[{size.width, size.height}] += row.repeats;
  }
  report += concat("\n", translate("Sizes (pictures, with repeats):"), "\n");
  for (const auto& [size, count] : counts) {
    report += concat("  ", padded(size_text({size.first, size.second}), 10), " ", count, "\n");
  }

  report += concat("\n", translate("Pictures:"), "\n");
  int64_t number = 0, silent = 0;
  for (const auto& row : rows) {
    const auto texts = quoted_texts(row.caption);
    const auto size = buckets.of(row.picture.size.width, row.picture.size.height);
    if (texts.empty()) ++silent;
    report += concat("  ",
                     ++number,
                     "  ",
                     io::printable(row.picture.file.filename().string()),
                     "  ",
                     size_text(row.picture.size),
                     " -> ",
                     size_text(size));
    if (!row.references.empty()) {
      report += "  " + translate(concat("references: ", row.references.size()));
    }
    if (!texts.empty()) report += concat("  ", translate("spells"), " ", io::printable(texts));
    report += concat("\n      ", io::printable(row.caption), "\n");
  }
  auto quoting = concat(silent, silent == 1 ? " caption quotes" : " captions quote", " no text");
  if (silent > 0) quoting += "; quote every text that a picture shows, so that it is spelled";
  return concat(report, "\n", translate(quoting), "\n");
}

Image data_sheet(const FolderDataset& data, const AspectBuckets& buckets) {
  std::vector<std::vector<Image>> sheet;
  int64_t shown = 0, number = 0;
  const auto add = [&](const Image& image) -> Image& {
    if (sheet.empty() || static_cast<int64_t>(sheet.back().size()) == kThumbnailsInRow) {
      sheet.emplace_back();
    }
    ++shown;
    return sheet.back().emplace_back(thumbnail(image));
  };
  for (const auto& row : data.rows()) {
    if (shown + static_cast<int64_t>(row.references.size()) >= kMostThumbnails) break;
    for (const auto& reference : row.references) add(image::read_image(reference.file));
    const auto picture = image::read_image(row.picture.file);
    const auto size = buckets.of(picture.width, picture.height);
    image::write_number(add(fit_picture(picture, size).image), ++number);
  }
  return sheet.empty() ? Image() : image::contact_sheet(sheet);
}

}  // namespace glm_image::train
