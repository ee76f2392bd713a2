#include "support/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

constexpr double kLimitSeconds = 60;

pid_t start(const std::vector<std::string>& command,
            const std::filesystem::path& out,
            const std::filesystem::path& err) {
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child > 0) return child;
  ::dup2(::open("/dev/null", O_RDONLY), 0);
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
  ::unsetenv("GLM_IMAGE_MODEL");
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

int wait_for(pid_t child) {
  const auto began = std::chrono::steady_clock::now();
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - began;
    if (waited.count() > kLimitSeconds) ::kill(child, SIGKILL);
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

std::string glm_image_program() {
  return std::string(GLM_IMAGE_BINARY_DIR) + "/bin/glm-image";
}

ProgramResult interrupt_program(const std::vector<std::string>& command,
                                int signal,
                                double seconds) {
  const TemporaryDirectory folder;
  const auto out = folder.path() / "out", err = folder.path() / "err";
  const pid_t child = start(command, out, err);
  if (signal != 0) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    ::kill(child, signal);
  }
  ProgramResult result;
  result.exit_code = wait_for(child);
  result.out = read_file(out);
  result.err = read_file(err);
  return result;
}

ProgramResult run_program(const std::vector<std::string>& command) {
  return interrupt_program(command, /*signal=*/0, /*seconds=*/0);
}

}  // namespace glm_image::test
