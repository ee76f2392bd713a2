// Writes a folder of edits of posters to train an adapter on (docs/nano.md):
//   make_poster_edits data/posters FOLDER COUNT [SIDE]
// Each edit has a picture, its instruction and the pictures to start from, as docs/fine-tuning.md
// describes a folder. Every fourth example is a poster without a picture to start from, so that the
// adapter does not forget to draw from text. All are of the training split. A file that is there is
// not drawn again, so a run that was stopped continues.

#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <string>

#include "core/atomic_file.h"
#include "core/atomic_folder.h"
#include "core/error.h"
#include "core/random_stream.h"
#include "image/codec.h"
#include "io/json_file.h"
#include "nano/posters/edits.h"
#include "nano/posters/renderer.h"

namespace {

using namespace glm_image;
namespace fs = std::filesystem;

constexpr uint64_t kSeed = 6;
constexpr int64_t kMostEdits = 1'000'000;
constexpr int64_t kPlainEvery = 4;

/// Returns 0 for anything but a number from 1 to `most`.
int64_t number_of(const char* text, int64_t most) {
  int64_t number = 0;
  const char* end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, number);
  return read.ec == std::errc() && read.ptr == end && number >= 1 && number <= most ? number : 0;
}

void write_edits(const fs::path& data, const fs::path& folder, int64_t count, int64_t side) {
  const auto source = posters::PosterSource::load(data);
  posters::Renderer renderer(source);
  create_folder(folder / "before");
  create_folder(folder / "after");
  const auto draw = [&](const std::string& file, const posters::Scene& scene) {
    if (!fs::exists(folder / file)) {
      image::write_image(folder / file, renderer.render(scene, side, side));
    }
  };
  std::string lines;
  for (int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<uint64_t>(i);
    const auto file = concat("after/", i, ".png");
    if (i % kPlainEvery == kPlainEvery - 1) {
      const auto poster = source.poster(mix_bits(kSeed) + index, posters::Split::kTraining);
      draw(file, poster.scene);
      lines += io::Json{{"file_name", file}, {"text", poster.caption.text}}.dump() + "\n";
      continue;
    }
    const auto edit = posters::make_edit(source, kSeed, index, posters::Split::kTraining);
    io::Json references = io::Json::array();
    for (std::size_t number = 0; number < edit.references.size(); ++number) {
      const auto before = concat("before/", i, "-", number, ".png");
      draw(before, edit.references[number]);
      references.push_back(before);
    }
    draw(file, edit.target);
    const io::Json line = {
        {"file_name", file}, {"text", edit.instruction}, {"reference", references}};
    lines += line.dump() + "\n";
  }
  // Last, so that a folder with this file is whole.
  write_file_atomically(folder / "metadata.jsonl", lines);
}

}  // namespace

int main(int argc, char** argv) {
  const auto count = argc == 4 || argc == 5 ? number_of(argv[3], kMostEdits) : 0;
  const auto side = argc == 5 ? number_of(argv[4], posters::kMaxSide) : 256;
  if (count == 0 || side < posters::kMinSide) {
    std::fprintf(stderr, "usage: make_poster_edits DATA_FOLDER FOLDER COUNT [SIDE]\n");
    return 2;
  }
  try {
    write_edits(argv[1], argv[2], count, side);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_poster_edits: %s\n", error.what());
    return 1;
  }
  return 0;
}
