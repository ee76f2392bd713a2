#include "support/reference.h"

namespace glm_image::test {

std::filesystem::path tiny_dir() {
  return data_dir() / "tiny";
}

std::filesystem::path tiny_model_dir() {
  return tiny_dir() / "model";
}

std::vector<ReferenceCase> reference_cases() {
  std::vector<ReferenceCase> cases;
  for (const auto& row : nlohmann::json::parse(read_file(tiny_dir() / "cases.json"))) {
    cases.push_back(
        {row, io::SafetensorsFile::open(tiny_dir() / row.at("expected").get<std::string>())});
  }
  return cases;
}

void link_tiny_model(const std::filesystem::path& folder, const std::string& profile) {
  for (const auto& part : std::filesystem::directory_iterator(tiny_model_dir())) {
    std::filesystem::create_symlink(part.path(), folder / part.path().filename());
  }
  write_file(folder / "glm_image.json", profile);
}

}  // namespace glm_image::test
