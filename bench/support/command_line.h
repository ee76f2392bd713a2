#pragma once

#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
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

/// As above, for a program of two commands: `make A B` calls make(A, B), and `verdict A B` calls
/// verdict(A, B). The exit code is 1 if the verdict is false.
template <typename Make, typename Verdict>
int make_or_judge(
    int argc, char** argv, const char* usage, const Make& make, const Verdict& verdict) {
  bool is_good = true;
  const int code = run_with_arguments(argc, argv, usage, 3, 3, [&](const auto& arguments) {
    if (arguments[0] == "make") {
      make(arguments[1], arguments[2]);
    } else if (arguments[0] == "verdict") {
      is_good = verdict(arguments[1], arguments[2]);
    } else {
      throw std::invalid_argument("'" + arguments[0] + "' is not one of make, verdict");
    }
  });
  return is_good ? code : 1;
}

}  // namespace glm_image::bench
