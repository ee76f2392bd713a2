#include "core/memory.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace glm_image {
namespace {

/// The number behind `name` in a file of lines such as "VmHWM:   123 kB"; nothing for a missing
/// file or field.
std::optional<int64_t> field(const std::string& file, const std::string& name) {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) {
    if (line.compare(0, name.size(), name) == 0) {
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

/// The path of this process's control group of version 2; empty for the topmost or none.
std::string control_group(const std::string& root) {
  const std::string kVersion2 = "0::";
  std::ifstream in(root + "/proc/self/cgroup");
  std::string line;
  while (std::getline(in, line)) {
    if (line.compare(0, kVersion2.size(), kVersion2) == 0) {
      const auto path = line.substr(kVersion2.size());
      return path == "/" ? "" : path;
    }
  }
  return "";
}

}  // namespace

int64_t peak_resident_bytes() {
  return kilobytes_field("/proc/self/status", "VmHWM:");
}

void reset_peak_resident_bytes() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

std::optional<int64_t> control_group_available_bytes(const std::string& root) {
  std::optional<int64_t> least;
  auto group = control_group(root);
  while (true) {
    const auto folder = root + "/sys/fs/cgroup" + group;
    const auto limit = number_in(folder + "/memory.max");
    if (limit) {
      // The page cache of files counts as used, but gives way.
      const int64_t files = field(folder + "/memory.stat", "file ").value_or(0);
      const int64_t used = number_in(folder + "/memory.current").value_or(0) - files;
      const int64_t left = std::max<int64_t>(*limit - std::max<int64_t>(used, 0), 0);
      least = std::min(least.value_or(left), left);
    }
    if (group.empty()) return least;
    group.erase(group.rfind('/'));
  }
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
