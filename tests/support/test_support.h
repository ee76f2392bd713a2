#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "core/torch.h"
#include "glm_image/error.h"

namespace glm_image::test {

/// The folder tests/data of the source tree.
std::filesystem::path data_dir();
/// The source tree.
inline std::filesystem::path project_dir() {
  return data_dir().parent_path().parent_path();
}

/// ‖a − b‖/‖b‖ in float64; infinite if the shapes differ or a value is not finite.
double relative_error(const Tensor& a, const Tensor& b);

/// A new directory, removed with its contents at the end of the scope.
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

/// Waits until the condition holds. Fails the test after five minutes, which nothing takes that
/// tests wait for, on any machine.
void wait_until(const std::function<bool()>& condition);

void write_file(const std::filesystem::path& path, const std::string& bytes);
std::string read_file(const std::filesystem::path& path);

/// Passes if `action` throws a glm_image::Error with this code whose message contains all
/// fragments.
void expect_error(ErrorCode code,
                  const std::vector<std::string>& fragments,
                  const std::function<void()>& action);

}  // namespace glm_image::test
