// Measures posters rendered per second on one core, and the rates of scenes and captions.
//   bench_posters DATA_FOLDER [CONTACT_SHEET.png]
// DATA_FOLDER holds posters/.

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "image/png_codec.h"
#include "io/json_file.h"
#include "nano/posters/poster_source.h"
#include "nano/posters/renderer.h"
#include "support/command_line.h"

namespace {

using namespace glm_image;

/// Processor time, which depends less on the machine's other load.
double now() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void print_rate(const char* what, int count, double seconds) {
  std::printf("%-28s %8.0f a second\n", what, count / seconds);
}

/// Writes a sample grid with eight pictures per row, and the captions to standard output.
void write_sheet(const posters::PosterSource& source, const std::string& file) {
  constexpr int64_t kSide = 256;
  constexpr int64_t kColumns = 8;
  constexpr int64_t kRows = 6;
  posters::Renderer renderer(source);
  Image sheet{kSide * kColumns, kSide * kRows, {}};
  sheet.pixels.resize(static_cast<std::size_t>(sheet.width * sheet.height * 3));
  for (int64_t i = 0; i < kColumns * kRows; ++i) {
    const auto index = static_cast<uint64_t>(i);
    const auto scene = source.scene(index, posters::Split::kTraining);
    std::printf("%2d %s\n", static_cast<int>(i), source.caption(scene, index).c_str());
    const auto image = renderer.render(scene, kSide, kSide);
    for (int64_t y = 0; y < kSide; ++y) {
      const auto to = ((i / kColumns * kSide + y) * sheet.width + i % kColumns * kSide) * 3;
      std::copy_n(image.pixels.begin() + y * kSide * 3, kSide * 3, sheet.pixels.begin() + to);
    }
  }
  write_file_atomically(file, image::encode_png(sheet));
}

void run(const std::vector<std::string>& arguments) {
  const double begin = now();
  const auto source = posters::PosterSource::load(std::filesystem::path(arguments[0]) / "posters");
  std::printf("%-28s %8.2f s\n", "loading", now() - begin);
  if (arguments.size() == 2) write_sheet(source, arguments[1]);

  constexpr int kCount = 2000;
  for (const auto split : {posters::Split::kTraining, posters::Split::kEvaluation}) {
    std::vector<posters::Scene> scenes;
    double start = now();
    for (uint64_t i = 0; i < kCount; ++i) scenes.push_back(source.scene(i, split));
    print_rate(split == posters::Split::kTraining ? "training scenes" : "evaluation scenes",
               kCount,
               now() - start);
    start = now();
    std::size_t bytes = 0;
    for (uint64_t i = 0; i < kCount; ++i) bytes += source.caption(scenes[i], i).size();
    print_rate("captions", kCount, now() - start);
    std::printf("%-28s %8.1f bytes\n", "a caption", static_cast<double>(bytes) / kCount);
    if (split == posters::Split::kEvaluation) continue;
    posters::Renderer renderer(source);
    for (const int64_t side : {256, 512}) {
      const int count = side == 256 ? kCount : kCount / 4;
      start = now();
      for (int i = 0; i < count; ++i)
        renderer.render(scenes[static_cast<std::size_t>(i)], side, side);
      print_rate(side == 256 ? "rendering 256x256" : "rendering 512x512", count, now() - start);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_with_arguments(argc, argv, "DATA_FOLDER [CONTACT_SHEET.png]", 1, 2, run);
}
