#include "core/system_report.h"

#include <torch/version.h>

#include <fstream>
#include <string_view>

#include "core/cpu_level.h"
#include "core/cpu_threads.h"
#include "core/prefix.h"
#include "core/text_format.h"

namespace glm_image {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!starts_with(line, "model name")) continue;
    const auto begin = line.find_first_not_of(" \t", line.find(':') + 1);
    if (begin != std::string::npos) return line.substr(begin);
  }
  return "unknown";
}

std::string forms() {
#if GLM_IMAGE_HAVE_HIGHWAY
  std::string text;
  const auto used = cpu_level();
  for (const auto level : cpu_levels()) {
    text += (text.empty() ? "" : ", ") + cpu_level_name(level);
    if (level == used) text += " (in use)";
  }
  return text;
#else
  return "none: built without Highway";
#endif
}

}  // namespace

std::string system_report() {
  return concat("LibTorch ",
                TORCH_VERSION,
                "\nprocessor: ",
                processor_name(),
                "\nkernels: ",
                forms(),
                "\nthreads: ",
                cpu_threads(0));
}

}  // namespace glm_image
