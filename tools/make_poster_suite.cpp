// Writes data/suites/posters.json anew:
//   make_poster_suite data/posters data/suites/posters.json
// A changed suite makes scores incomparable: only for a new version of it.

#include <cstdio>
#include <exception>

#include "core/atomic_file.h"
#include "posters/suite.h"

int main(int argc, char** argv) {
  using namespace glm_image;
  if (argc != 3) {
    std::fprintf(stderr, "usage: make_poster_suite DATA_FOLDER SUITE.json\n");
    return 2;
  }
  try {
    const auto source = posters::PosterSource::load(argv[1]);
    const auto json = posters::make_suite(source).to_json();
    // A prompt a line, for reading and for diffs.
    std::string text = "{\"name\": " + json["name"].dump() + ", \"prompts\": [\n";
    for (std::size_t i = 0; i < json["prompts"].size(); ++i) {
      text += json["prompts"][i].dump() + (i + 1 < json["prompts"].size() ? ",\n" : "\n");
    }
    write_file_atomically(argv[2], text + "]}\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_poster_suite: %s\n", error.what());
    return 1;
  }
  return 0;
}
