#pragma once

#include <filesystem>
#include <functional>

#include "train/data/aspect_buckets.h"
#include "train/data/caption_rows.h"
#include "train/data/dataset.h"

namespace glm_image::train {

struct FolderOptions {
  std::filesystem::path folder;
  /// Replaces "[trigger]" in captions. A caption that has neither begins with it, and a comma.
  /// Empty: captions are used as they are, and those with "[trigger]" are refused. A trigger with
  /// spaces around it, with "[trigger]" or with a control character is refused.
  std::string trigger;
  /// Whether these are prior data, which have no trigger. The message about a caption with
  /// "[trigger]" then says so.
  bool is_prior = false;
};

/// The pictures of a folder with their captions (train/data/caption_rows.h).
class FolderDataset : public Dataset {
 public:
  /// A picture file that was read and checked.
  struct Picture {
    std::filesystem::path file;
    PictureSize size;     ///< after turning it upright as its metadata say
    std::string content;  ///< ContentHash of its bytes
  };
  struct Row {
    Picture picture;
    std::string caption;  ///< with the trigger word
    std::vector<Picture> references;
    int64_t repeats = 1;
    std::string source;
  };
  /// Called with the rows checked so far and in total; may throw to stop.
  using CheckProgress = std::function<void(int64_t done, int64_t total)>;

  /// Reads and checks all captions and pictures. Each unusable one adds a sentence to refused().
  /// Throws as read_caption_rows does, and kInvalidInput for a wrong trigger.
  explicit FolderDataset(const FolderOptions& options, const CheckProgress& progress = {});

  /// Counts each row as often as it is repeated.
  int64_t size() const override { return static_cast<int64_t>(row_of_.size()); }
  DataExample get(int64_t index) const override;

  const std::vector<Row>& rows() const { return rows_; }
  /// The row of an example.
  int64_t row_of(int64_t index) const { return row_of_.at(index); }
  /// One sentence for each row or picture that is not used: its file and line, and why.
  const std::vector<std::string>& refused() const { return refused_; }
  /// One sentence for each caption that is used but may be a mistake.
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// Calls `check` with each row, removes the rows for which it throws Error, and adds the messages
  /// to refused().
  void refuse_rows(const std::function<void(const Row&)>& check);
  bool has_references() const;
  /// Whether a file is one of the pictures or references, also by another path or a link.
  bool contains(const std::filesystem::path& file) const;
  /// ContentHash of everything that training sees: pictures, captions, references, repeats.
  std::string content() const;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  void number_examples();

  std::filesystem::path folder_;
  std::vector<Row> rows_;
  std::vector<int64_t> row_of_;  ///< of each example
  std::vector<std::string> refused_;
  std::vector<std::string> warnings_;
};

}  // namespace glm_image::train
