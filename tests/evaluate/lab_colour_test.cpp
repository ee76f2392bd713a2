#include "reading/lab_colour.h"

#include <gtest/gtest.h>

#include "evaluate/colour_score.h"
#include "nano/posters/poster_data.h"
#include "nano/shared_source.h"

namespace glm_image::evaluate {
namespace {

using reading::colour_difference;
using reading::Lab;
using reading::lab_of;
using reading::Rgb;

TEST(LabColour, KnownColours) {
  const auto white = lab_of({255, 255, 255});
  EXPECT_NEAR(white.lightness, 100, 0.01);
  EXPECT_NEAR(white.a, 0, 0.02);
  EXPECT_NEAR(white.b, 0, 0.02);
  const auto red = lab_of({255, 0, 0});
  EXPECT_NEAR(red.lightness, 53.24, 0.02);
  EXPECT_NEAR(red.a, 80.09, 0.02);
  EXPECT_NEAR(red.b, 67.20, 0.02);
  EXPECT_NEAR(lab_of({0, 0, 0}).lightness, 0, 1e-9);
}

// From the test data of Sharma, Wu and Dalal.
TEST(LabColour, DifferencesOfThePublishedTestData) {
  const struct {
    Lab first, second;
    double difference;
  } pairs[] = {
      {{50, 2.6772, -79.7751}, {50, 0, -82.7485}, 2.0425},
      {{50, 3.1571, -77.2803}, {50, 0, -82.7485}, 2.8615},
      {{50, 0, 0}, {50, -1, 2}, 2.3669},
      {{50, 2.5, 0}, {73, 25, -18}, 27.1492},
      {{50, 2.5, 0}, {61, -5, 29}, 22.8977},
      {{50, 2.5, 0}, {56, -27, -3}, 31.9030},
      {{50, 2.5, 0}, {58, 24, 15}, 19.4535},
      {{60.2574, -34.0099, 36.2677}, {60.4626, -34.1751, 39.4387}, 1.2644},
      {{2.0776, 0.0795, -1.1350}, {0.9033, -0.0636, -0.5514}, 0.9082},
  };
  for (const auto& pair : pairs) {
    EXPECT_NEAR(colour_difference(pair.first, pair.second), pair.difference, 1e-4);
    EXPECT_NEAR(colour_difference(pair.second, pair.first), pair.difference, 1e-4);
  }
}

TEST(NamedColour, EveryPaletteColourIsRecognised) {
  const auto& palette = test::poster_source().data().palette;
  for (const auto& named : palette.colours()) {
    EXPECT_EQ(named_colour(palette, named.colour.rgb), named.colour.id);
  }
}

TEST(NamedColour, NearColoursKeepTheirNameAndFarOnesHaveNone) {
  const auto& palette = test::poster_source().data().palette;
  const auto& red = palette.find("red")->colour.rgb;
  EXPECT_EQ(named_colour(palette,
                         {static_cast<uint8_t>(red[0] - 10),
                          static_cast<uint8_t>(red[1] + 10),
                          static_cast<uint8_t>(red[2] + 8)}),
            "red");
  EXPECT_EQ(named_colour(palette, {128, 128, 0}), "");
}

}  // namespace
}  // namespace glm_image::evaluate
