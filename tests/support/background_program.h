#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "support/program.h"
#include "support/test_support.h"

namespace glm_image::test {

/// A program that runs beside the test. It is killed at the end of the scope.
class BackgroundProgram {
 public:
  explicit BackgroundProgram(const std::vector<std::string>& command);
  ~BackgroundProgram();
  BackgroundProgram(const BackgroundProgram&) = delete;
  BackgroundProgram& operator=(const BackgroundProgram&) = delete;

  void signal(int number) const;
  /// What it has written to standard error so far.
  std::string errors() const;
  /// Waits until that contains `text`; false after `seconds`, or once the program has ended
  /// without writing it.
  bool wait_for_text(const std::string& text, double seconds) const;
  /// Waits for its end, at most as long as run_program.
  ProgramResult wait();

 private:
  const TemporaryDirectory folder_;
  pid_t child_;
};

}  // namespace glm_image::test
