// Runs all stages for a few steps with nano's configs. Their output together is a checkpoint that
// the pipeline can use.

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "glm_image/pipeline.h"
#include "io/weight_set.h"
#include "nano/posters/poster_source.h"
#include "nano/training/make_stage.h"
#include "nano/training/scene_codes.h"
#include "nano/training/vocabulary.h"
#include "support/reference.h"
#include "text/bpe_tokenizer.h"
#include "train/train.h"
#include "train/weights/export.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

void train_posters(const train::TrainingConfig& config) {
  train::train(config, at::kCPU, {}, /*max_memory_bytes=*/0, nano::make_stage);
}

void export_posters(const fs::path& runs, const fs::path& output, const fs::path& base = {}) {
  train::export_checkpoint(runs, output, base, nano::exported_parts());
}

/// The runs of the stages, shared by all tests of this file.
class Chain : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryDirectory();
    nano::train_vocabulary(nano::VocabularyConfig::load(config("vocabulary", {{"captions", 6000}})),
                           {});
    run("vae", nlohmann::json::object());
    run("vq", {{"codes_until", 1}});
    run("transformer",
        {{"vae", "../vae/components"},
         {"vq", "../vq/components"},
         {"teacher_codes_share", 0.5},
         {"embed_posters", 2}});
    run("generator",
        {{"vocabulary", "../vocabulary/components"},
         {"vq", "../vq/components"},
         {"teacher_codes", true},
         {"more_prompts", 2}});
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static fs::path config(const std::string& stage, const nlohmann::json& of_stage) {
    nlohmann::json keys = {{"stage", stage},
                           {"run", "runs/" + stage},
                           {"data", (project_dir() / "data" / "posters").string()},
                           {"model", (project_dir() / "training" / "nano" / "model").string()},
                           {"seed", 3},
                           {stage, of_stage}};
    if (stage != nano::kVocabularyStage) {
      keys["sizes"] = nlohmann::json::array({{{"width", 64}, {"height", 96}}});
      keys["batch"] = 2;
      keys["steps"] = 2;
      keys["learning_rate"] = 1e-3;
      keys["samples_every"] = 0;
    }
    const auto file = folder_->path() / (stage + ".json");
    write_file(file, keys.dump(2));
    return file;
  }
  static void run(const std::string& stage, const nlohmann::json& of_stage) {
    train_posters(train::TrainingConfig::load(config(stage, of_stage)));
  }
  static fs::path runs() { return folder_->path() / "runs"; }

  static TemporaryDirectory* folder_;
};
TemporaryDirectory* Chain::folder_ = nullptr;

std::set<std::string> files_of(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& item : fs::recursive_directory_iterator(folder)) {
    if (item.is_regular_file()) names.insert(fs::relative(item.path(), folder).string());
  }
  return names;
}

TEST_F(Chain, WritesThePublishedLayout) {
  const auto model = folder_->path() / "model";
  export_posters(runs(), model);
  auto files = files_of(tiny_model_dir());
  files.insert({"code_teacher/config.json", "code_teacher/model.safetensors"});
  EXPECT_EQ(files_of(model), files);
  EXPECT_FALSE(fs::exists(folder_->path() / "model.partial"));

  // Half precision everywhere, as in published checkpoints.
  for (const char* component : {"vae", "transformer", "text_encoder", "vision_language_encoder"}) {
    const auto weights = io::WeightSet::open(model / component);
    for (const auto& [name, location] : weights.tensors()) {
      EXPECT_EQ(location.entry->type, io::ElementType::kBFloat16) << component << ' ' << name;
    }
  }
}

TEST_F(Chain, TheTransformersEmbeddingIsInitialisedWithLatents) {
  const std::string name = "prior_token_embedding.weight";
  const auto weights = io::WeightSet::open(runs() / "transformer" / "components" / "transformer");
  const auto embedding = weights.tensors().at(name).file->tensor(name);
  const auto rows = embedding.to(at::kFloat).abs().amax(1);
  // Codes that do not occur in two posters have rows of zeros; a random row would have size 1.
  const auto unseen = (rows < 0.01).sum().item<int64_t>();
  EXPECT_GT(unseen, rows.size(0) / 2);
  EXPECT_LT(unseen, rows.size(0));
}

TEST_F(Chain, CodesAndTheirTeacherAreFrozenInTheSecondPhase) {
  const auto made = runs() / "vq" / "components";
  auto json = nlohmann::json::parse(read_file(config("vq", {{"codes_until", 0}})));
  json["start"] = made.string();
  json["run"] = "finding";
  const auto file = folder_->path() / "finding.json";
  write_file(file, json.dump(2));
  train_posters(train::TrainingConfig::load(file));

  const auto found = folder_->path() / "finding" / "components";
  std::map<std::string, bool> is_same;
  for (const char* component : {"vision_language_encoder", nano::kCodeTeacher}) {
    const auto before = io::WeightSet::open(made / component);
    const auto after = io::WeightSet::open(found / component);
    for (const auto& [name, location] : after.tensors()) {
      is_same[name] =
          at::equal(location.file->tensor(name), before.tensors().at(name).file->tensor(name));
    }
  }
  EXPECT_TRUE(is_same.at("model.vqmodel.quantize.embedding.weight"));
  EXPECT_TRUE(is_same.at("from_content.weight"));
  EXPECT_TRUE(is_same.at("to_vectors.weight"));
  EXPECT_FALSE(is_same.at("model.visual.patch_embed.proj.weight"));
  EXPECT_FALSE(is_same.at("model.vqmodel.quant_conv.weight"));
}

TEST_F(Chain, TheModelDraws) {
  const auto model = folder_->path() / "drawing_model";
  export_posters(runs(), model);
  auto pipeline = Pipeline::load(model, {});
  Request request;
  request.prompt = "Une affiche jaune avec le titre « École »";
  request.width = 96;
  request.height = 64;
  request.steps = 2;
  const auto result = pipeline.generate(request, {});
  ASSERT_EQ(result.pictures.size(), 1U);
  EXPECT_EQ(result.pictures[0].image.width, 96);
  EXPECT_EQ(result.pictures[0].image.height, 64);
}

TEST_F(Chain, ARunThatStartsFromAModelHasItsWeights) {
  const auto model = folder_->path() / "start_model";
  export_posters(runs(), model);
  const std::map<std::string, nlohmann::json> stages = {
      {"vae", nlohmann::json::object()},
      {"vq", nlohmann::json::object()},
      {"transformer", {{"vae", model.string()}, {"vq", model.string()}}},
      {"generator", {{"vocabulary", model.string()}, {"vq", model.string()}}}};
  for (const auto& [stage, of_stage] : stages) {
    auto json = nlohmann::json::parse(read_file(config(stage, of_stage)));
    json["start"] = model.string();
    json["run"] = "continued/" + stage;
    // One step with a learning rate of 0.
    json["steps"] = 1;
    json["learning_rate"] = json["last_learning_rate"] = 0;
    const auto file = folder_->path() / (stage + "_continued.json");
    write_file(file, json.dump(2));
    train_posters(train::TrainingConfig::load(file));

    const auto components = folder_->path() / "continued" / stage / "components";
    for (const auto& component : fs::directory_iterator(components)) {
      // The folder also contains the modules that are used only in training.
      if (!component.is_directory() || component.path().filename() == nano::kCodeTeacher) continue;
      const auto name = component.path().filename();
      const auto before = io::WeightSet::open(model / name);
      const auto after = io::WeightSet::open(component.path());
      for (const auto& [tensor, location] : after.tensors()) {
        // Gradients do not train the codes.
        if (tensor == "model.vqmodel.quantize.embedding.weight") continue;
        EXPECT_TRUE(
            at::equal(location.file->tensor(tensor), before.find(tensor)->file->tensor(tensor)))
            << stage << ": " << tensor;
      }
    }
  }
}

TEST_F(Chain, AVaeThatKeepsItsEncoderKeepsItsLatents) {
  const auto model = folder_->path() / "encoder_model";
  export_posters(runs(), model);
  auto json = nlohmann::json::parse(read_file(config("vae", {{"keep_encoder", true}})));
  json["run"] = "decoder_alone/vae";
  const auto file = folder_->path() / "decoder_alone.json";
  const auto train_it = [&] {
    write_file(file, json.dump(2));
    train_posters(train::TrainingConfig::load(file));
  };
  expect_error(ErrorCode::kCorruptFile, {"vae.keep_encoder", "start"}, train_it);
  json["start"] = model.string();
  train_it();

  const auto trained = folder_->path() / "decoder_alone" / "vae" / "components" / "vae";
  EXPECT_EQ(nlohmann::json::parse(read_file(trained / "config.json")),
            nlohmann::json::parse(read_file(model / "vae" / "config.json")));
  const auto before = io::WeightSet::open(model / "vae"), after = io::WeightSet::open(trained);
  for (const auto& [tensor, location] : after.tensors()) {
    const bool same =
        at::equal(location.file->tensor(tensor), before.find(tensor)->file->tensor(tensor));
    if (tensor.rfind("encoder.", 0) == 0) {
      EXPECT_TRUE(same) << tensor;
    } else if (tensor == "decoder.conv_in.weight") {
      EXPECT_FALSE(same);
    }
  }
}

TEST_F(Chain, AnOldModelIsReplacedAndItsCardKept) {
  const auto model = folder_->path() / "old_model";
  fs::create_directories(model / "vae");
  write_file(model / "model_index.json", "{}");
  write_file(model / "model_card.md", "a card");
  write_file(model / "vae" / "left_over.safetensors", "of another model");
  export_posters(runs(), model);
  EXPECT_EQ(read_file(model / "model_card.md"), "a card");
  EXPECT_FALSE(fs::exists(model / "vae" / "left_over.safetensors"));
  EXPECT_FALSE(fs::exists(folder_->path() / "old_model.old"));
}

TEST_F(Chain, AKilledExportDoesNotDisturbTheNext) {
  const auto model = folder_->path() / "killed_model", old = folder_->path() / "killed_model.old";
  // Killed between the two renames …
  fs::create_directories(old);
  write_file(old / "model_index.json", "{}");
  write_file(old / "model_card.md", "a card");
  export_posters(runs(), model);
  EXPECT_EQ(read_file(model / "model_card.md"), "a card");
  EXPECT_FALSE(fs::exists(old));
  // … and after both.
  fs::create_directories(old);
  write_file(old / "model_card.md", "an older card");
  export_posters(runs(), model);
  EXPECT_EQ(read_file(model / "model_card.md"), "a card");
  EXPECT_FALSE(fs::exists(old));
}

TEST_F(Chain, TheVqStageTakesOneBatchAStep) {
  auto json = nlohmann::json::parse(read_file(config("vq", {{"codes_until", 1}})));
  json["gradient_accumulation_steps"] = 2;
  const auto file = folder_->path() / "accumulating.json";
  write_file(file, json.dump(2));
  expect_error(ErrorCode::kCorruptFile, {"gradient_accumulation_steps", "1 in this stage"}, [&] {
    train_posters(train::TrainingConfig::load(file));
  });
}

TEST_F(Chain, AFolderThatIsNotAModelIsNotReplaced) {
  const auto folder = folder_->path() / "letters";
  fs::create_directories(folder);
  write_file(folder / "letter.txt", "dear");
  expect_error(
      ErrorCode::kOutput, {"letters", "not a model"}, [&] { export_posters(runs(), folder); });
  EXPECT_EQ(read_file(folder / "letter.txt"), "dear");
}

TEST_F(Chain, AMissingStageIsNamed) {
  TemporaryDirectory other;
  fs::copy(runs(), other.path() / "runs", fs::copy_options::recursive);
  fs::remove_all(other.path() / "runs" / "transformer" / "components");
  expect_error(ErrorCode::kNotFound, {"train the stage 'transformer' first"}, [&] {
    export_posters(other.path() / "runs", other.path() / "model");
  });
  EXPECT_FALSE(fs::exists(other.path() / "model"));
}

TEST_F(Chain, RunsWithFormerNamesOfStagesAreExported) {
  TemporaryDirectory other;
  fs::copy(runs(), other.path() / "runs", fs::copy_options::recursive);
  fs::rename(other.path() / "runs" / "transformer", other.path() / "runs" / "decoder");
  fs::rename(other.path() / "runs" / "vq", other.path() / "runs" / "tokenizer");
  export_posters(other.path() / "runs", other.path() / "model");
  export_posters(runs(), other.path() / "expected");
  EXPECT_EQ(files_of(other.path() / "model"), files_of(other.path() / "expected"));
}

TEST_F(Chain, UntrainedPartsComeFromTheBase) {
  const auto base = folder_->path() / "base_model";
  export_posters(runs(), base);
  TemporaryDirectory other;
  fs::create_directories(other.path() / "runs" / "vae");
  fs::copy(runs() / "vae", other.path() / "runs" / "vae", fs::copy_options::recursive);
  export_posters(other.path() / "runs", other.path() / "model", base);
  EXPECT_EQ(files_of(other.path() / "model"), files_of(base));
  expect_error(ErrorCode::kNotFound, {"nowhere", "model_index.json"}, [&] {
    export_posters(other.path() / "runs", other.path() / "second", other.path() / "nowhere");
  });
}

TEST_F(Chain, MismatchedPartsLeaveNothing) {
  TemporaryDirectory other;
  fs::copy(runs(), other.path() / "runs", fs::copy_options::recursive);
  const auto weights =
      other.path() / "runs" / "vae" / "components" / "vae" / "diffusion_pytorch_model.safetensors";
  write_file(weights, read_file(weights).substr(0, 1000));
  EXPECT_THROW(export_posters(other.path() / "runs", other.path() / "model"), Error);
  EXPECT_FALSE(fs::exists(other.path() / "model"));
  EXPECT_FALSE(fs::exists(other.path() / "model.partial"));
}

TEST_F(Chain, TheVocabularyWritesCaptionsInFewTokens) {
  const auto tokenizer = text::BpeTokenizer::load(runs() / "vocabulary" / "components" /
                                                  "processor" / "tokenizer.json");
  const auto source = posters::PosterSource::load(project_dir() / "data" / "posters");
  size_t bytes = 0, tokens = 0;
  for (uint64_t index = 0; index < 100; ++index) {
    const auto caption = source.caption(source.scene(index, posters::Split::kEvaluation), index);
    const auto ids = tokenizer.encode(caption);
    EXPECT_EQ(tokenizer.decode(ids), caption);
    bytes += caption.size();
    tokens += ids.size();
  }
  EXPECT_LT(2 * tokens, bytes);
}

}  // namespace
}  // namespace glm_image::test
