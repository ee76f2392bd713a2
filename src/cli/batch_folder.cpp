#include "cli/batch_folder.h"

#include <algorithm>
#include <cmath>

#include "cli/output_names.h"
#include "core/atomic_file.h"
#include "core/output_error.h"
#include "image/codec.h"
#include "image/contact_sheet.h"
#include "image/numerals.h"
#include "image/resize.h"
#include "pipeline/picture_metadata.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kThumbnailSide = 192;
constexpr std::size_t kPicturesOfASheet = 400;

Image thumbnail(const fs::path& path, int64_t number) {
  auto image = image::read_image(path);
  const auto longest = std::max(image.width, image.height);
  if (longest > kThumbnailSide) {
    const auto side = [&](int64_t pixels) {
      return std::max<int64_t>(1, pixels * kThumbnailSide / longest);
    };
    image = image::resize_lanczos(image, side(image.width), side(image.height));
  }
  image::write_number(image, number);
  return image;
}

constexpr std::size_t kFingerprintDigits = 10;

/// "NAME-FINGERPRINT" of a picture's name without its extension; empty for another name.
std::string stem_of(std::string name) {
  const auto ends_in_fingerprint = [&] {
    const auto dash = name.rfind('-');
    return dash != std::string::npos && name.size() - dash - 1 == kFingerprintDigits &&
           name.find_first_not_of("0123456789abcdef", dash + 1) == std::string::npos;
  };
  if (ends_in_fingerprint()) return name;
  name.resize(std::min(name.rfind('-'), name.size()));  // the number of one of several
  return ends_in_fingerprint() ? name : "";
}

}  // namespace

BatchFolder::BatchFolder(fs::path folder, std::string extension)
    : folder_(std::move(folder)), extension_(std::move(extension)) {
  std::error_code error, unknown_kind;
  fs::create_directories(folder_, error);
  if (!fs::is_directory(folder_, unknown_kind)) {
    fail_output(error.value(), folder_.string(), ": cannot be made, or is not a folder");
  }
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    // Empty files are not ours: pictures appear whole.
    std::error_code unknown;
    if (!entry.is_regular_file(unknown) || entry.file_size(unknown) == 0) continue;
    const auto name = entry.path().filename();
    found_.insert(name.string());
    if (name.extension() != extension_) continue;
    if (const auto stem = stem_of(name.stem().string()); !stem.empty()) {
      stems_.emplace(stem.substr(stem.size() - kFingerprintDigits), stem);
    }
  }
}

std::vector<fs::path> BatchFolder::files_of(const BatchLine& line) const {
  // Lines that moved keep the names of their pictures.
  const auto known = stems_.find(line.fingerprint);
  const auto stem = known != stems_.end() ? known->second : line.name + "-" + line.fingerprint;
  std::vector<fs::path> files;
  for (int64_t i = 0; i < line.request.count; ++i) {
    const auto path = (folder_ / (stem + extension_)).string();
    files.emplace_back(numbered_path(path, i, line.request.count));
  }
  return files;
}

bool BatchFolder::is_done(const BatchLine& line) const {
  const auto files = files_of(line);
  return std::all_of(files.begin(), files.end(), [this](const fs::path& file) {
    return found_.count(file.filename().string()) != 0;
  });
}

std::vector<fs::path> write_contact_sheets(
    const fs::path& folder, const std::vector<std::pair<int64_t, fs::path>>& pictures) {
  const auto count = (pictures.size() + kPicturesOfASheet - 1) / kPicturesOfASheet;
  std::vector<fs::path> sheets;
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin = i * kPicturesOfASheet;
    const auto end = std::min(begin + kPicturesOfASheet, pictures.size());
    const auto in_row =
        static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(end - begin))));
    std::vector<std::vector<Image>> rows(1);
    for (auto picture = begin; picture < end; ++picture) {
      if (rows.back().size() == in_row) rows.emplace_back();
      try {
        rows.back().push_back(thumbnail(pictures[picture].second, pictures[picture].first));
      } catch (const Error&) {
        continue;  // removed or changed in the meantime
      }
    }
    image::EncodeOptions encode;
    pipeline::add_source_mark(/*is_edit=*/false, encode);
    sheets.emplace_back(numbered_path((folder / "contact-sheet.jpg").string(),
                                      static_cast<int64_t>(i),
                                      static_cast<int64_t>(count)));
    image::write_image(sheets.back(), image::contact_sheet(rows), encode);
  }
  return sheets;
}

}  // namespace glm_image::cli
