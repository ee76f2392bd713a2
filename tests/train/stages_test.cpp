// Properties of the stages as they ship, seen through Stage's interface and the files of a run.

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
#include "support/test_support.h"
#include "text/grid.h"
#include "train/component_files.h"
#include "train/picture_batch.h"
#include "train/poster_feed.h"
#include "train/start_weights.h"
#include "train/train.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path nano() {
  return project_dir() / "models" / "nano";
}

/// A config of the stage whose frozen parts are nano's.
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
  if (stage == "decoder") set("vae");
  if (stage == "decoder" || stage == "generator") set("tokenizer");
  if (stage == "generator") set("vocabulary");
  return keys;
}

train::TrainingConfig load_config(const fs::path& folder, const json& keys) {
  write_file(folder / "config.json", keys.dump(2));
  return train::TrainingConfig::load(folder / "config.json");
}

/// A stage as a run's first step has it.
class StageAtStart {
 public:
  explicit StageAtStart(const json& keys)
      : config(load_config(folder_.path(), keys)),
        stage(train::make_stage(config, at::kCPU)),
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
  train::MasterWeights weights_;
  train::BatchMaker maker_;
};

/// Metrics of a whole run.
std::vector<json> train_in(const fs::path& folder,
                           const json& keys,
                           const train::LoopCallbacks& callbacks = {}) {
  train::train(load_config(folder, keys), at::kCPU, callbacks);
  std::vector<json> lines;
  std::istringstream file(read_file(folder / "run" / "metrics.jsonl"));
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

// A new DiT's velocity is 0, so that its error tells of the latents and the noise alone.
TEST(FrozenVae, GivesTheDecoderStageLatentsInFloat32) {
  std::map<std::string, double> losses;
  for (const char* dtype : {"float32", "bfloat16"}) {
    auto keys = stage_config("decoder");
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

// Later stages normalise the latents of the written weights in float32 with these numbers.
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
  train::PosterFeed feed(project_dir() / "data" / "posters", /*seed=*/3);
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

/// A data set whose size is the batch's: without a shuffle every poster would keep its slot.
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

TEST(Shuffling, ARunThatWasStoppedGoesOnInTheSameOrder) {
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

TEST(Shuffling, AnotherSizeOfTheDataSetIsAnotherRun) {
  auto keys = three_posters("vae", json::object());
  TemporaryDirectory folder;
  train_in(folder.path(), keys);
  keys["posters"] = 4;
  expect_error(ErrorCode::kInvalidInput, {"other settings", "posters 4"}, [&] {
    train_in(folder.path(), keys);
  });
}

// The velocity's error of each slot is measured by weighting it alone; the metrics of the least and
// the most noise, a third of three examples, then tell which slot has it.
TEST(Timesteps, EverySlotMeetsLittleAndMuchNoise) {
  const StageAtStart start(three_posters("decoder", {{"noises_per_picture", 1}}));
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

json hiding_generator() {
  auto keys = stage_config("generator", {{"scene_codes", true}, {"hidden_share", 0.5}});
  keys["batch"] = 4;
  return keys;
}

TEST(HidingSequences, EverySlotHidesInSomeStepsAndSeesInOthers) {
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

// A sample grid has gaps of 4 pixels. The generator shows the preview beside the posters.
TEST_P(Stages, SampleGridsHaveTheSizesThatAreTrained) {
  auto of_stage = json::object();
  if (GetParam() == "decoder") of_stage["sample_steps"] = 1;
  auto keys = stage_config(GetParam(), of_stage);
  keys["sizes"] = {{{"width", 96}, {"height", 32}, {"share", 1}},
                   {{"width", 64}, {"height", 96}, {"share", 2}},
                   {{"width", 256}, {"height", 256}, {"share", 0}}};
  keys["steps"] = keys["samples_every"] = 1;
  keys["batch"] = 1;
  TemporaryDirectory folder;
  train_in(folder.path(), keys);
  const auto sheet = image::read_image(folder.path() / "run" / "samples" / "step-0000001.png");

  // Of each size the first row has the posters themselves.
  const std::vector<std::pair<int64_t, int64_t>> sizes = {{64, 96}, {96, 32}, {64, 96}};
  const int64_t pictures = GetParam() == "vae" ? 5 : 6;
  train::PosterFeed feed(project_dir() / "data" / "posters", /*seed=*/3);
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
    const int64_t rows = GetParam() == "tokenizer" ? 3 : GetParam() == "generator" ? 3 : 2;
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
    // A generator's previews are as long again as their pictures where these are very long.
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
      train::make_stage(load_config(folder.path(), keys), at::kCPU);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         Stages,
                         testing::Values("vae", "tokenizer", "decoder", "generator"),
                         [](const auto& info) { return info.param; });

/// Nano's component with its weights changed.
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
  const char* key;  ///< of the config: what holds the component
  const char* component;
};

TEST(FrozenParts, SurplusTensorsAndValuesThatAreNotFiniteAreRefused) {
  const std::function<void(std::map<std::string, Tensor>&)> surplus = [](auto& tensors) {
    tensors["encoder.of_another_model"] = at::zeros({2});
  };
  const std::function<void(std::map<std::string, Tensor>&)> not_finite = [](auto& tensors) {
    for (auto& [name, tensor] : tensors) tensor.view({-1})[0] = std::nan("");
  };
  const BadComponent parts[] = {{"decoder", "vae", "vae"},
                                {"decoder", "tokenizer", "vision_language_encoder"},
                                {"generator", "tokenizer", "vision_language_encoder"}};
  for (const auto& part : parts) {
    for (const bool is_surplus : {true, false}) {
      TemporaryDirectory folder;
      write_changed_component(folder.path(), part.component, is_surplus ? surplus : not_finite);
      const auto keys = stage_config(part.stage, {{part.key, folder.path().string()}});
      const auto file = (folder.path() / part.component).string();
      expect_error(
          ErrorCode::kCorruptFile,
          {file, is_surplus ? "encoder.of_another_model" : "has a value that is not finite"},
          [&] { train::make_stage(load_config(folder.path(), keys), at::kCPU); });
    }
  }
}

TEST(FrozenParts, AStartWithValuesThatAreNotFiniteOrNoNumbersIsRefused) {
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
