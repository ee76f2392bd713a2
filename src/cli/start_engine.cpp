#include "cli/start_engine.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/error.h"

namespace glm_image::cli {
namespace {

namespace fs = std::filesystem;

fs::path engine_file() {
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  return (program.parent_path() / GLM_IMAGE_ENGINE).lexically_normal();
}

/// The arguments of this process, its name first.
std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

}  // namespace

void start_engine() {
  const auto engine = engine_file();
  auto arguments = own_arguments();
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (auto& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  ::execv(engine.c_str(), pointers.data());
  fail(ErrorCode::kInternal,
       engine.string(),
       " cannot be started: ",
       std::strerror(errno),
       "; it is a part of glm-image, which must be installed again");
}

}  // namespace glm_image::cli
