#include "server/file_room.h"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "core/error.h"
#include "core/text_format.h"

namespace glm_image::server {
namespace {

constexpr int64_t kReserve = 32;
constexpr int64_t kFewestConnections = 8;

int64_t open_files() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  constexpr int64_t kGuess = 32;
  return error ? kGuess : std::distance(files, std::filesystem::directory_iterator());
}

}  // namespace

FileRoom make_file_room(int64_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {wanted, ""};
  const auto used = open_files() + kReserve;
  const auto needed = static_cast<rlim_t>(wanted + used);
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < needed) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max == RLIM_INFINITY ? needed : std::min(needed, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= needed) return {wanted, ""};
  const auto files = static_cast<int64_t>(limit.rlim_cur);
  const auto room = files - used;
  if (room < kFewestConnections) {
    fail(ErrorCode::kInvalidInput,
         "the process may open ",
         files,
         " files, which leaves no room for ",
         kFewestConnections,
         " connections; raise it (ulimit -n) to ",
         kFewestConnections + used,
         " at least");
  }
  return {room,
          concat("at most ",
                 room,
                 " connections, not ",
                 wanted,
                 ": the process may open ",
                 files,
                 " files (ulimit -n)")};
}

}  // namespace glm_image::server
