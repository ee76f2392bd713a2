// The generator with its weights spread over ranks, which are threads here, against the whole.

#include "models/generator/generator_share.h"

#include <map>
#include <thread>

#include "models/generator/generation_model.h"
#include "models/meeting.h"
#include "nn/parameter.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

using models::GeneratorShard;

class ThreadShare : public models::GeneratorShare {
 public:
  ThreadShare(Meeting& meeting, const GeneratorShard& shard) : meeting_(meeting), shard_(shard) {}

  GeneratorShard shard() const override { return shard_; }
  Tensor sum(const Tensor& partial) override {
    return at::stack(meeting_.exchange(shard_.rank, partial)).sum(0);
  }
  Tensor gather(const Tensor& own, int64_t /*total*/) override {
    return at::cat(meeting_.exchange(shard_.rank, own), 1);
  }
  void broadcast(Tensor& ids) override { ids.copy_(meeting_.exchange(shard_.rank, ids).front()); }

 private:
  Meeting& meeting_;
  const GeneratorShard shard_;
};

models::VisionLanguageConfig config_with(const nlohmann::json& changes) {
  auto json = nlohmann::json::parse(
      read_file(tiny_model_dir() / "vision_language_encoder" / "config.json"));
  if (changes.is_object()) json["text_config"].update(changes);
  return models::VisionLanguageConfig::from_json(io::JsonFields(json, "config.json"));
}

using Model = models::GlmImageForConditionalGeneration;

/// The parameters of a shard are those of the whole, cut.
Model shard_of(const Model& whole,
               const models::VisionLanguageConfig& config,
               const GeneratorShard& shard) {
  Model model(config, at::TensorOptions(at::kFloat), shard);
  nn::materialize(*model);
  const auto cuts = models::shard_cuts(config.text, shard);
  const auto all = whole->named_parameters();
  for (auto& item : model->named_parameters()) {
    const auto* cut = io::find_cut(cuts, item.key());
    const auto& stored = all[item.key()];
    if (cut != nullptr) {
      EXPECT_EQ(stored.sizes(), at::IntArrayRef(cut->shape)) << item.key();
    }
    item.value().copy_(cut == nullptr ? stored : io::apply_cut(stored, *cut));
  }
  return model;
}

/// Reads three tokens, then one after the other; the logits after each run.
std::vector<Tensor> logits_after(const Model& model,
                                 const models::GeneratorConfig& config,
                                 models::GeneratorShare* share) {
  const torch::NoGradGuard no_grad;
  nn::KeyValueCache cache(config.num_hidden_layers,
                          /*batch=*/1,
                          /*capacity=*/5,
                          model->language_model->key_value_heads(),
                          config.head_dim,
                          at::TensorOptions(at::kFloat));
  const auto ids = torch::tensor({{5, 9, 700, 3, 64}});
  const auto positions = at::arange(5).expand({3, 1, 5});
  std::vector<Tensor> logits;
  int64_t begin = 0;
  for (const int64_t length : {3, 1, 1}) {
    const auto hidden = model->language_model->forward(
        ids.narrow(1, begin, length), positions.narrow(2, begin, length), &cache, share);
    logits.push_back(model->logits(hidden.select(1, length - 1), share));
    begin += length;
  }
  return logits;
}

void expect_the_whole(const nlohmann::json& changes, int64_t ranks) {
  SCOPED_TRACE(testing::Message() << changes.dump() << " on " << ranks << " ranks");
  const torch::NoGradGuard no_grad;
  const auto config = config_with(changes);
  Model whole(config, at::TensorOptions(at::kFloat));
  nn::materialize(*whole);
  torch::manual_seed(1);
  for (auto& parameter : whole->parameters()) parameter.normal_(0, 0.1);
  const auto expected = logits_after(whole, config.text, nullptr);

  Meeting meeting(ranks);
  std::vector<std::vector<Tensor>> found(static_cast<size_t>(ranks));
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < ranks; ++rank) {
    const GeneratorShard shard{rank, ranks};
    auto model = shard_of(whole, config, shard);
    threads.emplace_back([&, shard, model] {
      ThreadShare share(meeting, shard);
      found[static_cast<size_t>(shard.rank)] = logits_after(model, config.text, &share);
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& logits : found) {
    ASSERT_EQ(logits.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_LE(relative_error(logits[i], expected[i]), kStageTolerance) << i;
    }
  }
}

TEST(GeneratorShare, EachRankGetsTheLogitsOfTheWhole) {
  for (int64_t ranks = 1; ranks <= 4; ++ranks) expect_the_whole({}, ranks);
}

TEST(GeneratorShare, KeyHeadsWithSomeOfTheirQueryHeadsOnOtherRanks) {
  // Of three ranks, the second has two query heads of the first key head and one of the second.
  expect_the_whole({{"num_attention_heads", 8}, {"num_key_value_heads", 2}}, 3);
  // More ranks than key heads, which are whole on several ranks.
  expect_the_whole({{"num_attention_heads", 8}, {"num_key_value_heads", 1}}, 5);
  expect_the_whole({{"attention_bias", false}}, 2);
}

TEST(GeneratorShare, SharesAddUpToTheWhole) {
  const auto config = config_with({{"num_key_value_heads", 4}});
  const Model whole(config, at::TensorOptions(at::kFloat));
  const auto cuts = models::shard_cuts(config.text, {0, 3});
  std::map<std::string, int64_t> values;
  for (int64_t rank = 0; rank < 3; ++rank) {
    const Model shard(config, at::TensorOptions(at::kFloat), GeneratorShard{rank, 3});
    for (const auto& item : shard->named_parameters()) values[item.key()] += item.value().numel();
  }
  for (const auto& item : whole->named_parameters()) {
    const int64_t times = cuts.count(item.key()) != 0 ? 1 : 3;
    EXPECT_EQ(values[item.key()], times * item.value().numel()) << item.key();
  }
}

TEST(GeneratorShare, ThePublishedSizes) {
  auto config = config_with({}).text;
  config.num_attention_heads = 32;
  config.num_key_value_heads = 2;
  config.intermediate_size = 13696;
  const auto second = models::shard_ranges(config, {1, 4});
  EXPECT_EQ(second.heads.first, 8);
  EXPECT_EQ(second.heads.count, 8);
  EXPECT_EQ(second.key_value_heads.first, 0);
  EXPECT_EQ(second.key_value_heads.count, 1);
  // 107 groups of 128.
  EXPECT_EQ(second.inner.first, 26 * 128);
  EXPECT_EQ(second.inner.count, 27 * 128);
}

TEST(GeneratorShare, MoreRanksThanHeadsAreRefused) {
  expect_error(ErrorCode::kInvalidInput, {"4 attention heads", "5 ranks"}, [] {
    models::shard_cuts(config_with({}).text, {0, 5});
  });
}

TEST(GeneratorShare, AShardDoesNotRunAlone) {
  const auto config = config_with({});
  const Model model(config, at::TensorOptions(at::kFloat), GeneratorShard{1, 2});
  expect_error(ErrorCode::kInternal, {"rank 1 of 2"}, [&] {
    model->language_model->through_layers(
        at::zeros({1, 1, config.text.hidden_size}), at::zeros({3, 1, 1}, at::kLong), nullptr, 0, 1);
  });
}

}  // namespace
}  // namespace glm_image::test
