// consumer [MODEL]: a minimal program that uses the library. Exits 0 if the library behaves as its
// headers state.

#include <glm_image/error.h>
#include <glm_image/image.h>
#include <glm_image/pipeline.h>
#include <glm_image/request.h>

#include <iostream>

namespace {

bool missing_model_is_not_found() {
  try {
    glm_image::Pipeline::load("no/such/folder");
  } catch (const glm_image::Error& error) {
    std::cout << error.what() << "\n";
    return error.code() == glm_image::ErrorCode::kNotFound;
  }
  return false;
}

bool draws(const char* model) {
  auto pipeline = glm_image::Pipeline::load(model);
  glm_image::Request request;
  request.prompt = "Une affiche jaune avec le titre « École de Saaba »";
  request.width = request.height = 64;
  request.steps = 1;
  bool denoised = false;
  const auto result = pipeline.generate(request, [&](const glm_image::Progress& progress) {
    denoised = denoised || progress.stage == glm_image::Stage::kDenoising;
    return true;
  });
  const auto& image = result.pictures.at(0).image;
  std::cout << image.width << "x" << image.height << " pixels on " << pipeline.info().device
            << ", spelling " << result.spelled_texts.at(0) << "\n";
  return denoised && image.width == 64 && image.height == 64 && image.pixels.size() == 3 * 64 * 64;
}

}  // namespace

int main(int count, char** arguments) {
  std::cout << "glm_image " << glm_image::version() << "\n";
  if (!missing_model_is_not_found()) return 1;
  return count < 2 || draws(arguments[1]) ? 0 : 1;
}
