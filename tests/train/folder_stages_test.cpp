// The four stages on a folder of pictures with captions, at toy sizes.

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "glm_image/pipeline.h"
#include "image/codec.h"
#include "support/reference.h"
#include "train/config/stage_names.h"
#include "train/data/folder_training_data.h"
#include "train/picture_folder.h"
#include "train/train.h"
#include "train/weights/export.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kPictures = 20;

/// A smooth picture with noise, like a photo.
Image photo_like(int64_t width, int64_t height, int number) {
  Image image{width, height, {}};
  uint64_t state = 77 + static_cast<uint64_t>(number);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        const double wave = std::sin(0.02 * static_cast<double>(x * (channel + 1)) +
                                     0.03 * static_cast<double>(y) + number);
        const double noise = static_cast<double>(state >> 56) / 256 - 0.5;
        image.pixels.push_back(static_cast<uint8_t>(128 + 90 * wave + 20 * noise));
      }
    }
  }
  return image;
}

/// Photos and drawings of different sizes and shapes, some with a quoted text in the caption.
void make_pictures(const fs::path& folder) {
  fs::create_directories(folder);
  const PictureSize sizes[] = {{96, 96}, {128, 64}, {64, 128}, {100, 70}, {150, 150}};
  for (int i = 0; i < kPictures; ++i) {
    const auto& size = sizes[i % 5];
    const bool is_photo = i % 2 == 0;
    const auto image = is_photo ? photo_like(size.width, size.height, i)
                                : plain_picture(size.width, size.height, i);
    const std::string caption = is_photo
                                    ? "a photo of waves, number " + std::to_string(i)
                                    : "a drawing with the words \"No. " + std::to_string(i) + "\"";
    add_picture(
        folder, "picture" + std::to_string(i) + (is_photo ? ".jpg" : ".png"), image, caption);
  }
}

/// The runs of the four stages on the pictures, shared by all tests of this file.
class FolderStages : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryDirectory();
    make_pictures(folder_->path() / "pictures");
    run("vae", json::object());
    run("vq", json::object());
    run("transformer",
        {{"vae", "../vae/components"},
         {"vq", "../vq/components"},
         {"random_crop", 0.5},
         {"crop_height", 32},
         {"sample_steps", 2}});
    run("generator",
        {{"vocabulary", tiny_model_dir().string()},
         {"vq", "../vq/components"},
         {"input_dropout", 0.5}});
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static train::TrainingConfig config(const std::string& stage, const json& of_stage) {
    const json keys = {{"stage", stage},
                       {"run", "runs/" + stage},
                       {"data", "pictures"},
                       {"model", tiny_model_dir().string()},
                       {"seed", 3},
                       {"size", 96},
                       {"batch", 3},
                       {"steps", 4},
                       {"learning_rate", 1e-3},
                       {"metrics_every", 1},
                       {"samples_every", 4},
                       {stage, of_stage}};
    const auto file = folder_->path() / (stage + ".json");
    write_file(file, keys.dump(2));
    return train::TrainingConfig::load(file);
  }
  static void run(const std::string& stage, const json& of_stage) {
    train::train(config(stage, of_stage), at::kCPU, {});
  }
  static fs::path runs() { return folder_->path() / "runs"; }

  static TemporaryDirectory* folder_;
};
TemporaryDirectory* FolderStages::folder_ = nullptr;

TEST_F(FolderStages, EveryStageTrains) {
  for (const auto& stage : train::stage_names()) {
    SCOPED_TRACE(stage);
    std::istringstream lines(read_file(runs() / stage / "metrics.jsonl"));
    int64_t steps = 0;
    for (std::string text; std::getline(lines, text); ++steps) {
      const auto line = json::parse(text);
      ASSERT_TRUE(line.at("loss").is_number()) << text;
      EXPECT_GT(line.at("gradient_norm").get<double>(), 0) << text;
      EXPECT_FALSE(line.contains("skipped")) << text;
    }
    EXPECT_EQ(steps, 4);
    const auto sheet = image::read_image(runs() / stage / "samples" / "step-0000004.png");
    EXPECT_GT(sheet.width, 96);
  }
}

TEST_F(FolderStages, TheResultIsAModelThatDraws) {
  const auto model = folder_->path() / "model";
  train::export_checkpoint(runs(), model, tiny_model_dir());
  auto pipeline = Pipeline::load(model, {});
  Request request;
  request.prompt = "a drawing with the words \"No. 7\"";
  request.width = 96;
  request.height = 64;
  request.steps = 2;
  const auto result = pipeline.generate(request, {});
  ASSERT_EQ(result.pictures.size(), 1U);
  EXPECT_EQ(result.pictures[0].image.width, 96);
  EXPECT_EQ(result.pictures[0].image.height, 64);
}

// The generic stages have no modules in addition to the model's, except the pixel head of "vq".
TEST_F(FolderStages, TrainOnlyTheModel) {
  for (const auto& stage : train::stage_names()) {
    EXPECT_EQ(fs::exists(runs() / stage / "components" / "training_modules.safetensors"),
              stage == train::kVqStage)
        << stage;
  }
}

TEST_F(FolderStages, BatchesHaveOneSizeAndAnEpochEveryPicture) {
  const train::FolderTrainingData data(config("vae", json::object()));
  EXPECT_GT(data.sizes().size(), 2U);
  const auto reader = data.reader();
  std::multiset<std::string> captions;
  for (int64_t step = 0; captions.size() < kPictures; ++step) {
    const auto examples = reader->batch(step);
    for (const auto& example : examples) {
      EXPECT_EQ(example->size.width, examples.front()->size.width);
      EXPECT_EQ(example->size.height, examples.front()->size.height);
      EXPECT_LE(example->size.width * example->size.height, 96 * 96);
      const auto picture = example->picture(example->size);
      EXPECT_EQ(picture.width, example->size.width);
      captions.insert(example->caption);
    }
  }
  EXPECT_EQ(std::set<std::string>(captions.begin(), captions.end()).size(), kPictures);
}

TEST_F(FolderStages, CaptionsGiveTheTextsToSpell) {
  const train::FolderTrainingData data(config("vae", json::object()));
  const auto reader = data.reader();
  int64_t quoted = 0;
  for (int64_t i = 0; i < kPictures; ++i) {
    const auto example = reader->example(i);
    for (const auto& text : example->texts) {
      EXPECT_NE(example->caption.find('"' + text + '"'), std::string::npos) << text;
      ++quoted;
    }
  }
  EXPECT_EQ(quoted, kPictures / 2);
}

TEST_F(FolderStages, OtherPicturesAreAnotherRun) {
  const auto keys = config("vae", json::object());
  TemporaryDirectory other;
  fs::copy(runs() / "vae", other.path() / "run", fs::copy_options::recursive);
  make_pictures(other.path() / "pictures");
  add_picture(other.path() / "pictures", "one_more.png", plain_picture(96, 96, 30), "one more");
  auto changed = keys;
  changed.run = other.path() / "run";
  changed.data = other.path() / "pictures";
  expect_error(
      ErrorCode::kInvalidInput, {"other settings"}, [&] { train::train(changed, at::kCPU, {}); });
}

TEST_F(FolderStages, AFolderWithoutAUsablePictureIsRefused) {
  auto keys = config("vae", json::object());
  TemporaryDirectory empty;
  write_file(empty.path() / "broken.png", "no picture");
  write_file(empty.path() / "broken.txt", "a caption");
  keys.data = empty.path();
  expect_error(ErrorCode::kInvalidInput, {empty.path().string(), "no picture"}, [&] {
    train::train(keys, at::kCPU, {});
  });
}

TEST_F(FolderStages, KeysOfPostersAreUnknown) {
  auto keys = config("vae", {{"text_pixel_weight", 3}});
  keys.run = folder_->path() / "other";
  expect_error(ErrorCode::kCorruptFile, {"vae.text_pixel_weight", "not a known key"}, [&] {
    train::train(keys, at::kCPU, {});
  });
}

}  // namespace
}  // namespace glm_image::test
