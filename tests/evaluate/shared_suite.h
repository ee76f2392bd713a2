#pragma once

#include "nano/posters/renderer.h"
#include "nano/posters/suite.h"
#include "nano/shared_source.h"

namespace glm_image::test {

inline std::filesystem::path suite_file() {
  return poster_folder().parent_path() / "suites" / "posters.json";
}

inline const posters::Suite& poster_suite() {
  static const auto suite = posters::Suite::load(suite_file());
  return suite;
}

inline const posters::SuitePrompt& suite_prompt(const std::string& id) {
  for (const auto& prompt : poster_suite().prompts) {
    if (prompt.id == id) return prompt;
  }
  throw std::runtime_error("no prompt " + id);
}

inline Image truth_of(const posters::SuitePrompt& prompt) {
  static posters::Renderer renderer(poster_source());
  return renderer.render(prompt.scene, prompt.width, prompt.height);
}

}  // namespace glm_image::test
