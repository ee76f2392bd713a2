#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace glm_image::test {

/// The result of a program.
struct ProgramResult {
  int exit_code = -1;  ///< 128 + n if signal n ended it
  std::string out, err;
  /// The most memory it had, in bytes (rusage); at least that of this process when it forked.
  int64_t peak_bytes = 0;
};

/// The glm-image program of this build.
std::string glm_image_program();

/// Runs a program for at most ten minutes and waits for it. It has no cache folder, so no rates
/// and hashes of earlier runs; where a test needs them, `command` begins with env(1) and
/// XDG_CACHE_HOME.
ProgramResult run_program(const std::vector<std::string>& command);

/// Runs a program, sends it `signal` after `seconds`, and waits for it.
ProgramResult interrupt_program(const std::vector<std::string>& command,
                                int signal,
                                double seconds);
/// Sends the signal as soon as `ready` returns true, the program has ended, or ten minutes later.
ProgramResult interrupt_program(const std::vector<std::string>& command,
                                int signal,
                                const std::function<bool()>& ready);

/// Kills for each program in tests that kill at random moments: GLM_IMAGE_KILLS, else 4.
int kills();
/// The seed of those moments: GLM_IMAGE_KILL_SEED, else 1.
unsigned kill_seed();

/// Measures from its construction on.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace glm_image::test
