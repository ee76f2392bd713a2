#include <utility>

#include "c_api/guard.h"
#include "c_api/text_checks.h"

namespace glm_image::c_api {
namespace {

glm_image_stage stage_of(Stage stage) {
  switch (stage) {
    case Stage::kReadingWeights:
      return GLM_IMAGE_STAGE_READING_WEIGHTS;
    case Stage::kReadingPictures:
      return GLM_IMAGE_STAGE_READING_PICTURES;
    case Stage::kImageTokens:
      return GLM_IMAGE_STAGE_IMAGE_TOKENS;
    case Stage::kPreviewing:
      return GLM_IMAGE_STAGE_PREVIEWING;
    case Stage::kSpelling:
      return GLM_IMAGE_STAGE_SPELLING;
    case Stage::kDenoising:
      return GLM_IMAGE_STAGE_DENOISING;
    case Stage::kDecoding:
      return GLM_IMAGE_STAGE_DECODING;
    case Stage::kVerifying:
      break;
  }
  return GLM_IMAGE_STAGE_VERIFYING;
}

ProgressCallback progress_callback(glm_image_progress_function function, void* user_data) {
  if (function == nullptr) return {};
  return [function, user_data](const Progress& progress) {
    const glm_image_progress told = {
        stage_of(progress.stage), progress.step, progress.total, progress.picture};
    return function(&told, user_data) == 0;
  };
}

PreviewCallback preview_callback(glm_image_preview_function function, void* user_data) {
  if (function == nullptr) return {};
  return [function, user_data](const Preview& preview) {
    glm_image_picture picture;
    picture.picture.image = preview.image;
    const glm_image_preview told = {
        &picture, preview.picture, preview.index, preview.is_draft ? 1 : 0};
    function(&told, user_data);
  };
}

const ModelInfo* info_of(const glm_image_pipeline* pipeline) {
  return pipeline == nullptr ? nullptr : &pipeline->pipeline.info();
}

/// Null for an index that is too large.
const char* text_at(const std::vector<std::string>& texts, size_t index) {
  return index < texts.size() ? texts[index].c_str() : nullptr;
}

}  // namespace
}  // namespace glm_image::c_api

using namespace glm_image::c_api;

glm_image_status glm_image_load(const char* directory,
                                const glm_image_options* options,
                                glm_image_pipeline** pipeline,
                                glm_image_error** error) {
  return guarded(error, [&] {
    auto& loaded = required(pipeline, "pipeline");
    const auto folder = required_text(directory, "directory");
    loaded = new glm_image_pipeline{glm_image::Pipeline::load(
        folder, options == nullptr ? glm_image::PipelineOptions() : options->options)};
  });
}

void glm_image_pipeline_free(glm_image_pipeline* pipeline) {
  delete pipeline;
}

glm_image_status glm_image_pipeline_unload(glm_image_pipeline* pipeline, glm_image_error** error) {
  return guarded(error, [&] { required(pipeline, "pipeline").pipeline.unload(); });
}

const char* glm_image_pipeline_name(const glm_image_pipeline* pipeline) {
  const auto* info = info_of(pipeline);
  return info == nullptr ? "" : info->name.c_str();
}

const char* glm_image_pipeline_device(const glm_image_pipeline* pipeline) {
  const auto* info = info_of(pipeline);
  return info == nullptr ? "" : info->device.c_str();
}

size_t glm_image_pipeline_warning_count(const glm_image_pipeline* pipeline) {
  const auto* info = info_of(pipeline);
  return info == nullptr ? 0 : info->warnings.size();
}

const char* glm_image_pipeline_warning(const glm_image_pipeline* pipeline, size_t index) {
  const auto* info = info_of(pipeline);
  return info == nullptr ? nullptr : text_at(info->warnings, index);
}

const char* glm_image_stage_name(glm_image_stage stage) {
  using glm_image::Stage;
  for (const auto each : {Stage::kReadingWeights,
                          Stage::kReadingPictures,
                          Stage::kImageTokens,
                          Stage::kPreviewing,
                          Stage::kSpelling,
                          Stage::kDenoising,
                          Stage::kDecoding,
                          Stage::kVerifying}) {
    if (stage_of(each) == stage) return glm_image::stage_name(each);
  }
  return "";
}

glm_image_status glm_image_check(const glm_image_pipeline* pipeline,
                                 const glm_image_request* request,
                                 glm_image_error** error) {
  return guarded(error, [&] {
    required(pipeline, "pipeline").pipeline.check(required(request, "request").request);
  });
}

glm_image_status glm_image_generate(glm_image_pipeline* pipeline,
                                    const glm_image_request* request,
                                    glm_image_progress_function progress,
                                    glm_image_preview_function preview,
                                    void* user_data,
                                    glm_image_result** result,
                                    glm_image_error** error) {
  return guarded(error, [&] {
    auto& loaded = required(pipeline, "pipeline").pipeline;
    auto& drawn = required(result, "result");
    const auto origin = std::make_shared<Origin>(
        Origin{loaded.check(required(request, "request").request), loaded.info()});
    auto generated = loaded.generate(origin->request,
                                     progress_callback(progress, user_data),
                                     preview_callback(preview, user_data));
    auto made = std::make_unique<glm_image_result>();
    for (auto& picture : generated.pictures) {
      made->pictures.push_back({std::move(picture), origin});
    }
    for (auto& picture : made->pictures) picture.checks = views_of(picture.picture.verification);
    made->texts = std::move(generated.spelled_texts);
    made->candidates = generated.candidates;
    drawn = made.release();
  });
}

void glm_image_result_free(glm_image_result* result) {
  delete result;
}

size_t glm_image_result_count(const glm_image_result* result) {
  return result == nullptr ? 0 : result->pictures.size();
}

int64_t glm_image_result_candidates(const glm_image_result* result) {
  return result == nullptr ? 0 : result->candidates;
}

const glm_image_picture* glm_image_result_picture(const glm_image_result* result, size_t index) {
  return index < glm_image_result_count(result) ? &result->pictures[index] : nullptr;
}

size_t glm_image_result_text_count(const glm_image_result* result) {
  return result == nullptr ? 0 : result->texts.size();
}

const char* glm_image_result_text(const glm_image_result* result, size_t index) {
  return result == nullptr ? nullptr : text_at(result->texts, index);
}
