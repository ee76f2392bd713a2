// The four stages and the adapters at toy sizes: two ranks, as threads, train what one trains.

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "io/safetensors.h"
#include "support/reference.h"
#include "train/config/stage_names.h"
#include "train/line_stage.h"
#include "train/lora/train_lora.h"
#include "train/picture_folder.h"
#include "train/thread_ranks.h"
#include "train/train.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Pictures of two shapes, so that batches of three have one, two or three pictures.
void make_ranked_pictures(const fs::path& folder) {
  fs::create_directories(folder);
  for (int i = 0; i < 11; ++i) {
    const auto image = i % 3 == 0 ? plain_picture(96, 64, i) : plain_picture(64, 64, i);
    add_picture(folder,
                "picture" + std::to_string(i) + ".png",
                image,
                "a drawing with the words \"No. " + std::to_string(i) + "\"");
  }
}

std::vector<json> metrics_in(const fs::path& run) {
  std::vector<json> lines;
  std::istringstream text(read_file(run / "metrics.jsonl"));
  for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
  return lines;
}

/// The master weights of a run's checkpoint, as one vector.
Tensor weights_in(const fs::path& run) {
  const auto file = io::SafetensorsFile::open(run / "checkpoint.safetensors");
  std::vector<Tensor> weights;
  for (const auto& [name, entry] : file->header().tensors) {
    if (name.rfind("master.", 0) == 0) weights.push_back(file->tensor(name).flatten());
  }
  return at::cat(weights);
}

/// AdamW divides by the size of a gradient: a weight whose gradient is nothing but rounding moves
/// by the learning rate in either direction. Such weights do not matter for the losses, and are
/// few.
void expect_same_training(const fs::path& run,
                          const fs::path& expected,
                          const std::vector<std::string>& names) {
  const auto found = metrics_in(run), wanted = metrics_in(expected);
  ASSERT_EQ(found.size(), wanted.size());
  ASSERT_GE(wanted.size(), 4U);
  for (size_t i = 0; i < wanted.size(); ++i) {
    for (const auto& name : names) {
      const double value = wanted[i].at(name);
      EXPECT_NEAR(found[i].at(name).get<double>(), value, 2e-3 * std::abs(value) + 1e-6)
          << name << " of step " << i;
    }
  }
  EXPECT_LT(relative_error(weights_in(run), weights_in(expected)), 2e-3);
}

class RankedStages : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryDirectory();
    make_ranked_pictures(folder_->path() / "pictures");
    // Frozen components for the later stages.
    train::train(config("vae", "parts/vae", json::object()), at::kCPU, {});
    train::train(config("vq", "parts/vq", json::object()), at::kCPU, {});
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static train::TrainingConfig config(const std::string& stage,
                                      const std::string& run,
                                      const json& of_stage,
                                      const json& more = json::object()) {
    json keys = {{"stage", stage},
                 {"run", run},
                 {"data", "pictures"},
                 {"model", tiny_model_dir().string()},
                 {"seed", 3},
                 {"size", 96},
                 {"batch", 3},
                 {"steps", 5},
                 {"dtype", "float32"},
                 {"learning_rate", 1e-4},
                 {"metrics_every", 1},
                 {"samples_every", 0},
                 {stage, of_stage}};
    keys.update(more);
    const auto file = folder_->path() / (stage + ".json");
    write_file(file, keys.dump(2));
    return train::TrainingConfig::load(file);
  }

  /// Trains on one rank and on two.
  static void expect_same_on_two(const std::string& stage,
                                 const json& of_stage,
                                 const std::vector<std::string>& names,
                                 const json& more = json::object()) {
    const auto one = config(stage, "one/" + stage, of_stage, more);
    train::train(one, at::kCPU, {});
    on_ranks(2, [&](train::Ranks& ranks) {
      // Each machine reads its own file.
      static std::mutex writing;
      const auto own = [&] {
        const std::lock_guard lock(writing);
        return config(stage, "two/" + stage, of_stage, more);
      }();
      train::train(own, at::kCPU, {}, 0, train::make_stage, &ranks);
    });
    expect_same_training(folder_->path() / "two" / stage, folder_->path() / "one" / stage, names);
    fs::remove_all(folder_->path() / "one");
    fs::remove_all(folder_->path() / "two");
  }
  static json transformer_keys() {
    return {{"vae", "../../parts/vae/components"},
            {"vq", "../../parts/vq/components"},
            {"cfg_dropout", 0.3},
            {"conditioning_noise", 0.2},
            {"random_crop", 0.5},
            {"crop_height", 32}};
  }

  static TemporaryDirectory* folder_;
};
TemporaryDirectory* RankedStages::folder_ = nullptr;

TEST_F(RankedStages, Vae) {
  expect_same_on_two("vae", {{"latent_noise", 0.3}}, {"loss", "psnr", "kl", "gradient_norm"});
}

TEST_F(RankedStages, Vq) {
  expect_same_on_two("vq", json::object(), {"loss", "pixel_error", "distance", "gradient_norm"});
}

TEST_F(RankedStages, Transformer) {
  const std::vector<std::string> names = {
      "loss", "loss_velocity", "loss_little_noise", "loss_much_noise", "gradient_norm"};
  expect_same_on_two("transformer", transformer_keys(), names);
  // Whole batches on each rank.
  expect_same_on_two(
      "transformer", transformer_keys(), names, {{"gradient_accumulation_steps", 2}});
}

TEST_F(RankedStages, Generator) {
  expect_same_on_two("generator",
                     {{"vocabulary", tiny_model_dir().string()},
                      {"vq", "../../parts/vq/components"},
                      {"input_dropout", 0.5}},
                     {"loss", "loss_codes", "loss_target", "gradient_norm"});
}

TEST_F(RankedStages, Adapters) {
  const std::vector<std::pair<int64_t, bool>> runs = {{3, false}, {1, false}, {3, true}, {1, true}};
  for (const auto& [batch, has_prior] : runs) {
    SCOPED_TRACE(concat(batch, has_prior ? " with a prior" : ""));
    train::LoraOptions options;
    options.model = tiny_model_dir();
    options.data = folder_->path() / "pictures";
    options.cache = folder_->path() / "cache";
    if (has_prior) options.prior_data = options.data;
    options.rank = options.alpha = 4;
    options.steps = 5;
    options.learning_rate = 1e-3;
    options.size = 64;
    options.batch = batch;
    options.accumulate = batch == 1 ? 2 : 1;
    options.pipeline.dtype = DataType::kFloat32;
    options.output = folder_->path() / "one.safetensors";
    ASSERT_TRUE(train::train_lora(options, {}));
    auto together = options;
    together.output = folder_->path() / "two.safetensors";
    on_ranks(2, [&](train::Ranks& ranks) { EXPECT_TRUE(train::train_lora(together, {}, &ranks)); });
    EXPECT_TRUE(fs::exists(together.output));
    const auto one = train::lora_run_folder(options.output);
    const auto two = train::lora_run_folder(together.output);
    std::vector<std::string> of_transformer = {"loss", "gradient_norm"};
    std::vector<std::string> of_generator = {"loss", "tokens_right"};
    if (has_prior) {
      for (auto* names : {&of_transformer, &of_generator}) names->emplace_back("prior_loss");
    }
    expect_same_training(two / "transformer", one / "transformer", of_transformer);
    expect_same_training(two / "generator", one / "generator", of_generator);
    for (const auto& path : {one, two}) fs::remove_all(path);
  }
}

TEST_F(RankedStages, RanksThatHaveNothingToDoAreRefusedBeforeAnythingIsReadOrWritten) {
  // Keys of all stages alone: the stage here has none of its own.
  const auto file = folder_->path() / "refused.json";
  write_file(file,
             json{{"stage", "vae"},
                  {"run", "refused"},
                  {"data", "pictures"},
                  {"model", tiny_model_dir().string()},
                  {"start", "no-such-folder"},
                  {"batch", 3},
                  {"learning_rate", 1e-4},
                  {"steps", 5}}
                 .dump(2));
  const auto settings = train::TrainingConfig::load(file);
  const auto make = [](const train::TrainingConfig&, const at::Device&) {
    return std::make_unique<LineStage>();  // it cannot divide a batch
  };
  expect_error(ErrorCode::kInvalidInput, {"gradient_accumulation_steps", "at least 2"}, [&] {
    on_ranks(2, [&](train::Ranks& ranks) {
      train::train(settings, at::kCPU, {}, /*max_memory_bytes=*/0, make, &ranks);
    });
  });
  EXPECT_FALSE(fs::exists(settings.run));
}

}  // namespace
}  // namespace glm_image::test
