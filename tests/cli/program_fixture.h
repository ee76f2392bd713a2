#pragma once

#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include "support/program.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {

/// A folder for what the program writes, and the program with the tiny model.
class Program : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  ProgramResult draw(const std::vector<std::string>& arguments,
                     const std::string& verb = "generate") const {
    auto result = run_program(arguments_of(arguments, verb));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result;
  }
  static std::vector<std::string> arguments_of(const std::vector<std::string>& arguments,
                                               const std::string& verb = "generate") {
    std::vector<std::string> all = {
        glm_image_program(), verb, "--model", tiny_model_dir().string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  size_t files() const {
    return std::distance(std::filesystem::directory_iterator(folder_.path()),
                         std::filesystem::directory_iterator());
  }

  const TemporaryDirectory folder_;
};

}  // namespace glm_image::test
