#include "core/memory.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "core/prefix.h"
#include "core/text_format.h"

namespace glm_image {
namespace {

/// The number behind `name` in a file of lines such as "VmHWM:   123 kB"; nothing for a missing
/// file or field.
std::optional<int64_t> field(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) {
    if (starts_with(line, name)) {
      return std::strtoll(line.c_str() + name.size(), nullptr, 10);
    }
  }
  return std::nullopt;
}

int64_t kilobytes_field(const std::string& file, const std::string& name) {
  return field(file, name).value_or(0) * 1024;
}

/// The number in a file that holds nothing else; nothing for "max" or a missing file.
std::optional<int64_t> number_in(const std::string& file) {
  std::ifstream in(file);
  int64_t number = 0;
  if (!(in >> number)) return std::nullopt;
  return number;
}

/// How a version of control groups names what it says about memory.
struct ControlGroups {
  const char* type;           ///< of its file system
  const char* usual_mount;    ///< where it is mounted if /proc/self/mountinfo does not say
  const char *limit, *usage;  ///< files of a group's folder
  const char* page_cache;     ///< field of memory.stat
};
constexpr ControlGroups kVersion1 = {"cgroup",
                                     "/sys/fs/cgroup/memory",
                                     "/memory.limit_in_bytes",
                                     "/memory.usage_in_bytes",
                                     "total_cache "};
constexpr ControlGroups kVersion2 = {
    "cgroup2", "/sys/fs/cgroup", "/memory.max", "/memory.current", "file "};
/// Version 1 writes the largest multiple of the page size instead of "max".
constexpr int64_t kNoLimit = int64_t{1} << 62;

/// Whether a list such as "cpu,memory" has this controller.
bool has_controller(const std::string& controllers, const std::string& name) {
  return concat(",", controllers, ",").find(concat(",", name, ",")) != std::string::npos;
}

/// Where groups are mounted, and the group that is the topmost one there: "", or in a container one
/// such as "/docker/0123".
struct GroupMount {
  std::string point, top;
};

GroupMount group_mount(const std::string& root, const ControlGroups& version) {
  std::ifstream in(root + "/proc/self/mountinfo");
  std::string line;
  while (std::getline(in, line)) {
    // Fields, optional ones of any number, "-", and the type, source and options.
    std::istringstream fields(line);
    std::string skipped, top, point, type, source, options;
    fields >> skipped >> skipped >> skipped >> top >> point;
    while (fields >> skipped && skipped != "-") {
    }
    fields >> type >> source >> options;
    // Version 1 has a mount for each set of controllers.
    const bool is_for_memory = type == kVersion2.type || has_controller(options, "memory");
    if (type == version.type && is_for_memory) return {point, top == "/" ? "" : top};
  }
  return {version.usual_mount, ""};
}

/// The path of a group's folder below the mount.
std::string path_below(const GroupMount& mount, const std::string& group) {
  const auto size = mount.top.size();
  const bool is_below =
      starts_with(group, mount.top) && (group.size() == size || group[size] == '/');
  return is_below ? group.substr(size) : group;
}

/// What the groups from `group` up to the topmost, "", still allow.
std::optional<int64_t> available_bytes(const std::string& root,
                                       const ControlGroups& version,
                                       const std::string& group) {
  std::optional<int64_t> least;
  const auto mount = group_mount(root, version);
  auto path = path_below(mount, group);
  while (true) {
    const auto folder = concat(root, mount.point, path);
    const auto limit = number_in(folder + version.limit);
    if (limit && *limit < kNoLimit) {
      // The page cache of files counts as used, but gives way.
      const int64_t files = field(folder + "/memory.stat", version.page_cache).value_or(0);
      const int64_t used = number_in(folder + version.usage).value_or(0) - files;
      const int64_t left = std::max<int64_t>(*limit - std::max<int64_t>(used, 0), 0);
      least = std::min(least.value_or(left), left);
    }
    if (path.empty()) return least;
    path.erase(path.rfind('/'));
  }
}

}  // namespace

int64_t peak_resident_bytes() {
  return kilobytes_field("/proc/self/status", "VmHWM:");
}

void reset_peak_resident_bytes() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

std::optional<int64_t> control_group_available_bytes(const std::string& root) {
  // Lines "4:memory:/path" are of version 1, "0::/path" of version 2; a system may have both.
  std::ifstream in(root + "/proc/self/cgroup");
  std::string line, version2_group;
  std::optional<int64_t> least;
  while (std::getline(in, line)) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos || line.compare(second + 1, 1, "/") != 0) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const auto path = line.substr(second + 1);
    const auto group = path == "/" ? "" : path;
    if (controllers.empty()) version2_group = group;
    if (!has_controller(controllers, "memory")) continue;
    if (const auto left = available_bytes(root, kVersion1, group)) least = *left;
  }
  const auto left = available_bytes(root, kVersion2, version2_group);
  return least && left ? std::min(*least, *left) : least ? least : left;
}

int64_t available_memory_bytes() {
  const int64_t machine = kilobytes_field("/proc/meminfo", "MemAvailable:");
  return std::min(machine, control_group_available_bytes().value_or(machine));
}

int64_t usable_memory_bytes() {
  const int64_t available = available_memory_bytes();
  return available == 0 ? 0 : available + kilobytes_field("/proc/self/status", "RssAnon:");
}

}  // namespace glm_image
