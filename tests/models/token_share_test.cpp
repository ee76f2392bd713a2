// The DiT with its image tokens spread over ranks, which are threads here, against the whole.

#include "models/transformer/token_share.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "models/transformer/picture_input.h"
#include "models/transformer/transformer_model.h"
#include "nn/parameter.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

using models::TokenShare;

/// What the threads of an evaluation exchange.
class Table {
 public:
  explicit Table(int ranks) : given_(static_cast<size_t>(ranks)) {}

  /// Returns the number of this exchange.
  size_t give(int rank, const Tensor& tensor) {
    const std::lock_guard lock(mutex_);
    auto& own = given_.at(static_cast<size_t>(rank));
    own.push_back(tensor);
    change_.notify_all();
    return own.size() - 1;
  }
  /// The tensors of all ranks for an exchange, in order. Waits until each has given its own.
  std::vector<Tensor> take(size_t turn) {
    std::unique_lock lock(mutex_);
    std::vector<Tensor> all;
    for (const auto& tensors : given_) {
      change_.wait(lock, [&] { return tensors.size() > turn; });
      all.push_back(tensors[turn]);
    }
    return all;
  }

 private:
  std::mutex mutex_;
  std::condition_variable change_;
  std::vector<std::vector<Tensor>> given_;
};

/// Uneven shares: each rank has one token more than the one before it, the last the rest.
class SharedTable : public TokenShare {
 public:
  SharedTable(Table& table, int rank, int ranks) : table_(table), rank_(rank), ranks_(ranks) {}

  std::pair<int64_t, int64_t> own(int64_t image_tokens) const override {
    const int64_t first = rank_ * (rank_ + 1) / 2;
    return {first, rank_ + 1 == ranks_ ? image_tokens - first : rank_ + 1};
  }
  std::function<Tensor()> begin_gather(const Tensor& heads, int64_t /*image_tokens*/) override {
    most_under_way_ = std::max(most_under_way_, ++under_way_);
    return [this, turn = table_.give(rank_, heads)] {
      --under_way_;
      return at::cat(table_.take(turn), 1);
    };
  }
  Tensor gather(const Tensor& outputs, int64_t /*image_tokens*/) override {
    return at::cat(table_.take(table_.give(rank_, outputs)), 1);
  }
  /// Gathers that had begun and were not waited for yet.
  int most_under_way() const { return most_under_way_; }

 private:
  Table& table_;
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
    Table table(ranks);
    std::vector<Tensor> all(static_cast<size_t>(ranks));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < ranks; ++rank) {
      threads.emplace_back([&, rank] {
        const torch::NoGradGuard no_grad;
        SharedTable share(table, rank, ranks);
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
  Table table(1);
  SharedTable share(table, 0, 1);
  input_.token_share = &share;
  model_->forward(input_);
  EXPECT_EQ(share.most_under_way(), 2);
}

TEST_F(SharedTokens, NotTogetherWithWhatNeedsAllTokens) {
  Table table(1);
  SharedTable share(table, 0, 1);
  input_.token_share = &share;
  models::StepCache cache(0.1);
  input_.step_cache = &cache;
  expect_error(ErrorCode::kInternal, {"tokens are shared"}, [&] { model_->forward(input_); });
}

}  // namespace
}  // namespace glm_image::test
