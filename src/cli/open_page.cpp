#include "cli/open_page.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "cli/translation.h"

namespace glm_image::cli {
namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

/// The files of the new process: nothing to read or to write. An inherited socket would keep the
/// server's port taken as long as the browser runs.
class NoFiles {
 public:
  NoFiles() {
    ::posix_spawn_file_actions_init(&actions_);
    for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      ::posix_spawn_file_actions_addopen(&actions_, file, "/dev/null", O_RDWR, 0);
    }
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
  }
  ~NoFiles() { ::posix_spawn_file_actions_destroy(&actions_); }
  NoFiles(const NoFiles&) = delete;
  NoFiles& operator=(const NoFiles&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_ = {};
};

/// A session of its own, which Ctrl-C does not reach, and the usual effects of signals.
class NewSession {
 public:
  NewSession() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~NewSession() { ::posix_spawnattr_destroy(&attributes_); }
  NewSession(const NewSession&) = delete;
  NewSession& operator=(const NewSession&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_ = {};
};

}  // namespace

PageOpening::PageOpening(const std::string& url) {
  if (!is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY")) {
    failure_ = tr("there is no graphical session: neither DISPLAY nor WAYLAND_DISPLAY is set");
    return;
  }
  std::string program = "xdg-open", argument = url;
  char* const arguments[] = {program.data(), argument.data(), nullptr};
  const int error = ::posix_spawnp(
      &child_, program.c_str(), NoFiles().get(), NewSession().get(), arguments, environ);
  if (error == 0) return;
  child_ = 0;
  failure_ = tr("xdg-open cannot be started: %1", {std::strerror(error)});
}

std::optional<std::string> PageOpening::failure() {
  int status = 0;
  if (child_ != 0 && ::waitpid(child_, &status, WNOHANG) == child_) {
    child_ = 0;
    // xdg-open's codes are in its manual page. A shell's code stands for a signal.
    const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (code != 0) failure_ = tr("xdg-open failed with exit code %1", {std::to_string(code)});
  }
  return std::exchange(failure_, std::nullopt);
}

}  // namespace glm_image::cli
