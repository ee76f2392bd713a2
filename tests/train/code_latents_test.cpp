#include "train/code_latents.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "pipeline/image_settings.h"
#include "posters/shared_source.h"
#include "train/picture_batch.h"
#include "train/token_kinds.h"
#include "train/token_parts.h"

namespace glm_image::train {
namespace {

/// A latent of 8×8 pixels is their mean colour.
Tensor mean_colours(const Tensor& pictures) {
  return at::avg_pool2d(pictures, {8, 8});
}

PictureCodes nano_codes() {
  const auto nano = test::project_dir() / "models" / "nano";
  return {nano / "vision_language_encoder",
          pipeline::ImageSettings::load(nano / "processor"),
          at::kCPU,
          at::kFloat};
}

SizeShare square(int64_t /*poster*/) {
  return {256, 256};
}

TEST(CodeLatents, AreTheMeanOfWhatStandsUnderACode) {
  const auto codes = nano_codes();
  PosterFeed feed(test::poster_folder(), /*seed=*/3);
  const auto colours_of = [](const PosterExample& example) {
    return mean_colours(picture_batch({example.image}));
  };
  const auto latents = mean_under_codes(feed, codes, colours_of, /*posters=*/2, square);
  ASSERT_EQ(latents.sizes(), at::IntArrayRef({codes.codes(), 3 * 4 * 4}));

  std::map<int64_t, std::vector<Tensor>> expected;
  for (int64_t i = 0; i < 2; ++i) {
    const auto example = feed.example(i, 256, 256);
    const auto ids = codes.encode(codes.patches(example.image).unsqueeze(0), 8, 8).flatten();
    const auto colours = colours_of(example)[0];
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

TEST(CodeLatents, ContentsAreThoseOfTheTokensWithACode) {
  const auto codes = nano_codes();
  PosterFeed feed(test::poster_folder(), /*seed=*/3);
  const auto contents = log_contents_under_codes(feed, codes, /*posters=*/2, square);
  const auto kind_count = count_token_kinds(feed.source());
  const auto log_kinds = contents.narrow(1, 0, kind_count);
  const auto answers = count_part_answers(feed.source());
  ASSERT_EQ(contents.sizes(),
            at::IntArrayRef(
                {codes.codes(), std::accumulate(answers.begin(), answers.end(), kind_count)}));
  std::map<int64_t, std::map<int64_t, double>> counts;
  for (int64_t i = 0; i < 2; ++i) {
    const auto example = feed.example(i, 256, 256);
    const auto ids = codes.encode(codes.patches(example.image).unsqueeze(0), 8, 8).flatten();
    const auto kinds = token_kinds(feed.source(), example.scene, example.layout, {8, 8});
    for (int64_t token = 0; token < 64; ++token) {
      counts[ids[token].item<int64_t>()][kinds[token].item<int64_t>()] += 1;
    }
  }
  int64_t items = 0;
  for (auto& [code, of_kinds] : counts) {
    double total = 0;
    for (const auto& [kind, count] : of_kinds) total += count;
    for (const auto& [kind, count] : of_kinds) {
      EXPECT_NEAR(log_kinds[code][kind].item<double>(), std::log(count / total + 0.01), 1e-4);
      items += kind > 0 ? 1 : 0;
    }
    EXPECT_NEAR(log_kinds[code].exp().sum().item<double>(),
                1 + 0.01 * static_cast<double>(log_kinds.size(1)),
                1e-3);
  }
  EXPECT_GT(items, 3);
  // A text has one line number, or none was asked for.
  const auto line_numbers =
      contents.narrow(1, kind_count + answers[0] + answers[1], answers[2]).exp().sum(1) - 0.02;
  EXPECT_LE(line_numbers.masked_select((log_kinds != 0).any(1)).max().item<double>(), 1.001);
  const auto seen = (log_kinds != 0).any(1).sum().item<int64_t>();
  EXPECT_EQ(seen, static_cast<int64_t>(counts.size()));
}

// One token of every poster, of which each has another size and shape.
TEST(CodeLatents, PostersMayHaveAnySize) {
  const auto codes = nano_codes();
  PosterFeed feed(test::poster_folder(), /*seed=*/3);
  const std::vector<SizeShare> sizes = {{64, 96}, {96, 32}};
  const auto size_of = [&](int64_t poster) { return sizes.at(static_cast<size_t>(poster)); };
  const auto ones = [](const PosterExample& example) {
    return at::ones({1, 1, example.image.height / 8, example.image.width / 8});
  };
  const auto seen = mean_under_codes(feed, codes, ones, /*posters=*/2, size_of);
  std::set<int64_t> expected;
  for (int64_t i = 0; i < 2; ++i) {
    const auto size = size_of(i);
    const auto example = feed.example(i, size.width, size.height);
    const auto ids =
        codes.encode(codes.patches(example.image).unsqueeze(0), size.height / 32, size.width / 32);
    for (int64_t token = 0; token < ids.size(1); ++token) {
      expected.insert(ids[0][token].item<int64_t>());
    }
  }
  for (int64_t code = 0; code < codes.codes(); ++code) {
    EXPECT_EQ(seen[code].min().item<double>(), static_cast<double>(expected.count(code))) << code;
  }
  const auto contents = log_contents_under_codes(feed, codes, /*posters=*/2, size_of);
  EXPECT_EQ((contents != 0).any(1).sum().item<int64_t>(), static_cast<int64_t>(expected.size()));
}

TEST(CodeLatents, EmbeddingsShareTheirNumbersEvenly) {
  at::manual_seed(2);
  const auto few = at::randn({50, 4}) * 100, many = at::randn({50, 30});
  const auto rows = embedding_of_codes({few, many}, 9);
  ASSERT_EQ(rows.sizes(), at::IntArrayRef({50, 9}));
  EXPECT_TRUE(at::allclose(rows.narrow(1, 0, 4), embedding_of_codes({few}, 4)));
  EXPECT_TRUE(at::allclose(rows.narrow(1, 4, 5), embedding_of_codes({many}, 5)));
  EXPECT_NEAR(rows.square().mean().item<double>(), 1, 1e-4);
}

TEST(CodeLatents, EmbeddingsAreAsFarApartAsTheLatents) {
  at::manual_seed(1);
  auto latents = at::randn({50, 12});
  latents[7].zero_();  // never seen
  for (const int64_t width : {12, 20}) {
    const auto rows = embedding_of_codes({latents}, width);
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
  const auto rows = embedding_of_codes({flat}, 3);
  const auto ratios = at::cdist(rows, rows).triu(1) / at::cdist(flat, flat).triu(1).clamp_min(1e-9);
  const auto first = ratios[0][1].item<double>();
  EXPECT_TRUE(at::allclose(at::where(ratios > 0, ratios, at::full_like(ratios, first)),
                           at::full_like(ratios, first),
                           1e-3));
}

}  // namespace
}  // namespace glm_image::train
