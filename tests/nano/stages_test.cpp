// Properties of the shipped stages, tested through Stage's interface and the files of a run.

#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "core/joined.h"
#include "image/codec.h"
#include "io/safetensors.h"
#include "models/autoencoder/autoencoder_kl.h"
#include "nano/stage_at_start.h"
#include "nano/training/poster_feed.h"
#include "nano/training/poster_keys.h"
#include "text/grid.h"
#include "train/batch/picture_batch.h"
#include "train/config/stage_keys.h"
#include "train/weights/component_files.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

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
    keys["start"] = nano_folder().string();
    const StageAtStart start(keys);
    kl[dtype] = start.measure(start.batch(0), 0).at("kl");
  }
  EXPECT_NEAR(kl.at("bfloat16"), kl.at("float32"), 1e-6 * kl.at("float32"));
}

// Later stages use these statistics to normalise the latents of the written weights in float32.
TEST(FrozenVae, HasTheStatisticsOfItsFloat32Latents) {
  TemporaryDirectory folder;
  auto keys = stage_config("vae");
  keys["start"] = nano_folder().string();
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

TEST(ChangeWeight, WeightsTheLossOnCodes) {
  const StageAtStart start(stage_config("generator",
                                        {{"change_weight", 4},
                                         {"class_weight", 0},
                                         {"scene_weight", 0},
                                         {"position_weight", 0},
                                         {"counting_weight", 0}}));
  auto batch = start.batch(0);
  auto& weights = batch.at("weights");
  ASSERT_EQ(weights.sizes(), batch.at("kinds").sizes());
  EXPECT_TRUE((weights == 1).logical_or(weights == 4).all().item<bool>());
  const auto& sides = batch.at("grids");
  for (const int64_t first : {int64_t{0}, (sides[0] * sides[1]).item<int64_t>()}) {
    EXPECT_TRUE((weights.select(1, first) == 4).all().item<bool>()) << first;
  }

  weights.fill_(0);
  weights.select(1, 0).fill_(1e6);  // next to it, the end marker's weight of 1 does not count
  const auto of_first = start.measure(batch, 0);
  EXPECT_NEAR(of_first.at("loss"), of_first.at("loss_first"), 1e-4);
  EXPECT_GT(std::abs(of_first.at("loss_first") - of_first.at("loss_codes")), 1e-3);
  batch.erase("weights");
  const auto of_all = start.measure(batch, 0);
  EXPECT_NEAR(of_all.at("loss"), of_all.at("loss_codes"), 1e-4);
}

class Stages : public testing::TestWithParam<std::string> {};

/// The keys in the stage's own object that its help lists for posters.
std::set<std::string> own_keys_in_help(const std::string& stage) {
  train::KeyHelp help;
  train::describe_stage(stage, help);
  nano::describe_stage(stage, help);
  std::set<std::string> keys;
  bool is_own = false;
  std::istringstream lines(help.text());
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("  ", 0) == 0) {
      if (is_own) keys.insert(line.substr(2, line.find(' ', 2) - 2));
    } else {
      is_own = line.rfind("In the object", 0) == 0 && line.find("folder") == std::string::npos;
    }
  }
  return keys;
}

TEST_P(Stages, ReadTheKeysThatTheHelpLists) {
  TemporaryDirectory folder;
  const auto config = load_config(folder.path(), stage_config(GetParam(), {{"nothing", 1}}));
  nano::make_stage(config, at::kCPU);
  std::string message;
  try {
    config.refuse_unread();
  } catch (const Error& error) {
    message = error.what();
  }
  const std::string known = "nothing is not a known key; known keys: ";
  const auto begin = message.find(known);
  ASSERT_NE(begin, std::string::npos) << message;
  EXPECT_EQ(message.substr(begin + known.size()), joined(own_keys_in_help(GetParam()), ", "));
}

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
      top += preview.height * text::kTokenSide + 4;
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
  fs::copy(nano_folder() / component, folder / component, fs::copy_options::recursive);
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
