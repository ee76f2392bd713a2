#include "nano/posters/renderer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <thread>

#include "nano/posters/colour_contrast.h"
#include "nano/posters/placing.h"
#include "nano/posters/poster_data.h"
#include "shared_source.h"

namespace glm_image::posters {
namespace {

using test::poster_source;

struct Size {
  int64_t width, height;
};
constexpr Size kSizes[] = {
    {256, 256}, {512, 512}, {320, 192}, {192, 320}, {224, 288}, {288, 224}, {384, 160}};

bool overlap(const ItemBox& a, const ItemBox& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

TEST(Renderer, NothingOverlapsOrIsCutOffAtAnySize) {
  Renderer renderer(poster_source());
  for (uint64_t i = 0; i < 3000; ++i) {
    const auto scene = poster_source().scene(i, i % 2 == 0 ? Split::kTraining : Split::kEvaluation);
    for (const auto& [width, height] : kSizes) {
      const auto layout = renderer.layout(scene, width, height);
      ASSERT_EQ(layout.boxes.size(), scene.texts.size() + scene.pictograms.size());
      for (const auto& box : layout.boxes) {
        // A box at the very edge could be clipped.
        EXPECT_GE(box.x, 2);
        EXPECT_GE(box.y, 2);
        EXPECT_GT(box.width, 0);
        EXPECT_GT(box.height, 0);
        EXPECT_LE(box.x + box.width, width - 2);
        EXPECT_LE(box.y + box.height, height - 2);
        for (const auto& other : layout.boxes) {
          if (&other == &box) continue;
          EXPECT_FALSE(overlap(box, other)) << "scene " << i;
        }
      }
    }
  }
}

TEST(Renderer, LinesStandOnTheGrid) {
  int lines = 0;
  for (uint64_t index = 0; index < 100; ++index) {
    const auto scene = poster_source().scene(index, Split::kTraining);
    const auto placed = place_scene(poster_source().data(), scene, 1.5, 1);
    for (std::size_t i = 0; i < scene.texts.size(); ++i) {
      const double size = scene.texts[i].size;
      const double pen = placed.texts[i].x;
      EXPECT_NEAR(pen, on_grid(pen), 1e-9);
      for (const auto& line : placed.shapes[i].lines) {
        const double base_line = placed.texts[i].y + line.base_line * size;
        const bool is_first = &line == &placed.shapes[i].lines.front();
        const double steps = base_line / (is_first ? kGrid : kLineStep);
        EXPECT_NEAR(steps, std::round(steps), 1e-6) << scene.texts[i].text;
        ++lines;
      }
    }
  }
  EXPECT_GT(lines, 150);
}

/// The first text of a scene, alone on a plain background.
Scene spelling(Scene scene, const std::string& text) {
  scene.pictograms.clear();
  scene.texts.resize(1);
  auto& item = scene.texts[0];
  item.text = text;
  item.lines = {text};
  item.style = "plain";
  item.font = "DejaVu Sans Mono";
  item.size = kTextSizes[0];
  return scene;
}

TEST(Renderer, BarsShowOnlyThePositionsOfLetters) {
  Renderer renderer(poster_source());
  const auto scene = poster_source().scene(0, Split::kTraining);
  const auto bars = [&](const std::string& text) {
    return renderer.render(spelling(scene, text), 256, 256, LetterShapes::kBars).pixels;
  };
  EXPECT_EQ(bars("moon"), bars("noom"));
  EXPECT_NE(bars("moon"), bars("moo"));
  EXPECT_NE(bars("mo on"), bars("moo n"));
  EXPECT_NE(renderer.render(spelling(scene, "moon"), 256, 256).pixels,
            renderer.render(spelling(scene, "noom"), 256, 256).pixels);
}

TEST(Renderer, BoxesHoldAllThatIsDrawn) {
  Renderer renderer(poster_source());
  for (uint64_t i = 0; i < 150; ++i) {
    const auto scene = poster_source().scene(i, Split::kTraining);
    const auto& [width, height] = kSizes[i % std::size(kSizes)];
    const auto layout = renderer.layout(scene, width, height);
    const auto image = renderer.render(scene, width, height);
    ASSERT_EQ(image.pixels.size(), static_cast<std::size_t>(width * height * 3));
    struct Ink {
      int64_t left = 1 << 20, top = 1 << 20, right = 0, bottom = 0;
    };
    std::vector<Ink> inks(layout.boxes.size());
    int64_t outside = 0;
    for (int64_t y = 0; y < height; ++y) {
      const auto empty =
          background_at(scene.background, static_cast<double>(y) / static_cast<double>(height - 1));
      for (int64_t x = 0; x < width; ++x) {
        const auto* pixel = &image.pixels[static_cast<std::size_t>((y * width + x) * 3)];
        if (pixel[0] == empty[0] && pixel[1] == empty[1] && pixel[2] == empty[2]) continue;
        bool is_inside = false;
        for (std::size_t b = 0; b < layout.boxes.size(); ++b) {
          const auto& box = layout.boxes[b];
          if (x < box.x || y < box.y || x >= box.x + box.width || y >= box.y + box.height) continue;
          is_inside = true;
          inks[b].left = std::min(inks[b].left, x);
          inks[b].right = std::max(inks[b].right, x + 1);
          inks[b].top = std::min(inks[b].top, y);
          inks[b].bottom = std::max(inks[b].bottom, y + 1);
        }
        outside += !is_inside;
      }
    }
    EXPECT_EQ(outside, 0) << "scene " << i;
    for (std::size_t b = 0; b < layout.boxes.size(); ++b) {
      const auto& box = layout.boxes[b];
      // One pixel for rounding on each side, and two for faint edges.
      EXPECT_LE(inks[b].left - box.x, 4) << "scene " << i;
      EXPECT_LE(inks[b].top - box.y, 4) << "scene " << i;
      EXPECT_LE(box.x + box.width - inks[b].right, 4) << "scene " << i;
      EXPECT_LE(box.y + box.height - inks[b].bottom, 4) << "scene " << i;
    }
  }
}

TEST(Renderer, EveryLetterHasItsBox) {
  Renderer renderer(poster_source());
  constexpr int64_t kWidth = 320, kHeight = 288;
  for (uint64_t i = 0; i < 200; ++i) {
    const auto scene = poster_source().scene(i, Split::kTraining);
    const auto layout = renderer.layout(scene, kWidth, kHeight);
    const auto image = renderer.render(scene, kWidth, kHeight);
    std::vector<std::string> left;  // the parts of each text without a box
    for (const auto& item : scene.texts) left.push_back(item.text);
    for (const auto& letter : layout.letters) {
      const auto& box = layout.boxes[scene.pictograms.size() + letter.text];
      EXPECT_GE(letter.x, box.x);
      EXPECT_GE(letter.y, box.y);
      EXPECT_LE(letter.x + letter.width, box.x + box.width);
      EXPECT_LE(letter.y + letter.height, box.y + box.height);
      auto& bytes = left[letter.text];
      ASSERT_LT(letter.offset, bytes.size());
      EXPECT_NE(bytes[letter.offset], ' ') << scene.texts[letter.text].text;
      bytes[letter.offset] = ' ';

      int64_t inked = 0;
      for (int64_t y = letter.y; y < letter.y + letter.height; ++y) {
        const auto empty = background_at(scene.background,
                                         static_cast<double>(y) / static_cast<double>(kHeight - 1));
        for (int64_t x = letter.x; x < letter.x + letter.width; ++x) {
          const auto* pixel = &image.pixels[static_cast<std::size_t>((y * kWidth + x) * 3)];
          inked += !std::equal(pixel, pixel + 3, empty.begin());
        }
      }
      // Thin and slanted letters leave most of their box empty.
      EXPECT_GE(inked * 10, letter.width * letter.height)
          << scene.texts[letter.text].text << ", byte " << letter.offset;
    }
    // Only spaces, continuation bytes and marks above the previous letter have no box.
    for (const auto& bytes : left) {
      for (const char byte : bytes) EXPECT_TRUE(byte == ' ' || (byte & 0x80) != 0) << bytes;
    }
  }
}

TEST(Renderer, OneSceneLooksTheSameAtTwiceTheSize) {
  Renderer renderer(poster_source());
  for (uint64_t i = 0; i < 300; ++i) {
    const auto scene = poster_source().scene(i, Split::kTraining);
    const auto small = renderer.layout(scene, 256, 256);
    const auto large = renderer.layout(scene, 512, 512);
    for (std::size_t b = 0; b < small.boxes.size(); ++b) {
      EXPECT_NEAR(2 * small.boxes[b].x, large.boxes[b].x, 5);
      EXPECT_NEAR(2 * small.boxes[b].y, large.boxes[b].y, 5);
      EXPECT_NEAR(2 * small.boxes[b].width, large.boxes[b].width, 8);
      EXPECT_NEAR(2 * small.boxes[b].height, large.boxes[b].height, 8);
    }
  }
}

TEST(Renderer, SameSceneSameBytes) {
  Renderer first(poster_source());
  Renderer second(poster_source());
  for (uint64_t i = 0; i < 40; ++i) {
    const auto scene = poster_source().scene(i, Split::kTraining);
    const auto image = first.render(scene, 256, 256);
    // The second renderer has drawn other scenes in between; they must not affect this one.
    second.render(poster_source().scene(1000 + i, Split::kTraining), 320, 192);
    EXPECT_EQ(second.render(scene, 256, 256).pixels, image.pixels);
  }
}

TEST(Renderer, SeveralRunConcurrently) {
  constexpr uint64_t kScenes = 60;
  const auto draw = [](std::vector<Image>& images) {
    Renderer renderer(poster_source());
    for (uint64_t i = 0; i < kScenes; ++i) {
      images.push_back(renderer.render(poster_source().scene(i, Split::kTraining), 192, 192));
    }
  };
  std::vector<Image> alone;
  draw(alone);
  std::vector<std::vector<Image>> together(3);
  std::vector<std::thread> threads;
  for (auto& images : together) threads.emplace_back(draw, std::ref(images));
  for (auto& thread : threads) thread.join();
  for (const auto& images : together) {
    ASSERT_EQ(images.size(), kScenes);
    for (uint64_t i = 0; i < kScenes; ++i) EXPECT_EQ(images[i].pixels, alone[i].pixels);
  }
}

TEST(Renderer, LettersAreSmoothInGrey) {
  Scene scene;
  scene.background.first = {"white", {255, 255, 255}};
  TextItem item;
  item.text = "Ɓɔwgo";
  item.lines = {item.text};
  item.colour = {"black", {0, 0, 0}};
  item.style = "plain";
  item.font = "DejaVu Sans Mono";
  item.size = 0.2;
  scene.texts = {item};
  Renderer renderer(poster_source());
  const auto image = renderer.render(scene, 256, 256);
  int64_t between = 0;
  int64_t black = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    EXPECT_EQ(image.pixels[i], image.pixels[i + 1]);
    EXPECT_EQ(image.pixels[i], image.pixels[i + 2]);
    black += image.pixels[i] == 0;
    between += image.pixels[i] > 0 && image.pixels[i] < 255;
  }
  EXPECT_GT(black, 500);
  EXPECT_GT(between, 300);
}

TEST(Renderer, DrawsPictogramsInColour) {
  Renderer renderer(poster_source());
  for (const auto& pictogram : poster_source().data().pictograms.all()) {
    Scene scene;
    scene.background.first = {"white", {255, 255, 255}};
    scene.pictograms = {{pictogram.id, Place::kCentre, 0.5}};
    const auto image = renderer.render(scene, 256, 256);
    int64_t drawn = 0;
    for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
      drawn += image.pixels[i] < 250 || image.pixels[i + 1] < 250 || image.pixels[i + 2] < 250;
    }
    EXPECT_GT(drawn, 600) << pictogram.id;
  }
}

TEST(Renderer, RefusesSizes) {
  Renderer renderer(poster_source());
  const auto scene = poster_source().scene(0, Split::kTraining);
  for (const auto& [width, height] : {Size{0, 256}, Size{256, -1}, Size{31, 64}, Size{4097, 64}}) {
    const auto [w, h] = std::pair(width, height);
    test::expect_error(ErrorCode::kInvalidInput, {"32 to 4096"}, [&, w = w, h = h] {
      renderer.render(scene, w, h);
    });
  }
}

}  // namespace
}  // namespace glm_image::posters
