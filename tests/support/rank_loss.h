#pragma once

#include <chrono>

#include "cluster/link.h"

namespace glm_image::test {

/// Until a program has ended that notices that another rank hangs: the notice, and the end of what
/// it computes, on a slow machine. tests/cluster/link_test.cpp measures the notice alone.
inline constexpr double kEndingSeconds = std::chrono::seconds(cluster::kNoticeLimit).count() + 20;

}  // namespace glm_image::test
