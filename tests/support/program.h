#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace glm_image::test {

/// What a finished program left.
struct ProgramResult {
  int exit_code = -1;  ///< 128 + n when signal n ended it
  std::string out, err;
};

/// The glm-image program that this build made.
std::string glm_image_program();

/// Runs a program and waits for it, one minute at most.
ProgramResult run_program(const std::vector<std::string>& command);

/// Runs a program, sends it `signal` after `seconds`, and waits for it.
ProgramResult interrupt_program(const std::vector<std::string>& command,
                                int signal,
                                double seconds);

}  // namespace glm_image::test
