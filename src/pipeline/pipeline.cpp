#include "glm_image/pipeline.h"

#include <new>

#include "core/error.h"
#include "pipeline/checkpoint.h"
#include "pipeline/compose.h"
#include "pipeline/draw.h"
#include "pipeline/model_profile.h"

namespace glm_image {
namespace {

/// LibTorch's own exceptions become ours at this edge, so that callers meet one type.
template <typename Action>
auto translated(const Action& action) -> decltype(action()) {
  try {
    return action();
  } catch (const Error&) {
    throw;
  } catch (const std::filesystem::filesystem_error& error) {
    fail(ErrorCode::kNotFound, error.what());
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, "not enough memory for this model or picture size");
  } catch (const c10::Error& error) {
    const std::string reason = error.what_without_backtrace();
    const bool memory = reason.find("alloc") != std::string::npos ||
                        reason.find("out of memory") != std::string::npos;
    if (memory) {
      fail(ErrorCode::kOutOfMemory, "not enough memory for this model or picture size: ", reason);
    }
    fail(ErrorCode::kInternal, "LibTorch: ", reason);
  }
}

}  // namespace

class Pipeline::Implementation {
 public:
  explicit Implementation(pipeline::Checkpoint checkpoint) : checkpoint(std::move(checkpoint)) {}
  pipeline::Checkpoint checkpoint;
};

Pipeline::Pipeline(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;
Pipeline::~Pipeline() = default;

Pipeline Pipeline::load(const std::filesystem::path& directory, const PipelineOptions& options) {
  return translated([&] {
    if (options.threads < 0) fail(ErrorCode::kInvalidInput, "threads must not be negative");
    if (options.threads > 0) at::set_num_threads(options.threads);
    return Pipeline(
        std::make_unique<Implementation>(pipeline::Checkpoint::open(directory, options)));
  });
}

const ModelInfo& Pipeline::info() const {
  return implementation_->checkpoint.info();
}

Request Pipeline::check(const Request& request) const {
  return translated([&] { return pipeline::check_request(implementation_->checkpoint, request); });
}

std::vector<Warning> Pipeline::warnings(const Request& request) const {
  return translated([&] {
    return pipeline::warnings_of(info().profile,
                                 {request.width, request.height},
                                 static_cast<int64_t>(request.condition_images.size()));
  });
}

Result Pipeline::generate(const Request& request,
                          const ProgressCallback& progress,
                          const PreviewCallback& preview) {
  return translated([&] {
    pipeline::RunMonitor monitor(progress);
    return pipeline::draw(implementation_->checkpoint, request, monitor, preview);
  });
}

TokenGrid Pipeline::tokens_of(const Image& image) {
  return translated([&] { return pipeline::tokens_of(implementation_->checkpoint, image); });
}

const char* version() {
  return GLM_IMAGE_VERSION;
}

}  // namespace glm_image
