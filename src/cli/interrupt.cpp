#include "cli/interrupt.h"

#include <csignal>

namespace glm_image::cli {
namespace {

// A signal handler can reach nothing but a global.
volatile std::sig_atomic_t received = 0;

extern "C" void remember(int signal) {
  received = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void watch_for_interrupts() {
  std::signal(SIGINT, remember);
  std::signal(SIGTERM, remember);
}

int interrupted_by() {
  return received;
}

void survive_closed_connections() {
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace glm_image::cli
