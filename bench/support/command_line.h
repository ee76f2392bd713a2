#pragma once

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace glm_image::bench {

/// Calls `run` with the program's arguments, of which there must be `least` to `most`; `usage`
/// names them, on --help too. Returns the exit code: 2 for another number of arguments, 1 if `run`
/// throws.
template <typename Run>
int run_with_arguments(
    int argc, char** argv, const char* usage, int least, int most, const Run& run) {
  const auto name = std::filesystem::path(argv[0]).filename().string();
  if (argc == 2 && std::string(argv[1]) == "--help") {
    std::printf("usage: %s %s\n", name.c_str(), usage);
    return 0;
  }
  if (argc - 1 < least || argc - 1 > most) {
    std::fprintf(stderr, "usage: %s %s\n", name.c_str(), usage);
    return 2;
  }
  try {
    run(std::vector<std::string>(argv + 1, argv + argc));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
    return 1;
  }
}

}  // namespace glm_image::bench
