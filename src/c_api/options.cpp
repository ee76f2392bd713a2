#include <new>

#include "c_api/guard.h"
#include "glm_image/limits.h"

namespace glm_image::c_api {
namespace {

PipelineOptions& pipeline_options_of(glm_image_options* options) {
  return required(options, "options").options;
}

DataType data_type(glm_image_dtype dtype) {
  switch (dtype) {
    case GLM_IMAGE_DTYPE_AUTO:
      return DataType::kAuto;
    case GLM_IMAGE_DTYPE_FLOAT32:
      return DataType::kFloat32;
    case GLM_IMAGE_DTYPE_BFLOAT16:
      return DataType::kBFloat16;
  }
  refuse_value("dtype", dtype);
}

Residency residency_of(glm_image_residency residency) {
  switch (residency) {
    case GLM_IMAGE_RESIDENCY_NONE:
      return Residency::kNone;
    case GLM_IMAGE_RESIDENCY_AUTO:
      return Residency::kAuto;
    case GLM_IMAGE_RESIDENCY_ALL:
      return Residency::kAll;
  }
  refuse_value("residency", residency);
}

}  // namespace
}  // namespace glm_image::c_api

using namespace glm_image::c_api;

glm_image_options* glm_image_options_create() {
  return new (std::nothrow) glm_image_options();
}

void glm_image_options_free(glm_image_options* options) {
  delete options;
}

glm_image_status glm_image_options_set_device(glm_image_options* options,
                                              const char* device,
                                              const char* plugin,
                                              glm_image_error** error) {
  return guarded(error, [&] {
    auto& set = pipeline_options_of(options);
    set.device = required_text(device, "device");
    set.device_plugin = plugin == nullptr ? "" : plugin;
  });
}

glm_image_status glm_image_options_set_dtype(glm_image_options* options,
                                             glm_image_dtype dtype,
                                             glm_image_error** error) {
  return guarded(error, [&] { pipeline_options_of(options).dtype = data_type(dtype); });
}

glm_image_status glm_image_options_set_vae_dtype(glm_image_options* options,
                                                 glm_image_dtype dtype,
                                                 glm_image_error** error) {
  return guarded(error, [&] { pipeline_options_of(options).vae_dtype = data_type(dtype); });
}

glm_image_status glm_image_options_set_threads(glm_image_options* options,
                                               int threads,
                                               glm_image_error** error) {
  return guarded(error, [&] {
    using glm_image::limits::kMaxThreads;
    if (threads < 0 || threads > kMaxThreads) {
      throw glm_image::Error(glm_image::ErrorCode::kInvalidInput,
                             "threads must be 0 to " + std::to_string(kMaxThreads) + "; found " +
                                 std::to_string(threads));
    }
    pipeline_options_of(options).threads = threads;
  });
}

glm_image_status glm_image_options_set_residency(glm_image_options* options,
                                                 glm_image_residency residency,
                                                 glm_image_error** error) {
  return guarded(error, [&] { pipeline_options_of(options).residency = residency_of(residency); });
}

glm_image_status glm_image_options_set_max_memory(glm_image_options* options,
                                                  int64_t bytes,
                                                  glm_image_error** error) {
  return guarded(error, [&] {
    if (bytes < 0) {
      throw glm_image::Error(
          glm_image::ErrorCode::kInvalidInput,
          "the memory limit must be 0 or a number of bytes; found " + std::to_string(bytes));
    }
    pipeline_options_of(options).max_memory_bytes = bytes;
  });
}

glm_image_status glm_image_options_set_strict(glm_image_options* options,
                                              int strict,
                                              glm_image_error** error) {
  return guarded(error, [&] { pipeline_options_of(options).strict = strict != 0; });
}

glm_image_status glm_image_options_add_adapter(glm_image_options* options,
                                               const char* path,
                                               double scale,
                                               glm_image_error** error) {
  return guarded(error, [&] {
    pipeline_options_of(options).adapters.push_back({required_text(path, "path"), scale});
  });
}
