#pragma once

#include <gtest/gtest.h>

#include <string>

#include "server/api_error.h"

namespace glm_image::test {

/// Passes if `action` throws an ApiError with this status and param. Returns its message.
template <typename Action>
std::string expect_refusal(int status, const std::string& param, const Action& action) {
  try {
    action();
  } catch (const server::ApiError& error) {
    EXPECT_EQ(error.status(), status) << error.what();
    EXPECT_EQ(error.param(), param) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "not refused: " << param;
  return "";
}

}  // namespace glm_image::test
