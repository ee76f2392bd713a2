#include "cli/self_test_run.h"

#include <chrono>
#include <iostream>

#include "cli/progress_display.h"
#include "core/error.h"
#include "core/system_report.h"
#include "glm_image/pipeline.h"
#include "pipeline/self_test.h"

namespace glm_image::cli {
namespace {

void print(const pipeline::SelfTestResult& result) {
  for (const auto& line : result.lines) std::cout << line << '\n';
  std::cout << std::flush;
}

}  // namespace

void run_self_test(const std::string& given) {
  const auto began = ProgressDisplay::Clock::now();
  std::cout << "glm-image " << version() << '\n'
            << system_report() << '\n'
            << pipeline::onednn_report() << std::endl;
  auto result = pipeline::test_kernels();
  print(result);
  auto failures = result.failures;
  const auto folder = reference_folder(given);
  if (folder.empty()) {
    std::cout << "reference: not compared; its pictures are in the source tree, in tests/data/tiny "
                 "(--reference)\n";
  } else {
    result = pipeline::test_reference(folder);
    print(result);
    failures += result.failures;
  }
  const std::chrono::duration<double> seconds = ProgressDisplay::Clock::now() - began;
  if (failures > 0) fail(ErrorCode::kInternal, "self-test failed; wrong results: ", failures);
  std::cout << "self-test passed in " << clock_text(seconds.count()) << '\n';
}

}  // namespace glm_image::cli
