#pragma once

#include <map>
#include <string>

#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// The value of --resident: "auto", "all" or "none".
inline Residency residency_named(const std::string& name) {
  static const std::map<std::string, Residency> kResidencies = {
      {"auto", Residency::kAuto}, {"all", Residency::kAll}, {"none", Residency::kNone}};
  return kResidencies.at(name);
}

}  // namespace glm_image::cli
