#include "pipeline/model_folder.h"

#include <vector>

#include "core/error.h"
#include "core/prefix.h"
#include "io/json_file.h"
#include "text/unicode.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSnapshots = "snapshots";

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::vector<fs::path> folders_in(const fs::path& path) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(path, error)) {
    if (is_folder(item.path())) folders.push_back(item.path());
  }
  return folders;
}

/// The revision that refs/main names, or "".
std::string main_revision(const fs::path& repository) {
  constexpr int64_t kMaxRefBytes = 256;
  const auto ref = repository / "refs" / "main";
  std::error_code error;
  if (!fs::is_regular_file(ref, error)) return "";
  auto revision = io::read_text_file(ref, kMaxRefBytes);
  revision.erase(revision.find_last_not_of(" \t\r\n") + 1);
  return fs::path(revision).filename() == revision ? revision : "";
}

/// The part of a cache folder's name after "models--<owner>--"; empty for another name.
std::string repository_name(const std::string& folder) {
  constexpr std::string_view kPrefix = "models--";
  if (!starts_with(folder, kPrefix)) return "";
  const auto last = folder.rfind("--");
  return folder.substr(last + 2);
}

}  // namespace

fs::path checkpoint_folder(const fs::path& given) {
  if (!is_folder(given)) {
    fail(ErrorCode::kNotFound, given.string(), ": is not a folder with a GLM-Image checkpoint");
  }
  std::error_code error;
  const auto absolute = fs::weakly_canonical(given, error);
  const bool is_snapshots = !error && absolute.filename() == kSnapshots;
  const auto snapshots = is_snapshots ? given : given / kSnapshots;
  if (!is_folder(snapshots)) return given;

  const auto revision = main_revision(is_snapshots ? absolute.parent_path() : given);
  if (!revision.empty() && is_folder(snapshots / revision)) return snapshots / revision;
  const auto found = folders_in(snapshots);
  if (found.size() == 1) return found.front();
  fail(ErrorCode::kNotFound,
       given.string(),
       ": holds ",
       found.size(),
       " snapshots and no refs/main that names one of them; give the folder of one snapshot");
}

std::string checkpoint_name(const fs::path& directory) {
  std::error_code error;
  const auto whole = fs::weakly_canonical(directory, error);
  auto path = error ? directory : whole;
  if (!path.has_filename()) path = path.parent_path();
  if (path.parent_path().filename() == kSnapshots) {
    const auto name = repository_name(path.parent_path().parent_path().filename().string());
    if (!name.empty()) return text::replace_invalid_utf8(name);
  }
  return text::replace_invalid_utf8(path.filename().string());
}

}  // namespace glm_image::pipeline
