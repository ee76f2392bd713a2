#include "cli/output_names.h"

#include <algorithm>
#include <filesystem>

#include "core/atomic_file.h"
#include "core/error.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultName = "picture.png";

/// The tokens of drafts, beside their sheet: "drafts.png" → "drafts-1.json", also for a single one.
std::string draft_tokens(const std::string& sheet, int64_t index, int64_t count) {
  const auto path = fs::path(sheet).replace_extension(".json").string();
  return numbered_path(path, index, std::max<int64_t>(count, 2));
}

/// Names of `count` pictures, the first of which is number `first` (from 0) of those of the path.
OutputNames names_from(const DrawOptions& options,
                       const std::string& path,
                       int64_t first,
                       int64_t count) {
  OutputNames names;
  for (int64_t i = 0; i < count; ++i) {
    names.pictures.push_back(options.draft ? path : numbered_path(path, first + i, first + count));
    if (!options.save_tokens.empty()) {
      names.tokens.push_back(numbered_path(options.save_tokens, i, count));
    } else if (options.draft) {
      names.tokens.push_back(draft_tokens(path, i, count));
    }
  }
  return names;
}

bool any_exists(const DrawOptions& options, const OutputNames& names) {
  const auto exists = [](const std::string& name) {
    std::error_code error;
    return fs::exists(fs::symlink_status(name, error));
  };
  const auto& tokens = names.tokens;
  return std::any_of(names.pictures.begin(), names.pictures.end(), exists) ||
         (options.save_tokens.empty() && std::any_of(tokens.begin(), tokens.end(), exists));
}

}  // namespace

OutputNames name_outputs(const DrawOptions& options, int64_t count) {
  if (options.output) return names_from(options, *options.output, 0, count);
  const bool is_one = options.draft || count == 1;
  for (int64_t first = 0;; ++first) {
    // One picture: picture.png, picture-2.png, … Several: picture-1.png, … without a gap.
    auto names = is_one ? names_from(options,
                                     numbered_path(kDefaultName, first, first + 1),
                                     /*first=*/0,
                                     count)
                        : names_from(options, kDefaultName, first, count);
    if (!any_exists(options, names)) return names;
  }
}

void check_outputs(const OutputNames& names) {
  for (std::size_t i = 0; i < names.pictures.size(); ++i) {
    check_writable(names.pictures[i]);
    if (names.tokens.empty()) continue;
    if (names.tokens[i] == names.pictures[i]) {
      fail(ErrorCode::kInvalidInput,
           names.tokens[i],
           ": is named for the picture and for its tokens");
    }
    check_writable(names.tokens[i]);
  }
}

std::string numbered_path(const std::string& path, int64_t index, int64_t count) {
  if (count == 1) return path;
  auto number = std::to_string(index + 1);
  number.insert(0, std::to_string(count).size() - number.size(), '0');
  const fs::path whole(path);
  auto name = whole.stem().string() + "-" + number + whole.extension().string();
  return (whole.parent_path() / name).string();
}

}  // namespace glm_image::cli
