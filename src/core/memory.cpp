#include "core/memory.h"

#include <fstream>
#include <string>

namespace glm_image {
namespace {

/// "Name:   123 kB" in a /proc file.
int64_t kilobytes_field(const char* file, const std::string& name) {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) {
    if (line.compare(0, name.size(), name) == 0) {
      return std::strtoll(line.c_str() + name.size(), nullptr, 10) * 1024;
    }
  }
  return 0;
}

}  // namespace

int64_t peak_resident_bytes() {
  return kilobytes_field("/proc/self/status", "VmHWM:");
}

void reset_peak_resident_bytes() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

int64_t available_memory_bytes() {
  return kilobytes_field("/proc/meminfo", "MemAvailable:");
}

}  // namespace glm_image
