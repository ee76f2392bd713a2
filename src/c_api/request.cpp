#include <new>

#include "c_api/guard.h"

namespace glm_image::c_api {
namespace {

Request& request_of(glm_image_request* request) {
  return required(request, "request").request;
}

Speed speed_of(glm_image_speed speed) {
  switch (speed) {
    case GLM_IMAGE_SPEED_EXACT:
      return Speed::kExact;
    case GLM_IMAGE_SPEED_BALANCED:
      return Speed::kBalanced;
    case GLM_IMAGE_SPEED_FAST:
      return Speed::kFast;
  }
  refuse_value("speed", speed);
}

Solver solver_of(glm_image_solver solver) {
  switch (solver) {
    case GLM_IMAGE_SOLVER_EULER:
      return Solver::kEuler;
    case GLM_IMAGE_SOLVER_MULTISTEP:
      return Solver::kMultistep;
  }
  refuse_value("solver", solver);
}

GlyphRules glyph_rules_of(glm_image_glyph_rules rules) {
  switch (rules) {
    case GLM_IMAGE_GLYPH_RULES_SMART:
      return GlyphRules::kSmart;
    case GLM_IMAGE_GLYPH_RULES_REFERENCE:
      return GlyphRules::kReference;
  }
  refuse_value("rules", rules);
}

}  // namespace
}  // namespace glm_image::c_api

using namespace glm_image::c_api;

glm_image_request* glm_image_request_create() {
  return new (std::nothrow) glm_image_request();
}

void glm_image_request_free(glm_image_request* request) {
  delete request;
}

glm_image_status glm_image_request_set_prompt(glm_image_request* request,
                                              const char* prompt,
                                              glm_image_error** error) {
  return guarded(error, [&] { request_of(request).prompt = required_text(prompt, "prompt"); });
}

glm_image_status glm_image_request_add_text(glm_image_request* request,
                                            const char* text,
                                            glm_image_error** error) {
  return guarded(error, [&] { request_of(request).texts.push_back(required_text(text, "text")); });
}

glm_image_status glm_image_request_set_glyph_rules(glm_image_request* request,
                                                   glm_image_glyph_rules rules,
                                                   glm_image_error** error) {
  return guarded(error, [&] { request_of(request).glyph_rules = glyph_rules_of(rules); });
}

glm_image_status glm_image_request_add_picture(glm_image_request* request,
                                               const glm_image_picture* picture,
                                               glm_image_error** error) {
  return guarded(error, [&] {
    request_of(request).condition_images.push_back(required(picture, "picture").picture.image);
  });
}

glm_image_status glm_image_request_set_size(glm_image_request* request,
                                            int64_t width,
                                            int64_t height,
                                            glm_image_error** error) {
  return guarded(error, [&] {
    request_of(request).width = width;
    request_of(request).height = height;
  });
}

glm_image_status glm_image_request_set_max_pixels(glm_image_request* request,
                                                  int64_t pixels,
                                                  glm_image_error** error) {
  return guarded(error, [&] { request_of(request).max_pixels = pixels; });
}

glm_image_status glm_image_request_set_reference_pixels(glm_image_request* request,
                                                        int64_t pixels,
                                                        glm_image_error** error) {
  return guarded(error, [&] { request_of(request).reference_pixels = pixels; });
}

glm_image_status glm_image_request_set_draft(glm_image_request* request,
                                             int draft,
                                             glm_image_error** error) {
  return guarded(error, [&] { request_of(request).draft = draft != 0; });
}

glm_image_status glm_image_request_set_steps(glm_image_request* request,
                                             int64_t steps,
                                             glm_image_error** error) {
  return guarded(error, [&] { request_of(request).steps = steps; });
}

glm_image_status glm_image_request_set_guidance(glm_image_request* request,
                                                double guidance,
                                                glm_image_error** error) {
  return guarded(error, [&] { request_of(request).guidance = guidance; });
}

glm_image_status glm_image_request_set_speed(glm_image_request* request,
                                             glm_image_speed speed,
                                             glm_image_error** error) {
  return guarded(error, [&] { request_of(request).speed = speed_of(speed); });
}

glm_image_status glm_image_request_set_solver(glm_image_request* request,
                                              glm_image_solver solver,
                                              glm_image_error** error) {
  return guarded(error, [&] { request_of(request).solver = solver_of(solver); });
}

glm_image_status glm_image_request_set_guidance_interval(glm_image_request* request,
                                                         double begin,
                                                         double end,
                                                         glm_image_error** error) {
  return guarded(error, [&] {
    request_of(request).guided = glm_image::GuidanceInterval{begin, end};
  });
}

glm_image_status glm_image_request_set_guidance_every(glm_image_request* request,
                                                      int64_t steps,
                                                      glm_image_error** error) {
  return guarded(error, [&] { request_of(request).guidance_every = steps; });
}

glm_image_status glm_image_request_set_step_cache(glm_image_request* request,
                                                  double threshold,
                                                  glm_image_error** error) {
  return guarded(error, [&] { request_of(request).step_cache = threshold; });
}

glm_image_status glm_image_request_set_seed(glm_image_request* request,
                                            uint64_t seed,
                                            glm_image_error** error) {
  return guarded(error, [&] { request_of(request).seed = seed; });
}

glm_image_status glm_image_request_set_count(glm_image_request* request,
                                             int64_t count,
                                             glm_image_error** error) {
  return guarded(error, [&] { request_of(request).count = count; });
}

glm_image_status glm_image_request_set_verify(glm_image_request* request,
                                              int verify,
                                              glm_image_error** error) {
  return guarded(error, [&] { request_of(request).verify = verify != 0; });
}

glm_image_status glm_image_request_set_best_of(glm_image_request* request,
                                               int64_t pictures,
                                               glm_image_error** error) {
  return guarded(error, [&] { request_of(request).best_of = pictures; });
}

glm_image_status glm_image_request_set_sampling(glm_image_request* request,
                                                double temperature,
                                                double top_p,
                                                glm_image_error** error) {
  return guarded(error, [&] {
    request_of(request).temperature = temperature;
    request_of(request).top_p = top_p;
  });
}

glm_image_status glm_image_request_set_previews(glm_image_request* request,
                                                int64_t previews,
                                                glm_image_error** error) {
  return guarded(error, [&] { request_of(request).previews = previews; });
}

glm_image_status glm_image_request_add_adapter(glm_image_request* request,
                                               const char* name,
                                               double scale,
                                               glm_image_error** error) {
  return guarded(error, [&] {
    auto& adapters = request_of(request).adapters;
    if (!adapters) adapters.emplace();
    adapters->push_back({required_text(name, "name"), scale});
  });
}

glm_image_status glm_image_request_set_composition(glm_image_request* request,
                                                   const glm_image_picture* picture,
                                                   glm_image_error** error) {
  return guarded(error, [&] {
    const auto& given = required(picture, "picture");
    if (!given.origin) {
      throw glm_image::Error(glm_image::ErrorCode::kInvalidInput,
                             "the picture has no composition: it was not generated");
    }
    request_of(request).composition = given.picture.composition;
  });
}
