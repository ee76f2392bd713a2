// draw_cpp MODEL PROMPT OUTPUT: draws a picture through the C++ interface.

#include <glm_image/picture_file.h>
#include <glm_image/pipeline.h>

#include <iostream>

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "usage: " << arguments[0] << " MODEL PROMPT OUTPUT.png\n";
    return 1;
  }
  try {
    auto pipeline = glm_image::Pipeline::load(arguments[1]);
    glm_image::Request request;
    request.prompt = arguments[2];
    request.seed = 1;
    request = pipeline.check(request);  // fills in the model's own size and settings
    const auto result = pipeline.generate(request, [](const glm_image::Progress& progress) {
      std::cerr << '\r' << glm_image::stage_name(progress.stage) << ": " << progress.step << " of "
                << progress.total << "          ";
      return true;  // false stops
    });
    const auto& picture = result.pictures.front();
    glm_image::write_picture(arguments[3], picture, request, pipeline.info());
    std::cerr << '\n';
    std::cout << arguments[3] << ": " << picture.image.width << " x " << picture.image.height
              << " pixels\n";
  } catch (const glm_image::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
