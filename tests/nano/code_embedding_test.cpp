#include "nano/training/code_embedding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "nano/shared_source.h"
#include "nano/training/token_kinds.h"
#include "nano/training/token_parts.h"
#include "pipeline/image_settings.h"
#include "train/batch/picture_batch.h"

namespace glm_image::nano {
namespace {

/// Uses the mean colour of 8×8 pixels as a latent.
Tensor mean_colours(const Tensor& pictures) {
  return at::avg_pool2d(pictures, {8, 8});
}

train::PictureCodes nano_codes() {
  const auto nano = test::project_dir() / "models" / "nano";
  return {nano / "vision_language_encoder",
          pipeline::ImageSettings::load(nano / "processor"),
          at::kCPU,
          at::kFloat};
}

PosterTrainingData posters_of(const std::vector<train::SizeShare>& sizes) {
  return {test::poster_folder(), /*seed=*/3, /*batch=*/1, {sizes, /*posters=*/0}};
}

PosterTrainingData square_posters() {
  return posters_of({{256, 256, 1}});
}

TEST(CodeLatents, AreMeansOverTheTokensOfACode) {
  const auto codes = nano_codes();
  PosterFeed feed(test::poster_folder(), /*seed=*/3);
  const auto colours_of = [](const Image& picture) {
    return mean_colours(train::picture_batch({picture}));
  };
  const auto data = square_posters();
  const auto latents = train::mean_under_codes(
      *data.reader(),
      codes,
      [&](train::TrainingExample& /*example*/, const Image& picture) {
        return colours_of(picture);
      },
      /*examples=*/2);
  ASSERT_EQ(latents.sizes(), at::IntArrayRef({codes.codes(), 3 * 4 * 4}));

  std::map<int64_t, std::vector<Tensor>> expected;
  for (int64_t i = 0; i < 2; ++i) {
    const auto example = feed.example(i, 256, 256);
    const auto ids = codes.encode(codes.patches(example.image).unsqueeze(0), 8, 8).flatten();
    const auto colours = colours_of(example.image)[0];
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
  const auto contents =
      log_contents_under_codes(*square_posters().reader(), codes, feed.source(), 2);
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
  // A text has exactly one line number, or the question does not apply.
  const auto line_numbers =
      contents.narrow(1, kind_count + answers[0] + answers[1], answers[2]).exp().sum(1) - 0.02;
  EXPECT_LE(line_numbers.masked_select((log_kinds != 0).any(1)).max().item<double>(), 1.001);
  const auto seen = (log_kinds != 0).any(1).sum().item<int64_t>();
  EXPECT_EQ(seen, static_cast<int64_t>(counts.size()));
}

TEST(CodeLatents, PostersMayHaveAnySize) {
  constexpr int64_t kPosters = 4;
  const auto codes = nano_codes();
  const auto data = posters_of({{64, 96, 1}, {96, 32, 1}});
  const auto reader = data.reader();
  const auto ones = [](train::TrainingExample& /*example*/, const Image& picture) {
    return at::ones({1, 1, picture.height / 8, picture.width / 8});
  };
  const auto seen = train::mean_under_codes(*reader, codes, ones, kPosters);
  std::set<int64_t> expected, widths;
  for (int64_t i = 0; i < kPosters; ++i) {
    const auto example = reader->example(i);
    const auto& size = example->size;
    widths.insert(size.width);
    const auto patches = codes.patches(example->picture(size)).unsqueeze(0);
    const auto ids = codes.encode(patches, size.height / 32, size.width / 32);
    for (int64_t token = 0; token < ids.size(1); ++token) {
      expected.insert(ids[0][token].item<int64_t>());
    }
  }
  ASSERT_EQ(widths.size(), 2U);
  for (int64_t code = 0; code < codes.codes(); ++code) {
    EXPECT_EQ(seen[code].min().item<double>(), static_cast<double>(expected.count(code))) << code;
  }
  const auto contents = log_contents_under_codes(*reader, codes, data.source(), kPosters);
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
  // The width is too small, so the leading components are kept.
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
}  // namespace glm_image::nano
