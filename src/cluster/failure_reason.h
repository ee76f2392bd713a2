#pragma once

#include <chrono>
#include <exception>
#include <string>

#include "cluster/link.h"

/// How a coordinator finds the reason for the failure of its own part of the work.
namespace glm_image::cluster {

/// When a connection between two ranks breaks, the reason may be a rank whose loss is noticed only
/// a little later. The coordinator waits for it this long.
inline constexpr std::chrono::seconds kLossLimit = kNoticeLimit;

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
