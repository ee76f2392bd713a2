#include "train/data/folder_dataset.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "core/content_hash.h"
#include "core/error.h"
#include "glm_image/limits.h"
#include "image/codec.h"
#include "image/file_bytes.h"
#include "io/shown.h"
#include "text/grid.h"

namespace glm_image::train {
namespace {

constexpr const char* kTriggerMark = "[trigger]";

void check_trigger(const std::string& trigger) {
  if (trigger.empty()) return;
  constexpr const char* kSpace = " \t\n\r\f\v";
  const auto at_end = [&](char letter) { return std::strchr(kSpace, letter) != nullptr; };
  const bool is_padded = at_end(trigger.front()) || at_end(trigger.back());
  const bool has_control = std::any_of(trigger.begin(), trigger.end(), [](unsigned char letter) {
    return std::iscntrl(letter) != 0;
  });
  if (!is_padded && !has_control && trigger.find(kTriggerMark) == std::string::npos) return;
  fail(ErrorCode::kInvalidInput,
       "the trigger must be a word without spaces around it, without control characters and "
       "without ",
       kTriggerMark,
       "; found ",
       io::shown_name(trigger));
}

std::string with_trigger(std::string caption, const FolderOptions& options) {
  const std::string mark = kTriggerMark;
  const auto& trigger = options.trigger;
  if (trigger.empty()) {
    if (caption.find(mark) == std::string::npos) return caption;
    fail(ErrorCode::kInvalidInput,
         "the caption has ",
         mark,
         options.is_prior ? ", but --prior-data is used without a trigger word"
                          : ", but no --trigger WORD is given");
  }
  for (auto at = caption.find(mark); at != std::string::npos;
       at = caption.find(mark, at + trigger.size())) {
    caption.replace(at, mark.size(), trigger);
  }
  return caption.find(trigger) == std::string::npos ? trigger + ", " + caption : caption;
}

FolderDataset::Picture checked_picture(const std::filesystem::path& folder,
                                       const std::string& name) {
  FolderDataset::Picture picture;
  picture.file = folder / name;
  std::error_code error;
  if (!std::filesystem::exists(picture.file, error)) {
    fail(ErrorCode::kNotFound, "'", name, "' is not in ", folder.string());
  }
  const auto bytes = image::read_file_bytes(picture.file, image::ImageLimits().max_file_bytes);
  const auto decoded = image::decode_image(bytes, name);
  picture.size = {decoded.width, decoded.height};
  picture.content = ContentHash().add(bytes).hex();
  const auto [shorter, longer] = std::minmax(decoded.width, decoded.height);
  const auto refuse = [&](const auto&... rule) {
    fail(ErrorCode::kInvalidInput,
         name,
         " has ",
         decoded.width,
         "x",
         decoded.height,
         " pixels; ",
         rule...);
  };
  if (shorter < text::kTokenSide) {
    refuse("each side must have at least ", text::kTokenSide);
  }
  if (longer > AspectBuckets::kMaxAspectRatio * shorter) {
    refuse("the longer side may be at most ",
           AspectBuckets::kMaxAspectRatio,
           " times the shorter one");
  }
  return picture;
}

/// The sentence about a row, which names its picture once: a caption file has the picture's name.
std::string about_row(const CaptionRow& row,
                      const std::filesystem::path& folder,
                      std::string sentence) {
  const auto path = (folder / row.file).string();
  if (sentence.rfind(path, 0) == 0) sentence.replace(0, path.size(), row.file);
  const bool is_beside =
      std::filesystem::path(row.source).stem() == std::filesystem::path(row.file).stem();
  if (is_beside && sentence.rfind(row.file, 0) == 0) return sentence;
  return concat(row.source, ": ", sentence);
}

}  // namespace

FolderDataset::FolderDataset(const FolderOptions& options, const CheckProgress& progress)
    : folder_(options.folder) {
  check_trigger(options.trigger);
  auto found = read_caption_rows(folder_);
  refused_ = std::move(found.refused);
  warnings_ = std::move(found.warnings);
  const auto total = static_cast<int64_t>(found.rows.size());
  for (int64_t i = 0; i < total; ++i) {
    const auto& written = found.rows[i];
    try {
      if (written.references.size() > limits::kMaxConditionImages) {
        fail(ErrorCode::kInvalidInput,
             "has ",
             written.references.size(),
             " references; at most ",
             limits::kMaxConditionImages,
             " are allowed");
      }
      Row row;
      row.picture = checked_picture(folder_, written.file);
      for (const auto& file : written.references) {
        row.references.push_back(checked_picture(folder_, file));
      }
      row.caption = with_trigger(written.caption, options);
      row.repeats = written.repeats;
      row.source = written.source;
      rows_.push_back(std::move(row));
    } catch (const Error& error) {
      refused_.push_back(about_row(written, folder_, error.what()));
    }
    if (progress) progress(i + 1, total);
  }
  number_examples();
}

void FolderDataset::number_examples() {
  row_of_.clear();
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    row_of_.insert(row_of_.end(), rows_[row].repeats, static_cast<int64_t>(row));
  }
}

bool FolderDataset::contains(const std::filesystem::path& file) const {
  const auto is_same = [&](const Picture& picture) {
    std::error_code error;
    return std::filesystem::equivalent(picture.file, file, error);
  };
  return std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) {
    return is_same(row.picture) ||
           std::any_of(row.references.begin(), row.references.end(), is_same);
  });
}

void FolderDataset::refuse_rows(const std::function<void(const Row&)>& check) {
  const auto is_refused = [&](const Row& row) {
    try {
      check(row);
      return false;
    } catch (const Error& error) {
      refused_.push_back(concat(row.source, ": ", error.what()));
      return true;
    }
  };
  rows_.erase(std::remove_if(rows_.begin(), rows_.end(), is_refused), rows_.end());
  number_examples();
}

DataExample FolderDataset::get(int64_t index) const {
  const auto& row = rows_.at(row_of(index));
  DataExample example{image::read_image(row.picture.file), row.caption, {}};
  for (const auto& reference : row.references) {
    example.references.push_back(image::read_image(reference.file));
  }
  return example;
}

bool FolderDataset::has_references() const {
  return std::any_of(
      rows_.begin(), rows_.end(), [](const Row& row) { return !row.references.empty(); });
}

std::string FolderDataset::content() const {
  ContentHash hash;
  for (const auto& row : rows_) {
    hash.add_field(row.picture.content).add_field(row.caption).add_number(row.repeats);
    hash.add_number(static_cast<int64_t>(row.references.size()));
    for (const auto& reference : row.references) hash.add_field(reference.content);
  }
  return hash.hex();
}

}  // namespace glm_image::train
