#include "core/atomic_folder.h"

#include <system_error>

#include "core/error.h"

namespace glm_image {
namespace {

namespace fs = std::filesystem;

/// Ends the name of the folder that is being made.
constexpr const char* kPartial = ".partial";
/// Ends the name of the folder that is being replaced.
constexpr const char* kOld = ".old";

/// `output/` and `output` are the same folder.
fs::path without_slash(const fs::path& folder) {
  return fs::absolute(folder / "").lexically_normal().parent_path();
}

fs::path beside(fs::path folder, const char* ending) {
  return folder += ending;
}

void check_renamed(const std::error_code& error, const fs::path& from, const fs::path& to) {
  if (error) {
    fail(ErrorCode::kOutput,
         "cannot rename ",
         from.string(),
         " to ",
         to.string(),
         ": ",
         error.message());
  }
}

}  // namespace

AtomicFolder::AtomicFolder(const fs::path& output)
    : output_(without_slash(output)),
      made_(beside(output_, kPartial)),
      old_(beside(output_, kOld)) {
  std::error_code error;
  fs::remove_all(made_, error);
  create_folder(made_);
}

AtomicFolder::~AtomicFolder() {
  std::error_code error;
  fs::remove_all(made_, error);
}

void AtomicFolder::take_place() {
  std::error_code error;
  const bool replaces = fs::exists(output_, error);
  if (replaces) {
    fs::remove_all(old_, error);
    fs::rename(output_, old_, error);
    check_renamed(error, output_, old_);
  }
  fs::rename(made_, output_, error);
  if (error && replaces) {
    std::error_code ignored;
    fs::rename(old_, output_, ignored);
  }
  check_renamed(error, made_, output_);
  if (replaces) fs::remove_all(old_, error);
}

void AtomicFolder::recover(const fs::path& output) {
  const auto folder = without_slash(output);
  std::error_code error;
  if (!fs::exists(folder, error)) fs::rename(beside(folder, kOld), folder, error);
}

void create_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(ErrorCode::kOutput, "cannot create ", folder.string(), ": ", error.message());
}

}  // namespace glm_image
