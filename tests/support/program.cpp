#include "support/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

#include "support/background_program.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

/// Long enough for every program of the tests on a slow machine that other tests use too.
constexpr double kProgramSeconds = 600;
/// No folder can be made there.
constexpr const char* kNoCache = "/dev/null";

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
  // Tests compare messages, which would be in the developer's language.
  ::setenv("LC_ALL", "C.UTF-8", /*overwrite=*/1);
  ::unsetenv("LANGUAGE");
  // The rates that earlier runs measured change what later ones choose and print.
  ::setenv("XDG_CACHE_HOME", kNoCache, /*overwrite=*/1);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

/// Whether the child has ended. It can still be waited for.
bool has_ended(pid_t child) {
  siginfo_t info = {};
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == child;
}

/// Waits for a program; its result without what it printed.
ProgramResult wait_for(pid_t child) {
  const Stopwatch waited;
  int status = 0;
  rusage usage = {};
  while (::wait4(child, &status, WNOHANG, &usage) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    if (waited.seconds() > kProgramSeconds) ::kill(child, SIGKILL);
  }
  ProgramResult result;
  result.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  result.peak_bytes = int64_t{usage.ru_maxrss} << 10;
  return result;
}

}  // namespace

std::string glm_image_program() {
  return std::string(GLM_IMAGE_BINARY_DIR) + "/bin/glm-image";
}

BackgroundProgram::BackgroundProgram(const std::vector<std::string>& command)
    : child_(start(command, folder_.path() / "out", folder_.path() / "err")) {}

BackgroundProgram::~BackgroundProgram() {
  if (child_ <= 0) return;
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
}

void BackgroundProgram::signal(int number) const {
  ::kill(child_, number);
}

std::string BackgroundProgram::errors() const {
  const auto file = folder_.path() / "err";
  return std::filesystem::exists(file) ? read_file(file) : "";
}

bool BackgroundProgram::wait_for_text(const std::string& text, double seconds) const {
  const Stopwatch waited;
  while (true) {
    const bool is_over = has_ended(child_);
    if (errors().find(text) != std::string::npos) return true;
    if (is_over || waited.seconds() > seconds) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

ProgramResult BackgroundProgram::wait() {
  auto result = wait_for(std::exchange(child_, 0));
  result.out = read_file(folder_.path() / "out");
  result.err = errors();
  return result;
}

ProgramResult interrupt_program(const std::vector<std::string>& command,
                                int signal,
                                const std::function<bool()>& ready) {
  const TemporaryDirectory folder;
  const auto out = folder.path() / "out", err = folder.path() / "err";
  // They are there even if the signal comes before the program has opened them.
  for (const auto& file : {out, err}) write_file(file, "");
  const pid_t child = start(command, out, err);
  if (signal != 0) {
    const Stopwatch waited;
    while (!ready() && !has_ended(child) && waited.seconds() < kProgramSeconds) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ::kill(child, signal);
  }
  auto result = wait_for(child);
  result.out = read_file(out);
  result.err = read_file(err);
  return result;
}

ProgramResult interrupt_program(const std::vector<std::string>& command,
                                int signal,
                                double seconds) {
  const Stopwatch running;
  return interrupt_program(command, signal, [&] { return running.seconds() >= seconds; });
}

int kills() {
  const char* given = std::getenv("GLM_IMAGE_KILLS");
  return given == nullptr ? 4 : std::stoi(given);
}

unsigned kill_seed() {
  const char* given = std::getenv("GLM_IMAGE_KILL_SEED");
  return given == nullptr ? 1 : static_cast<unsigned>(std::stoul(given));
}

ProgramResult run_program(const std::vector<std::string>& command) {
  return interrupt_program(command, /*signal=*/0, /*seconds=*/0.0);
}

}  // namespace glm_image::test
