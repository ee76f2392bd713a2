#include "nano/training/scene_reader.h"

#include <gtest/gtest.h>

#include "nano/posters/scene.h"
#include "nano/shared_source.h"
#include "nano/training/poster_feed.h"
#include "nn/parameter.h"

namespace glm_image::nano {
namespace {

constexpr int64_t kHidden = 24;

TEST(PromptEnds, AreTheLastTokensInReverse) {
  const auto hidden = at::arange(2 * 12 * 3, at::kFloat).view({2, 12, 3});
  const auto ends = prompt_ends(hidden, torch::tensor({int64_t{11}, int64_t{4}}));
  ASSERT_EQ(ends.sizes(), at::IntArrayRef({2, posters::kPlaceCount, 3}));
  EXPECT_TRUE(at::equal(ends[0][0], hidden[0][11]));
  EXPECT_TRUE(at::equal(ends[0][8], hidden[0][3]));
  EXPECT_TRUE(at::equal(ends[1][3], hidden[1][1]));
  // There is no token before the first one.
  EXPECT_TRUE(at::equal(ends[1][8], hidden[1][0]));
}

TEST(SceneReader, UsesOneTokenPerPlace) {
  const PosterFeed feed(test::poster_folder(), /*seed=*/3);
  SceneReader reader(feed.source(), kHidden, at::TensorOptions(at::kFloat));
  nn::materialize(*reader);
  at::NoGradGuard no_grad;
  for (auto& weight : reader->parameters()) weight.normal_();
  const auto counts = count_scene_answers(feed.source());
  const auto places = places_of_questions();
  ASSERT_EQ(places.size(), counts.size());
  const auto answers = at::zeros({1, static_cast<int64_t>(counts.size())}, at::kLong);
  const auto ends = at::randn({1, posters::kPlaceCount, kHidden});
  for (int64_t place = 0; place < posters::kPlaceCount; ++place) {
    auto others = ends.clone();
    others.select(1, place).copy_(at::randn({kHidden}));
    auto asked = answers.clone();
    for (size_t i = 0; i < places.size(); ++i) {
      if (places[i] == place) asked.select(1, static_cast<int64_t>(i)).fill_(kNoAnswer);
    }
    // Only the questions about its place use a token.
    EXPECT_EQ(reader->forward(ends, asked).loss.item<float>(),
              reader->forward(others, asked).loss.item<float>());
    EXPECT_NE(reader->forward(ends, answers).loss.item<float>(),
              reader->forward(others, answers).loss.item<float>());
  }
}

TEST(SceneReader, LearnsScenesFromTheTokens) {
  const PosterFeed feed(test::poster_folder(), /*seed=*/3);
  auto maker = feed.another();
  std::vector<Tensor> of_scenes;
  for (int64_t i = 0; i < 4; ++i) {
    const auto example = maker.example(i, 256, 256);
    of_scenes.push_back(scene_answers(feed.source(), example.scene, example.layout, {8, 8}));
  }
  const auto answers = at::stack(of_scenes);
  SceneReader reader(feed.source(), kHidden, at::TensorOptions(at::kFloat));
  nn::materialize(*reader);
  {
    at::NoGradGuard no_grad;
    for (auto& weight : reader->parameters()) weight.normal_(0, 0.02);
  }
  const auto ends = at::randn({4, posters::kPlaceCount, kHidden});
  double first = 0;
  for (int step = 0; step < 100; ++step) {
    reader->zero_grad();
    const auto answered = reader->forward(ends, answers);
    if (step == 0) first = answered.loss.item<double>();
    answered.loss.backward();
    at::NoGradGuard no_grad;
    for (auto& weight : reader->parameters()) weight.sub_(weight.grad(), 0.8);
  }
  const auto answered = reader->forward(ends, answers);
  EXPECT_LT(answered.loss.item<double>(), 0.05 * first);
  EXPECT_EQ(answered.kinds_right.item<float>(), 1.0F);
  EXPECT_EQ(answered.edges_right.item<float>(), 1.0F);
}

}  // namespace
}  // namespace glm_image::nano
