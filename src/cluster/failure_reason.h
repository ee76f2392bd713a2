#pragma once

#include <chrono>
#include <exception>
#include <string>

#include "cluster/link.h"

/// How a coordinator finds the reason for the failure of its own part of the work.
namespace glm_image::cluster {

/// A broken connection between two ranks may be caused by a rank whose loss is detected slightly
/// later. The coordinator waits this long for it.
inline constexpr std::chrono::seconds kLossLimit = kSilenceLimit + std::chrono::seconds(2);

/// Returns the message of an exception, or `otherwise` if it is not a std::exception. `failure` is
/// not null.
inline std::string failure_reason(const std::exception_ptr& failure, const char* otherwise) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return otherwise;
  }
}

}  // namespace glm_image::cluster
