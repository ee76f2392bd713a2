#include "pipeline/rank_group.h"

#include "core/error.h"

namespace glm_image::pipeline {
namespace {

thread_local RankGroup* current_group = nullptr;

}  // namespace

RankScope::RankScope(RankGroup& group) {
  GLM_IMAGE_CHECK(current_group == nullptr, "a scope of ranks within another");
  current_group = &group;
}

RankScope::~RankScope() {
  current_group = nullptr;
}

RankGroup* RankScope::current() {
  return current_group;
}

}  // namespace glm_image::pipeline
