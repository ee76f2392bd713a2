// The DiT with its image tokens spread over ranks, which are threads here, against the whole.

#include "models/transformer/token_share.h"

#include <thread>

#include "models/meeting.h"
#include "models/transformer/picture_input.h"
#include "models/transformer/transformer_model.h"
#include "nn/parameter.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

using models::TokenShare;

/// Uneven shares: each rank has one token more than the one before it, the last the rest.
class SharedTable : public TokenShare {
 public:
  SharedTable(Meeting& meeting, int rank, int ranks)
      : meeting_(meeting), rank_(rank), ranks_(ranks) {}

  std::pair<int64_t, int64_t> own(int64_t image_tokens) const override {
    const int64_t first = rank_ * (rank_ + 1) / 2;
    return {first, rank_ + 1 == ranks_ ? image_tokens - first : rank_ + 1};
  }
  std::function<Tensor()> begin_gather(const Tensor& heads, int64_t /*image_tokens*/) override {
    most_under_way_ = std::max(most_under_way_, ++under_way_);
    return [this, turn = meeting_.give(rank_, heads)] {
      --under_way_;
      return at::cat(meeting_.take(turn), 1);
    };
  }
  Tensor gather(const Tensor& outputs, int64_t /*image_tokens*/) override {
    return at::cat(meeting_.take(meeting_.give(rank_, outputs)), 1);
  }
  /// Gathers that had begun and were not waited for yet.
  int most_under_way() const { return most_under_way_; }

 private:
  Meeting& meeting_;
  const int rank_, ranks_;
  int under_way_ = 0, most_under_way_ = 0;
};

class SharedTokens : public testing::Test {
 protected:
  SharedTokens() {
    nn::materialize(*model_);
    torch::manual_seed(1);
    for (auto& parameter : model_->parameters()) parameter.normal_(0, 0.2);
    input_ = models::picture_input(at::randn({1, config_.in_channels, 12, 8}),
                                   at::randint(0, 16, {1, 6 * 4}, at::kLong),
                                   96,
                                   64);
    input_.glyphs = at::randn({1, 5, config_.text_embed_dim});
    input_.prior_drop = at::zeros({1}, at::kBool);
    input_.timestep = at::full({1}, 300.0F);
  }

  /// The outputs of all ranks.
  std::vector<Tensor> outputs(int ranks) {
    Meeting meeting(ranks);
    std::vector<Tensor> all(static_cast<size_t>(ranks));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < ranks; ++rank) {
      threads.emplace_back([&, rank] {
        const torch::NoGradGuard no_grad;
        SharedTable share(meeting, rank, ranks);
        auto input = input_;
        input.token_share = &share;
        all[static_cast<size_t>(rank)] = model_->forward(input);
      });
    }
    for (auto& thread : threads) thread.join();
    return all;
  }
  void expect_the_whole(int ranks) {
    const auto whole = model_->forward(input_);
    for (const auto& output : outputs(ranks)) {
      EXPECT_LE(relative_error(output, whole), kStageTolerance);
    }
  }

  const torch::NoGradGuard no_grad_;
  const models::TransformerConfig config_ = models::TransformerConfig::from_json(
      io::JsonFields::load(tiny_model_dir() / "transformer" / "config.json"));
  models::GlmImageTransformer2DModel model_{config_, at::TensorOptions(at::kFloat)};
  models::TransformerInput input_;
};

TEST_F(SharedTokens, EachRankGetsTheVelocityOfTheWhole) {
  for (int ranks = 1; ranks <= 4; ++ranks) {
    SCOPED_TRACE(ranks);
    expect_the_whole(ranks);
  }
}

TEST_F(SharedTokens, WithoutText) {
  input_.glyphs = input_.glyphs.narrow(1, 0, 0);
  expect_the_whole(3);
}

TEST_F(SharedTokens, WithConditionPictures) {
  models::ConditionCache cache(config_.num_layers);
  auto condition = input_;
  condition.glyphs = input_.glyphs.narrow(1, 0, 0);
  condition.write = &cache;
  model_->forward(condition);
  input_.read = &cache;
  expect_the_whole(2);
}

/// A rank computes while the others' keys and values are on their way.
TEST_F(SharedTokens, ValuesAreSentBeforeKeysAreWaitedFor) {
  Meeting meeting(1);
  SharedTable share(meeting, 0, 1);
  input_.token_share = &share;
  model_->forward(input_);
  EXPECT_EQ(share.most_under_way(), 2);
}

TEST_F(SharedTokens, NotTogetherWithWhatNeedsAllTokens) {
  Meeting meeting(1);
  SharedTable share(meeting, 0, 1);
  input_.token_share = &share;
  models::StepCache cache(0.1);
  input_.step_cache = &cache;
  expect_error(ErrorCode::kInternal, {"tokens are shared"}, [&] { model_->forward(input_); });
}

}  // namespace
}  // namespace glm_image::test
