#pragma once

#include "io/json_file.h"
#include "nano/posters/poster_source.h"

namespace glm_image::posters {

/// A held-out prompt, its scene, and which parts of the scene the prompt mentions.
struct SuitePrompt {
  std::string id;  ///< tier and number: "1-001"
  int tier = 1;    ///< 1: one text; 2: two texts; 3: two texts, two pictograms and all places
  int64_t width = 256, height = 256;
  Caption caption;
  Scene scene;
};

struct Suite {
  std::string name;
  std::vector<SuitePrompt> prompts;

  /// A file such as data/suites/posters.json. Throws kCorruptFile for bad data.
  static Suite load(const std::filesystem::path& file);
  io::Json to_json() const;
};

/// Generates a suite of 300 prompts, 100 per tier, from scenes of the evaluation split. `seed`: of
/// its scenes, plus the tier.
Suite make_suite(const PosterSource& source, const std::string& name, uint64_t seed);

}  // namespace glm_image::posters
