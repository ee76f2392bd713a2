#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// Checks of an installation, whose lines a bug report can quote.
namespace glm_image::pipeline {

struct SelfTestResult {
  std::vector<std::string> lines;
  int64_t failures = 0;
};

/// "oneDNN 2.7.3", the version that LibTorch computes with, or "no oneDNN".
std::string onednn_report();

/// Compares every kernel form that this CPU can run with plain code: a line for each form, and one
/// for each operation that is wrong. Not thread-safe (nn/kernel_checks.h).
SelfTestResult test_kernels();

/// Draws the pictures of a folder like tests/data/tiny, which has a small checkpoint, requests
/// (cases.json) and the pictures that the reference implementation drew, and compares: a line for
/// each. An error while drawing is a failure. Throws kNotFound and kCorruptFile for cases.json.
SelfTestResult test_reference(const std::filesystem::path& folder);

}  // namespace glm_image::pipeline
