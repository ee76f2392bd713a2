#pragma once

#include "io/json_file.h"
#include "posters/poster_source.h"

namespace glm_image::posters {

/// One held-out prompt, what its picture must show, and what of that the prompt says.
struct SuitePrompt {
  std::string id;  ///< "1-001": tier and number
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

/// The suite `posters`, of 300 prompts: 100 of each tier, from scenes of the evaluation split.
Suite make_suite(const PosterSource& source);

}  // namespace glm_image::posters
