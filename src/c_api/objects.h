#pragma once

#include <memory>
#include <string>
#include <vector>

#include "glm_image.h"
#include "glm_image/picture_file.h"
#include "glm_image/pipeline.h"

/// What the opaque types of glm_image.h hold.

struct glm_image_error {
  glm_image_status status = GLM_IMAGE_INTERNAL;
  std::string message;
};

struct glm_image_options {
  glm_image::PipelineOptions options;
};

struct glm_image_pipeline {
  glm_image::Pipeline pipeline;
};

struct glm_image_request {
  glm_image::Request request;
};

namespace glm_image::c_api {

/// How generated pictures were made; the pictures of a result share it.
struct Origin {
  Request request;  ///< as Pipeline::check returned it
  ModelInfo model;
};

}  // namespace glm_image::c_api

struct glm_image_picture {
  glm_image::Picture picture;
  std::shared_ptr<const glm_image::c_api::Origin> origin;  ///< null if it was not generated
  std::vector<glm_image_text_check> checks{};              ///< with texts of `picture`
};

struct glm_image_memory_plan {
  glm_image::MemoryPlan plan;
  std::vector<glm_image_stage_memory> stages;  ///< with texts of `plan`
};

struct glm_image_result {
  std::vector<glm_image_picture> pictures;
  std::vector<std::string> texts;
  int64_t candidates = 0;
};
