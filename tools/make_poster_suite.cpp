// Generates the suites in data/suites. Scores of different suites are not comparable: run this only
// for a new suite.
//   make_poster_suite data/posters posters 300 data/suites/posters.json
//   make_poster_suite data/posters posters-2 20261 data/suites/posters-2.json
//   make_poster_suite data/posters edits 40261 data/suites/edits.json
// A name that begins with "edits" makes a suite of edits.

#include <charconv>
#include <cstdio>
#include <exception>
#include <string>

#include "core/atomic_file.h"
#include "nano/posters/edit_suite.h"
#include "nano/posters/suite.h"

namespace {

using namespace glm_image;

constexpr int64_t kEditsPerKind = 25;

/// One prompt per line, for readability and diffs.
std::string in_lines(const io::Json& suite, const std::string& list) {
  std::string text = "{\"name\": " + suite["name"].dump() + ", \"" + list + "\": [\n";
  const auto& prompts = suite[list];
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    text += prompts[i].dump() + (i + 1 < prompts.size() ? ",\n" : "\n");
  }
  return text + "]}\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string digits = argc == 5 ? argv[3] : "";
  uint64_t seed = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), seed);
  if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size()) {
    std::fprintf(stderr, "usage: make_poster_suite DATA_FOLDER NAME SEED SUITE.json\n");
    return 2;
  }
  try {
    const auto source = posters::PosterSource::load(argv[1]);
    const std::string name = argv[2];
    const bool has_edits = name.rfind("edits", 0) == 0;
    write_file_atomically(
        argv[4],
        has_edits ? in_lines(posters::make_edit_suite(source, name, seed, kEditsPerKind).to_json(),
                             "edits")
                  : in_lines(posters::make_suite(source, name, seed).to_json(), "prompts"));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_poster_suite: %s\n", error.what());
    return 1;
  }
  return 0;
}
