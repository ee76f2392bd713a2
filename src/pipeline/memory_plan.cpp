#include "pipeline/memory_plan.h"

#include <algorithm>
#include <limits>

#include "core/byte_size.h"
#include "core/error.h"
#include "pipeline/model_profile.h"
#include "pipeline/working_memory.h"

namespace glm_image::pipeline {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

/// `room`: bytes for the weights of the component and of other resident components. The adapters of
/// these stay attached and take `others_adapters` bytes.
LoadPlan plan_load(const ComponentBytes& bytes, int64_t room, int64_t others_adapters) {
  LoadPlan plan;
  plan.bytes = bytes;
  plan.weights = plan_weights(bytes, room);
  if (room != kNoLimit) plan.room_for_others = room - plan.weights.resident - others_adapters;
  return plan;
}

/// Memory of the adapters of all components but one.
int64_t adapter_bytes_beside(const std::string& component,
                             const Checkpoint& checkpoint,
                             const std::vector<AdapterUse>& adapters) {
  int64_t bytes = 0;
  for (const auto& info : checkpoint.info().components) {
    if (info.name == component) continue;
    bytes +=
        checkpoint.adapter_set().attached_bytes(adapters, info.name, checkpoint.placement().dtype);
  }
  return bytes;
}

/// Bytes for weights that remain after the working memory of a stage.
int64_t room_for_weights(int64_t allowed, int64_t working) {
  return allowed == 0 ? kNoLimit : allowed - kProgramBytes - working;
}

}  // namespace

RequestPlan plan_request(const Checkpoint& checkpoint,
                         const Request& request,
                         const LoadedModules* loaded,
                         const models::GeneratorShard& shard) {
  const auto work = workload_of(checkpoint, request);
  const auto working = working_memory(checkpoint, work);
  RequestPlan plan;
  plan.memory.allowed = checkpoint.allowed_memory();
  plan.memory.is_given = checkpoint.memory_is_limited_by_option();
  const int64_t callers = loaded == nullptr ? 0 : loaded->bytes;
  plan.memory.program = kProgramBytes + callers;
  int64_t all_weights = 0;
  for (const auto& component : checkpoint.info().components) {
    plan.all_stay = plan.all_stay && component.resident;
    all_weights += component.memory_bytes;
  }

  const auto add = [&](const char* stage,
                       const char* component,
                       const ComponentBytes& bytes,
                       int64_t working_bytes) {
    auto load = plan_load(bytes,
                          room_for_weights(plan.memory.allowed, working_bytes + callers),
                          adapter_bytes_beside(component, checkpoint, work.adapters));
    StageMemory memory;
    memory.stage = stage;
    memory.component = component;
    memory.weights = bytes.memory();
    memory.resident = load.weights.resident;
    memory.streamed = load.weights.streamed;
    memory.working = working_bytes;
    memory.total = plan.memory.program + memory.resident + working_bytes;
    plan.memory.stages.push_back(memory);
    const int64_t others = all_weights - checkpoint.weight_bytes(component).memory();
    plan.all_stay = plan.all_stay && !load.weights.streams() && others <= load.room_for_others;
    return load;
  };
  const bool has_conditions = !work.conditions.empty();
  if (work.generated_tokens > 0) {
    const int64_t rows = work.prompt_tokens + work.generated_tokens * work.pictures;
    const bool with_vision = has_conditions && shard.rank == 0;
    const bool is_loaded = loaded != nullptr && !loaded->generator.is_empty();
    plan.compose = add(
        "compose",
        kVisionLanguage,
        is_loaded ? ComponentBytes() : checkpoint.shard_bytes(with_vision, shard).with_rows(rows),
        working.compose);
  }
  if (has_conditions) {
    plan.encode = add("encode", kVae, checkpoint.weight_bytes(kVae), working.encode);
  }
  plan.spell = add("spell", kTextEncoder, checkpoint.weight_bytes(kTextEncoder), working.spell);
  const bool is_loaded = loaded != nullptr && !loaded->transformer.is_empty();
  plan.paint = add("paint",
                   kTransformer,
                   is_loaded ? ComponentBytes() : checkpoint.weight_bytes(kTransformer),
                   working.paint);
  plan.decode = add("decode", kVae, checkpoint.weight_bytes(kVae), working.decode);
  return plan;
}

void require_memory(const MemoryPlan& plan, const Request& request) {
  if (plan.allowed == 0) return;
  for (const auto& stage : plan.stages) {
    if (stage.total <= plan.allowed) continue;
    fail(ErrorCode::kInvalidInput,
         "the stage ",
         stage.stage,
         " needs ",
         byte_size_text(stage.total),
         " of memory for a picture of ",
         size_text({request.width, request.height}),
         "; ",
         byte_size_text(plan.allowed),
         plan.is_given ? " are allowed (max-memory)" : " are free on this machine");
  }
}

LoadPlan plan_reading(const Checkpoint& checkpoint, const text::Grid& picture) {
  Workload work;
  work.picture = picture;
  work.conditions = {picture};
  const auto working = working_memory(checkpoint, work).read;
  return plan_load(checkpoint.vision_bytes(),
                   room_for_weights(checkpoint.allowed_memory(), working),
                   /*others_adapters=*/0);
}

}  // namespace glm_image::pipeline
