#include "glm_image/pipeline.h"

#include <new>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "core/error.h"
#include "core/lack_of_memory.h"
#include "nn/math_memory.h"
#include "pipeline/checkpoint.h"
#include "pipeline/compose.h"
#include "pipeline/draw.h"
#include "pipeline/memory_plan.h"
#include "pipeline/model_profile.h"
#include "pipeline/rank_group.h"
#include "pipeline/request_check.h"
#include "pipeline/thread_share.h"

namespace glm_image {
namespace {

/// Translates exceptions of LibTorch and the standard library to Error.
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
    if (is_lack_of_memory(error)) {
      fail(ErrorCode::kOutOfMemory, "not enough memory for this model or picture size: ", reason);
    }
    fail(ErrorCode::kInternal, "LibTorch: ", reason);
  }
}

}  // namespace

class Pipeline::Implementation {
 public:
  Implementation(pipeline::Checkpoint opened, const PipelineOptions& options)
      : checkpoint(std::move(opened)),
        yield_processors(options.yield_processors),
        verifier(options.verifier) {}
  pipeline::Checkpoint checkpoint;
  bool yield_processors;
  std::shared_ptr<TextVerifier> verifier;
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
    nn::reserve_blas_memory();
    return Pipeline(
        std::make_unique<Implementation>(pipeline::Checkpoint::open(directory, options), options));
  });
}

const ModelInfo& Pipeline::info() const {
  return implementation_->checkpoint.info();
}

Request Pipeline::check(const Request& request) const {
  return translated([&] {
    return pipeline::check_request(
        implementation_->checkpoint, request, implementation_->verifier.get());
  });
}

std::vector<Warning> Pipeline::warnings(const Request& request) const {
  return translated([&] {
    return pipeline::warnings_of(info().profile,
                                 {request.width, request.height},
                                 static_cast<int64_t>(request.condition_images.size()));
  });
}

MemoryPlan Pipeline::memory_plan(const Request& request) const {
  return translated([&] {
    const auto& checkpoint = implementation_->checkpoint;
    return pipeline::plan_request(checkpoint, pipeline::resolve_request(request, checkpoint))
        .memory;
  });
}

Result Pipeline::generate(const Request& request,
                          const ProgressCallback& progress,
                          const PreviewCallback& preview) {
  return translated([&] {
    nn::reserve_threads();
    pipeline::ThreadShare threads(implementation_->yield_processors);
    pipeline::RunMonitor monitor([&](const Progress& now) {
      if (now.stage == Stage::kImageTokens || now.stage == Stage::kDenoising) {
        threads.update();
      } else {
        threads.hold();
      }
      return !progress || progress(now);
    });
    return pipeline::draw(implementation_->checkpoint,
                          request,
                          monitor,
                          preview,
                          implementation_->verifier.get(),
                          pipeline::RankScope::current());
  });
}

void Pipeline::unload() {
  implementation_->checkpoint.unload();
#if defined(__GLIBC__)
  ::malloc_trim(0);  // gives the memory back to the system
#endif
}

TokenGrid Pipeline::tokens_of(const Image& image) {
  return translated([&] { return pipeline::tokens_of(implementation_->checkpoint, image); });
}

}  // namespace glm_image
