#include <utility>

#include "c_api/guard.h"

using namespace glm_image::c_api;

glm_image_status glm_image_plan_memory(const glm_image_pipeline* pipeline,
                                       const glm_image_request* request,
                                       glm_image_memory_plan** plan,
                                       glm_image_error** error) {
  return guarded(error, [&] {
    const auto& loaded = required(pipeline, "pipeline").pipeline;
    auto& made = required(plan, "plan");
    auto planned = std::make_unique<glm_image_memory_plan>();
    planned->plan = loaded.memory_plan(required(request, "request").request);
    for (const auto& stage : planned->plan.stages) {
      planned->stages.push_back({stage.stage.c_str(),
                                 stage.component.c_str(),
                                 stage.weights,
                                 stage.resident,
                                 stage.streamed,
                                 stage.working,
                                 stage.total});
    }
    made = planned.release();
  });
}

void glm_image_memory_plan_free(glm_image_memory_plan* plan) {
  delete plan;
}

int64_t glm_image_memory_plan_allowed(const glm_image_memory_plan* plan) {
  return plan == nullptr ? 0 : plan->plan.allowed;
}

size_t glm_image_memory_plan_stage_count(const glm_image_memory_plan* plan) {
  return plan == nullptr ? 0 : plan->stages.size();
}

const glm_image_stage_memory* glm_image_memory_plan_stage(const glm_image_memory_plan* plan,
                                                          size_t index) {
  return index < glm_image_memory_plan_stage_count(plan) ? &plan->stages[index] : nullptr;
}
