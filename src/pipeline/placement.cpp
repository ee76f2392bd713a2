#include "pipeline/placement.h"

#include "core/device.h"
#include "nn/convolution.h"
#include "nn/cpu_kernels.h"

namespace glm_image::pipeline {
namespace {

/// Whether most bytes of these weights are float32.
bool is_stored_wide(const io::WeightSet& weights) {
  uint64_t wide = 0;
  for (const auto& [tensor, location] : weights.tensors()) {
    if (location.entry->type == io::ElementType::kFloat32) {
      wide += location.entry->end - location.entry->begin;
    }
  }
  return 2 * wide > weights.total_bytes();
}

/// The type that was asked for, or bfloat16 where `auto_is_bfloat16`.
at::ScalarType chosen(DataType asked, bool auto_is_bfloat16) {
  if (asked == DataType::kAuto) return auto_is_bfloat16 ? at::kBFloat16 : at::kFloat;
  return asked == DataType::kFloat32 ? at::kFloat : at::kBFloat16;
}

}  // namespace

Placement place(const PipelineOptions& options,
                const io::WeightSet& transformer,
                const io::WeightSet& vae) {
  nn::follow_cpu_level();
  if (!options.device_plugin.empty()) load_device_plugin(options.device_plugin);
  Placement placement;
  placement.device = parse_device(options.device);
  const bool on_cpu = placement.device.is_cpu();
  placement.dtype =
      chosen(options.dtype, !is_stored_wide(transformer) && (!on_cpu || cpu_has_fast_bfloat16()));
  placement.vae_dtype = chosen(options.vae_dtype,
                               options.dtype != DataType::kFloat32 && !is_stored_wide(vae) &&
                                   on_cpu && nn::bfloat16_convolution_pays());
  return placement;
}

}  // namespace glm_image::pipeline
