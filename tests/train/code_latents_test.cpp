#include "train/code_latents.h"

#include <gtest/gtest.h>

#include <map>

#include "pipeline/image_settings.h"
#include "posters/shared_source.h"
#include "train/picture_batch.h"

namespace glm_image::train {
namespace {

/// A latent of 8×8 pixels is their mean colour.
Tensor mean_colours(const Tensor& pictures) {
  return at::avg_pool2d(pictures, {8, 8});
}

TEST(CodeLatents, AreTheMeanOfWhatStandsUnderACode) {
  const auto nano = test::project_dir() / "models" / "nano";
  const PictureCodes codes(nano / "vision_language_encoder",
                           pipeline::ImageSettings::load(nano / "processor"),
                           at::kCPU,
                           at::kFloat);
  PosterFeed feed(test::poster_folder(), /*seed=*/3);
  const auto latents = mean_under_codes(feed, codes, mean_colours, /*posters=*/2, /*side=*/256);
  ASSERT_EQ(latents.sizes(), at::IntArrayRef({codes.codes(), 3 * 4 * 4}));

  std::map<int64_t, std::vector<Tensor>> expected;
  for (int64_t i = 0; i < 2; ++i) {
    const auto image = feed.example(i, 256, 256).image;
    const auto ids = codes.encode(codes.patches(image).unsqueeze(0), 8, 8).flatten();
    const auto colours = mean_colours(picture_batch({image}))[0];
    for (int64_t token = 0; token < 64; ++token) {
      expected[ids[token].item<int64_t>()].push_back(
          colours.narrow(1, token / 8 * 4, 4).narrow(2, token % 8 * 4, 4).flatten());
    }
  }
  for (int64_t code = 0; code < codes.codes(); ++code) {
    const auto wanted = expected.count(code) > 0 ? at::stack(expected.at(code)).mean(0)
                                                 : at::zeros({latents.size(1)});
    EXPECT_TRUE(at::allclose(latents[code], wanted, 1e-4, 1e-5)) << code;
  }
}

TEST(CodeLatents, EmbeddingsAreAsFarApartAsTheLatents) {
  at::manual_seed(1);
  auto latents = at::randn({50, 12});
  latents[7].zero_();  // never seen
  for (const int64_t width : {12, 20}) {
    const auto rows = embedding_of_latents(latents, width);
    ASSERT_EQ(rows.sizes(), at::IntArrayRef({50, width}));
    EXPECT_NEAR(rows.square().mean().item<double>(), 1, 1e-4);
    EXPECT_EQ(rows[7].abs().max().item<double>(), 0);
    const double scale =
        ((rows[1] - rows[2]).norm() / (latents[1] - latents[2]).norm()).item<double>();
    const auto apart = (rows[3] - rows[40]).norm() / (latents[3] - latents[40]).norm();
    EXPECT_NEAR(apart.item<double>(), scale, 1e-4 * scale);
  }
  // Too narrow: the strongest directions are kept.
  auto flat = at::zeros({50, 12});
  flat.narrow(1, 4, 3).copy_(at::randn({50, 3}));
  const auto rows = embedding_of_latents(flat, 3);
  const auto ratios = at::cdist(rows, rows).triu(1) / at::cdist(flat, flat).triu(1).clamp_min(1e-9);
  const auto first = ratios[0][1].item<double>();
  EXPECT_TRUE(at::allclose(at::where(ratios > 0, ratios, at::full_like(ratios, first)),
                           at::full_like(ratios, first),
                           1e-3));
}

}  // namespace
}  // namespace glm_image::train
