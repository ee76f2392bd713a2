// Properties of the shipped stages, tested through Stage's interface and the files of a run.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>

#include "core/random.h"
#include "image/codec.h"
#include "io/safetensors.h"
#include "models/autoencoder/autoencoder_kl.h"
#include "nano/training/make_stage.h"
#include "nano/training/poster_feed.h"
#include "support/test_support.h"
#include "text/grid.h"
#include "train/batch/picture_batch.h"
#include "train/train.h"
#include "train/weights/component_files.h"
#include "train/weights/start_weights.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path nano() {
  return project_dir() / "models" / "nano";
}

/// A config of the stage with nano's frozen components.
json stage_config(const std::string& stage, const json& of_stage = json::object()) {
  json keys = {{"stage", stage},
               {"run", "run"},
               {"data", (project_dir() / "data" / "posters").string()},
               {"model", (project_dir() / "training" / "nano" / "model").string()},
               {"seed", 3},
               {"sizes", {{{"width", 64}, {"height", 96}}}},
               {"batch", 2},
               {"steps", 2},
               {"learning_rate", 1e-3},
               {"metrics_every", 1},
               {"samples_every", 0},
               {stage, of_stage}};
  const auto set = [&](const char* key) {
    if (!keys[stage].contains(key)) keys[stage][key] = nano().string();
  };
  if (stage == "transformer") set("vae");
  if (stage == "transformer" || stage == "generator") set("vq");
  if (stage == "generator") set("vocabulary");
  return keys;
}

train::TrainingConfig load_config(const fs::path& folder, const json& keys) {
  write_file(folder / "config.json", keys.dump(2));
  return train::TrainingConfig::load(folder / "config.json");
}

/// A stage in the state before its first step.
class StageAtStart {
 public:
  explicit StageAtStart(const json& keys)
      : config(load_config(folder_.path(), keys)),
        stage(nano::make_stage(config, at::kCPU)),
        weights_(stage->modules(), config.working_type(), at::kCPU, {}),
        maker_(stage->batch_maker()) {
    auto random = make_random(1);
    std::optional<train::StartWeights> start;
    if (config.start) start.emplace(*config.start, stage->modules());
    weights_.initialise([&](const std::string& name, Tensor& weight) {
      if (!start || !start->fill(name, weight)) stage->initialise(name, weight, random);
    });
  }

  train::Batch batch(int64_t step) const {
    const at::NoGradGuard no_grad;
    return maker_(step);
  }
  std::map<std::string, double> measure(const train::Batch& batch, int64_t step) const {
    const at::NoGradGuard no_grad;
    const auto outcome = stage->forward(batch, step);
    std::map<std::string, double> values = {{"loss", outcome.loss.item<double>()}};
    for (const auto& [name, value] : outcome.parts) values[name] = value.item<double>();
    return values;
  }

 private:
  TemporaryDirectory folder_;

 public:
  train::TrainingConfig config;
  std::unique_ptr<train::Stage> stage;

 private:
  train::MixedPrecisionAdamW weights_;
  train::BatchMaker maker_;
};

/// The metrics of a whole run.
std::vector<json> train_in(const fs::path& folder,
                           const json& keys,
                           const train::LoopCallbacks& callbacks = {}) {
  train::train(load_config(folder, keys), at::kCPU, callbacks, 0, nano::make_stage);
  std::vector<json> lines;
  std::istringstream file(read_file(folder / "run" / "metrics.jsonl"));
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

// An untrained DiT predicts a velocity of 0, so its error depends only on the latents and the
// noise.
TEST(FrozenVae, GivesTheTransformerStageLatentsInFloat32) {
  std::map<std::string, double> losses;
  for (const char* dtype : {"float32", "bfloat16"}) {
    auto keys = stage_config("transformer");
    keys["dtype"] = dtype;
    const StageAtStart start(keys);
    losses[dtype] = start.measure(start.batch(0), 0).at("loss_velocity");
  }
  EXPECT_GT(losses.at("float32"), 0.5);
  EXPECT_NEAR(losses.at("bfloat16"), losses.at("float32"), 1e-6 * losses.at("float32"));
}

TEST(FrozenVae, KeepsItsEncoderInFloat32InTheVaeStage) {
  std::map<std::string, double> kl;
  for (const char* dtype : {"float32", "bfloat16"}) {
    auto keys = stage_config("vae", {{"keep_encoder", true}});
    keys["dtype"] = dtype;
    keys["start"] = nano().string();
    const StageAtStart start(keys);
    kl[dtype] = start.measure(start.batch(0), 0).at("kl");
  }
  EXPECT_NEAR(kl.at("bfloat16"), kl.at("float32"), 1e-6 * kl.at("float32"));
}

// Later stages use these statistics to normalise the latents of the written weights in float32.
TEST(FrozenVae, HasTheStatisticsOfItsFloat32Latents) {
  TemporaryDirectory folder;
  auto keys = stage_config("vae");
  keys["start"] = nano().string();
  keys["steps"] = 1;
  train_in(folder.path(), keys);
  const auto component = folder.path() / "run" / "components" / "vae";
  models::AutoencoderKL vae(
      models::AutoencoderConfig::from_json(io::JsonFields::load(component / "config.json")),
      at::kFloat);
  train::load_component(component, *vae, at::kCPU, at::kFloat);
  const at::NoGradGuard no_grad;
  nano::PosterFeed feed(project_dir() / "data" / "posters", /*seed=*/3);
  std::vector<Tensor> latents;
  for (int64_t i = 0; i < 128; ++i) {
    const auto picture = train::picture_batch({feed.example(i, 64, 96).image});
    latents.push_back(vae->encode(picture).mean.to(at::kDouble)[0].flatten(1));
  }
  const auto values = at::cat(latents, 1);
  const auto recorded = [&](const char* name) {
    const auto numbers = io::read_json_file(component / "config.json").at(name);
    return torch::tensor(numbers.get<std::vector<double>>(), at::kDouble);
  };
  EXPECT_LE(relative_error(recorded("latents_mean"), values.mean(1)), 1e-4);
  EXPECT_LE(relative_error(recorded("latents_std"), values.std(1, /*unbiased=*/true)), 1e-4);
}

/// The data set has the size of the batch: without shuffling every poster would keep its slot.
json three_posters(const std::string& stage, const json& of_stage) {
  auto keys = stage_config(stage, of_stage);
  keys["batch"] = keys["posters"] = 3;
  return keys;
}

TEST(Shuffling, EveryEpochHasEveryPosterInAnotherOrder) {
  const StageAtStart start(three_posters("vae", json::object()));
  std::set<std::vector<double>> orders;
  std::set<std::set<double>> sets;
  for (int64_t step = 0; step < 40; ++step) {
    const auto pictures = start.batch(step).at("pictures").to(at::kDouble);
    std::vector<double> order;
    for (int64_t i = 0; i < 3; ++i) order.push_back(pictures[i].sum().item<double>());
    orders.insert(order);
    sets.insert({order.begin(), order.end()});
  }
  EXPECT_EQ(sets.size(), 1U);
  EXPECT_EQ(sets.begin()->size(), 3U);
  EXPECT_EQ(orders.size(), 6U);
}

TEST(Shuffling, AResumedRunKeepsTheOrder) {
  auto keys = three_posters("vae", json::object());
  keys["batch"] = 2;
  keys["steps"] = 5;
  TemporaryDirectory whole_folder, parts_folder;
  const auto whole = train_in(whole_folder.path(), keys);
  train::LoopCallbacks stop;
  stop.should_stop = [left = 2]() mutable { return --left == 0; };
  train_in(parts_folder.path(), keys, stop);
  const auto rest = train_in(parts_folder.path(), keys);
  ASSERT_EQ(rest.size(), 5U);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(rest[i].at("loss"), whole[i].at("loss")) << i;
}

TEST(Shuffling, AnotherDataSetSizeIsAnotherRun) {
  auto keys = three_posters("vae", json::object());
  TemporaryDirectory folder;
  train_in(folder.path(), keys);
  keys["posters"] = 4;
  expect_error(ErrorCode::kInvalidInput, {"other settings", "posters 4"}, [&] {
    train_in(folder.path(), keys);
  });
}

// Weighting one slot alone measures its velocity error. With three examples, the metrics of the
// third with the least and the most noise then show which slot has which noise.
TEST(Timesteps, EverySlotGetsLowAndHighNoise) {
  const StageAtStart start(three_posters("transformer", {{"timesteps_per_sample", 1}}));
  std::map<std::string, std::set<int64_t>> slots;
  auto batch = start.batch(0);
  for (int64_t step = 0; step < 20; ++step) {
    std::vector<double> errors;
    for (int64_t slot = 0; slot < 3; ++slot) {
      batch["weights"] = at::zeros_like(batch["weights"]);
      batch["weights"][slot].fill_(1);
      errors.push_back(start.measure(batch, step).at("loss_velocity"));
    }
    const auto all = start.measure(batch, step);
    for (const char* name : {"loss_little_noise", "loss_much_noise"}) {
      int64_t found = 0;
      for (int64_t slot = 0; slot < 3; ++slot) {
        if (std::fabs(errors[slot] - all.at(name)) > 1e-5) continue;
        slots[name].insert(slot);
        ++found;
      }
      EXPECT_EQ(found, 1) << name << " of step " << step;
    }
  }
  const std::set<int64_t> every = {0, 1, 2};
  EXPECT_EQ(slots["loss_little_noise"], every);
  EXPECT_EQ(slots["loss_much_noise"], every);
}

/// The names of the modules that a stage trains.
std::set<std::string> modules_of(const StageAtStart& start) {
  std::set<std::string> names;
  for (const auto& module : start.stage->modules()) names.insert(module.name);
  return names;
}

TEST(Heads, WithoutWeightAreNeitherTrainedNorRun) {
  const StageAtStart transformer(
      stage_config("transformer", {{"letter_weight", 0}, {"position_weight", 0}}));
  EXPECT_EQ(modules_of(transformer), (std::set<std::string>{"transformer", "text_encoder"}));
  const auto pictures = transformer.batch(0);
  EXPECT_EQ(pictures.count("letters"), 0U);
  const auto measured = transformer.measure(pictures, 0);
  EXPECT_EQ(measured.count("letters_found"), 0U);
  EXPECT_EQ(measured.count("rows_right"), 0U);
  EXPECT_EQ(measured.at("loss"), measured.at("loss_velocity"));

  const StageAtStart generator(stage_config("generator",
                                            {{"class_weight", 0},
                                             {"scene_weight", 0},
                                             {"position_weight", 0},
                                             {"counting_weight", 0},
                                             {"more_prompts", 2}}));
  EXPECT_EQ(modules_of(generator), (std::set<std::string>{"generator"}));
  const auto prompts = generator.batch(0);
  EXPECT_EQ(prompts.count("prompt_ids"), 0U);
  EXPECT_EQ(prompts.count("answers"), 0U);
  EXPECT_EQ(generator.measure(prompts, 0).count("scene_right"), 0U);
}

TEST(Heads, WithWeightAreTrainedAndRun) {
  const StageAtStart transformer(stage_config("transformer"));
  EXPECT_EQ(
      modules_of(transformer),
      (std::set<std::string>{"transformer", "text_encoder", "letter_reader", "position_reader"}));
  const StageAtStart generator(stage_config("generator"));
  EXPECT_EQ(modules_of(generator).size(), 5U);
  const auto measured = generator.measure(generator.batch(0), 0);
  for (const char* name : {"loss_kinds", "scene_right", "rows_right", "letters_counted"}) {
    EXPECT_EQ(measured.count(name), 1U) << name;
  }
}

json hiding_generator() {
  auto keys = stage_config("generator", {{"teacher_codes", true}, {"input_dropout", 0.5}});
  keys["batch"] = 4;
  return keys;
}

TEST(HidingSequences, EverySlotIsHiddenInSomeStepsOnly) {
  const StageAtStart start(hiding_generator());
  auto hidden_in = at::zeros({4}, at::kLong);
  constexpr int64_t kSteps = 24;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto hides = start.batch(step).at("hidden_codes").any(1);
    EXPECT_EQ(hides.sum().item<int64_t>(), 2);
    hidden_in += hides.to(at::kLong);
  }
  EXPECT_GT(hidden_in.min().item<int64_t>(), 0) << hidden_in;
  EXPECT_LT(hidden_in.max().item<int64_t>(), kSteps) << hidden_in;
}

TEST(HidingSequences, MetricsDoNotDependOnTheSlots) {
  const StageAtStart start(hiding_generator());
  const auto batch = start.batch(0);
  const auto order = torch::tensor({2, 0, 3, 1});
  auto permuted = batch;
  for (auto& [name, tensor] : permuted) {
    if (name == "grids") continue;
    tensor = tensor.index_select(name == "positions" ? 1 : 0, order);
  }
  auto keys = hiding_generator();
  keys["dtype"] = "float32";
  const StageAtStart wide(keys);
  const auto expected = wide.measure(batch, 0), found = wide.measure(permuted, 0);
  for (const auto& [name, value] : expected) {
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(found.at(name))) << name;
    } else {
      EXPECT_NEAR(found.at(name), value, 1e-4 * std::fabs(value) + 1e-6) << name;
    }
  }
}

class Stages : public testing::TestWithParam<std::string> {};

// A sample grid has gaps of 4 pixels. The generator's also contains previews.
TEST_P(Stages, SampleGridsHaveTheSizesThatAreTrained) {
  auto of_stage = json::object();
  if (GetParam() == "transformer") of_stage["sample_steps"] = 1;
  auto keys = stage_config(GetParam(), of_stage);
  keys["sizes"] = {{{"width", 96}, {"height", 32}, {"share", 1}},
                   {{"width", 64}, {"height", 96}, {"share", 2}},
                   {{"width", 256}, {"height", 256}, {"share", 0}}};
  keys["steps"] = keys["samples_every"] = 1;
  keys["batch"] = 1;
  TemporaryDirectory folder;
  train_in(folder.path(), keys);
  const auto sheet = image::read_image(folder.path() / "run" / "samples" / "step-0000001.png");

  // The first row of each size contains the posters themselves.
  const std::vector<std::pair<int64_t, int64_t>> sizes = {{64, 96}, {96, 32}, {64, 96}};
  const int64_t pictures = GetParam() == "vae" ? 5 : 6;
  nano::PosterFeed feed(project_dir() / "data" / "posters", /*seed=*/3);
  int64_t top = 4, position = 0;
  for (const auto& [width, height] : sizes) {
    for (int64_t i = 0; i < pictures; ++i) {
      const auto poster =
          feed.example(position++, width, height, posters::Split::kEvaluation).image;
      for (int64_t y = 0; y < height; ++y) {
        const auto begin =
            sheet.pixels.begin() + 3 * ((top + y) * sheet.width + 4 + i * (width + 4));
        ASSERT_TRUE(std::equal(begin, begin + 3 * width, poster.pixels.begin() + 3 * y * width))
            << "poster " << i << " of " << width << 'x' << height << ", row " << y;
      }
    }
    const int64_t rows = GetParam() == "vq" ? 3 : GetParam() == "generator" ? 3 : 2;
    top += rows * (height + 4);
    if (GetParam() == "generator") {
      const auto preview = text::preview_grid(text::target_grid(height, width));
      top += preview.height * text::kPixelsPerToken + 4;
    }
  }
  EXPECT_EQ(sheet.height, top);
  if (GetParam() != "generator") {
    EXPECT_EQ(sheet.width, 4 + pictures * (96 + 4));
  }
}

TEST_P(Stages, TakeTheLargestSide) {
  const bool is_generator = GetParam() == "generator";
  for (const bool is_wide : {true, false}) {
    auto keys = stage_config(GetParam());
    // The generator's previews of very long pictures are twice as long as the pictures.
    const int64_t side = is_generator ? 2048 : 4096;
    keys["sizes"] = {{{"width", is_wide ? side : 32}, {"height", is_wide ? 32 : side}}};
    keys["steps"] = keys["batch"] = 1;
    TemporaryDirectory folder;
    const auto lines = train_in(folder.path(), keys);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_TRUE(lines[0].at("loss").is_number()) << lines[0];
    if (!is_generator) continue;
    keys["sizes"] = {{{"width", is_wide ? 4096 : 32}, {"height", is_wide ? 32 : 4096}}};
    expect_error(ErrorCode::kCorruptFile, {"sizes", "64 times"}, [&] {
      nano::make_stage(load_config(folder.path(), keys), at::kCPU);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         Stages,
                         testing::Values("vae", "vq", "transformer", "generator"),
                         [](const auto& tested) { return tested.param; });

/// Nano's component with changed weights.
void write_changed_component(const fs::path& folder,
                             const std::string& component,
                             const std::function<void(std::map<std::string, Tensor>&)>& change) {
  fs::create_directories(folder);
  fs::copy(nano() / component, folder / component, fs::copy_options::recursive);
  for (const auto& item : fs::directory_iterator(folder / component)) {
    if (item.path().extension() != ".safetensors") continue;
    std::map<std::string, Tensor> tensors;
    {
      const auto file = io::SafetensorsFile::open(item.path());
      for (const auto& [name, entry] : file->header().tensors) {
        tensors[name] = file->tensor(name).clone();
      }
    }
    change(tensors);
    io::write_safetensors(item.path(), {tensors.begin(), tensors.end()}, {{"format", "pt"}});
  }
}

struct BadComponent {
  const char* stage;
  const char* key;  ///< the config's key for the component's folder
  const char* component;
};

TEST(FrozenParts, UnexpectedTensorsAndNonFiniteValuesAreRefused) {
  const std::function<void(std::map<std::string, Tensor>&)> surplus = [](auto& tensors) {
    tensors["encoder.of_another_model"] = at::zeros({2});
  };
  const std::function<void(std::map<std::string, Tensor>&)> not_finite = [](auto& tensors) {
    for (auto& [name, tensor] : tensors) tensor.view({-1})[0] = std::nan("");
  };
  const BadComponent parts[] = {{"transformer", "vae", "vae"},
                                {"transformer", "vq", "vision_language_encoder"},
                                {"generator", "vq", "vision_language_encoder"}};
  for (const auto& part : parts) {
    for (const bool is_surplus : {true, false}) {
      TemporaryDirectory folder;
      write_changed_component(folder.path(), part.component, is_surplus ? surplus : not_finite);
      const auto keys = stage_config(part.stage, {{part.key, folder.path().string()}});
      const auto file = (folder.path() / part.component).string();
      expect_error(
          ErrorCode::kCorruptFile,
          {file, is_surplus ? "encoder.of_another_model" : "has a value that is not finite"},
          [&] { nano::make_stage(load_config(folder.path(), keys), at::kCPU); });
    }
  }
}

TEST(FrozenParts, AStartWithNonFiniteOrIntegerValuesIsRefused) {
  for (const bool is_integer : {true, false}) {
    TemporaryDirectory folder;
    write_changed_component(folder.path(), "vae", [&](std::map<std::string, Tensor>& tensors) {
      auto& tensor = tensors.at("decoder.conv_in.bias");
      if (is_integer) {
        tensor = tensor.to(at::kInt);
      } else {
        tensor[0] = std::numeric_limits<double>::infinity();
      }
    });
    auto keys = stage_config("vae");
    keys["start"] = folder.path().string();
    expect_error(ErrorCode::kCorruptFile,
                 {(folder.path() / "vae").string(),
                  "decoder.conv_in.bias",
                  is_integer ? "floating" : "not finite"},
                 [&] { train_in(folder.path(), keys); });
    EXPECT_FALSE(fs::exists(folder.path() / "run" / "metrics.jsonl"));
  }
}

}  // namespace
}  // namespace glm_image::test
