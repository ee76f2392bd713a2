#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "core/torch.h"
#include "glm_image/error.h"

namespace glm_image::test {

/// tests/data of the source tree.
std::filesystem::path data_dir();
/// The source tree.
inline std::filesystem::path project_dir() {
  return data_dir().parent_path().parent_path();
}

/// ‖a − b‖/‖b‖ in float64; infinite when the shapes differ or a value is not finite.
double relative_error(const Tensor& a, const Tensor& b);

/// A fresh directory, removed with all it holds at the end of the scope.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void write_file(const std::filesystem::path& path, const std::string& bytes);
std::string read_file(const std::filesystem::path& path);

/// Passes when `action` throws a glm_image::Error of this code whose message holds every fragment.
void expect_error(ErrorCode code,
                  const std::vector<std::string>& fragments,
                  const std::function<void()>& action);

}  // namespace glm_image::test
