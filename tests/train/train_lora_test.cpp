// Training of adapters from the options to the file: a stopped run continues its curve, and what
// cannot be used is refused.

#include "train/lora/train_lora.h"

#include <algorithm>
#include <sstream>

#include "io/safetensors.h"
#include "nn/cpu_kernels.h"
#include "support/reference.h"
#include "train/data/feature_cache.h"
#include "train/small_lora_run.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

train::LoraOptions lora_options(const fs::path& folder) {
  auto options = small_lora_run(folder);
  options.accumulate = 2;
  options.save_every = 3;
  return options;
}

/// The metrics of each step of a part, without the times.
std::vector<nlohmann::json> metrics_of(const train::LoraOptions& options, const char* part) {
  std::istringstream lines(
      read_file(train::lora_run_folder(options.output) / part / "metrics.jsonl"));
  std::vector<nlohmann::json> metrics;
  for (std::string line; std::getline(lines, line);) {
    metrics.push_back(nlohmann::json::parse(line));
    metrics.back().erase("seconds_per_step");
  }
  return metrics;
}

TEST(TrainLora, WritesBothPartsAndContinuesAStoppedRun) {
  TemporaryDirectory whole, stopped;
  auto options = lora_options(whole.path());
  int64_t prepared = 0;
  train::LoraCallbacks callbacks;
  callbacks.preparing = [&](const char* what, int64_t, int64_t) {
    if (std::string(what) != "check") ++prepared;
  };
  ASSERT_TRUE(train::train_lora(options, callbacks));
  EXPECT_EQ(prepared, 2 * 4);

  const auto file = io::SafetensorsFile::open(options.output);
  const auto shape = [&](const std::string& name) { return file->header().tensors.at(name).shape; };
  EXPECT_EQ(shape("transformer.transformer_blocks.2.attn1.to_out.0.lora_B.weight"),
            (std::vector<int64_t>{64, 4}));
  EXPECT_EQ(shape("vision_language_encoder.model.language_model.layers.0.self_attn.k_proj.lora_A."
                  "weight"),
            (std::vector<int64_t>{4, 128}));
  EXPECT_EQ(file->header().tensors.size(), 2U * (3 * 4 + 3 * 4));
  EXPECT_TRUE(fs::exists(whole.path() / "style-transformer-3.safetensors"));
  EXPECT_TRUE(fs::exists(whole.path() / "style-generator-3.safetensors"));
  EXPECT_FALSE(fs::exists(whole.path() / "style-generator-6.safetensors"));

  // Stopped in each part, twice in all.
  auto interrupted = lora_options(stopped.path());
  int64_t prepared_again = 0;
  for (const std::string part : {"transformer", "generator"}) {
    bool stop = false;
    train::LoraCallbacks stopping;
    stopping.should_stop = [&] { return stop; };
    stopping.progress = [&](const std::string& name, const train::LoopProgress& progress) {
      if (name == part && progress.step == 4) stop = true;
    };
    stopping.preparing = [&](const char* what, int64_t, int64_t) {
      if (part == "generator" && std::string(what) != "check") ++prepared_again;
    };
    EXPECT_FALSE(train::train_lora(interrupted, stopping));
    EXPECT_FALSE(fs::exists(interrupted.output));
  }
  EXPECT_EQ(prepared_again, 0);
  EXPECT_TRUE(train::train_lora(interrupted, {}));
  EXPECT_EQ(read_file(interrupted.output), read_file(options.output));
  for (const char* part : {"transformer", "generator"}) {
    EXPECT_EQ(metrics_of(interrupted, part), metrics_of(options, part));
  }

  // Another learning rate is another run.
  interrupted.learning_rate = 2e-3;
  expect_error(
      ErrorCode::kInvalidInput,
      {"other settings (learning rate 0.001 instead of learning rate 0.002); name another"},
      [&] { train::train_lora(interrupted, {}); });
}

/// Four pictures, and a folder of others that the adapter is not to change.
train::LoraOptions options_with_prior(const fs::path& folder) {
  auto options = lora_options(folder);
  options.prior_data = folder / "drawings";
  fs::create_directories(options.prior_data);
  add_picture(options.prior_data, "e.png", plain_picture(64, 64, 7), "A ship");
  add_picture(options.prior_data, "f.png", plain_picture(96, 64, 8), "A tower: \"SEA\"");
  return options;
}

// The prior has no gradient in the first step. So both runs have the same adapter in the second,
// and its losses differ by the prior's.
TEST(TrainLora, AddsTheWeightedPriorToTheLoss) {
  TemporaryDirectory plain, whole;
  auto without = lora_options(plain.path());
  auto options = options_with_prior(whole.path());
  options.prior_loss_weight = 100;
  for (auto* each : {&without, &options}) {
    each->steps = 2;
    each->save_every = 0;
    each->learning_rate = 0.1;
    each->pipeline.dtype = DataType::kFloat32;
    ASSERT_TRUE(train::train_lora(*each, {}));
  }
  for (const char* part : {"transformer", "generator"}) {
    SCOPED_TRACE(part);
    const auto alone = metrics_of(without, part), both = metrics_of(options, part);
    ASSERT_EQ(both.size(), 2U);
    const auto added = [&](std::size_t step) {
      return both[step].at("loss").get<double>() - alone.at(step).at("loss").get<double>();
    };
    const auto weighted = [&](std::size_t step) {
      return options.prior_loss_weight * both[step].at("prior_loss").get<double>();
    };
    // Float32's rounding of a divergence, times the weight.
    EXPECT_NEAR(weighted(0), 0, 1e-4);
    EXPECT_NEAR(added(0), 0, 1e-4);
    EXPECT_GT(weighted(1), 1e-2);
    EXPECT_NEAR(added(1), weighted(1), 0.02 * weighted(1));
  }
}

TEST(TrainLora, ContinuesAStoppedRunWithAPrior) {
  TemporaryDirectory whole, stopped;
  auto options = options_with_prior(whole.path());
  ASSERT_TRUE(train::train_lora(options, {}));
  EXPECT_TRUE(fs::exists(options.prior_data / ".glm-image-cache"));

  const auto interrupted = options_with_prior(stopped.path());
  bool stop = false;
  train::LoraCallbacks stopping;
  stopping.should_stop = [&] { return stop; };
  stopping.progress = [&](const std::string&, const train::LoopProgress& progress) {
    stop = progress.step == 4;
  };
  EXPECT_FALSE(train::train_lora(interrupted, stopping));
  stop = false;
  EXPECT_FALSE(train::train_lora(interrupted, stopping));
  EXPECT_TRUE(train::train_lora(interrupted, {}));
  EXPECT_EQ(read_file(interrupted.output), read_file(options.output));
  for (const char* part : {"transformer", "generator"}) {
    EXPECT_EQ(metrics_of(interrupted, part), metrics_of(options, part));
  }

  options.prior_loss_weight = 2;
  expect_error(ErrorCode::kInvalidInput,
               {"other settings (prior loss weight 1 instead of prior loss weight 2)"},
               [&] { train::train_lora(options, {}); });
}

/// What a run tells its user.
std::vector<std::string> notes_of(const train::LoraOptions& options) {
  std::vector<std::string> notes;
  train::LoraCallbacks callbacks;
  callbacks.note = [&](const std::string& sentence) { notes.push_back(sentence); };
  EXPECT_TRUE(train::train_lora(options, callbacks));
  return notes;
}

TEST(TrainLora, DrawsSamplesWithoutAnEffectOnTheAdapter) {
  TemporaryDirectory plain, sampled;
  const auto without = lora_options(plain.path());
  auto with = lora_options(sampled.path());
  with.sample_prompts = {"A pear", "A plum"};
  with.samples_every = 4;
  with.sample_steps = 2;
  ASSERT_TRUE(train::train_lora(without, {}));
  int64_t drawn = 0;
  train::LoraCallbacks callbacks;
  callbacks.preparing = [&](const char* what, int64_t, int64_t) {
    if (std::string(what) == "samples") ++drawn;
  };
  ASSERT_TRUE(train::train_lora(with, callbacks));
  EXPECT_EQ(read_file(with.output), read_file(without.output));
  // The base, and twice for each part.
  EXPECT_EQ(drawn, 2 * (1 + 2 * 2));
  const auto run = train::lora_run_folder(with.output);
  const auto sheet = [&](const std::string& part, const std::string& step) {
    return image::read_image(run / part / "samples" / ("step-000000" + step + ".png")).pixels;
  };
  // The adapter of the transformer changes the pictures of the base; that of the generator too.
  EXPECT_NE(sheet("transformer", "0"), sheet("transformer", "6"));
  EXPECT_EQ(sheet("transformer", "4").size(), sheet("transformer", "6").size());
  EXPECT_FALSE(sheet("generator", "6").empty());
  EXPECT_FALSE(fs::exists(run / "generator" / "samples" / "step-0000000.png"));
  EXPECT_FALSE(fs::exists(train::lora_run_folder(without.output) / "transformer" / "samples" /
                          "step-0000006.png"));

  with.sample_prompts = {"A pear <|image|>", std::string(100'000, 'q')};
  expect_error(
      ErrorCode::kInvalidInput, {"--sample-prompt"}, [&] { train::train_lora(with, callbacks); });
}

/// No folder can be created where a file has its name. This holds for root as well.
TEST(TrainLora, NamesTheOptionWhereTheCacheCannotBeWritten) {
  TemporaryDirectory folder;
  auto options = lora_options(folder.path());
  write_file(options.data / ".glm-image-cache", "");
  expect_error(ErrorCode::kOutput, {".glm-image-cache", "with --cache"}, [&] {
    train::train_lora(options, {});
  });
  options.cache = folder.path() / "cache";
  options.steps = 1;
  EXPECT_TRUE(train::train_lora(options, {}));
}

TEST(TrainLora, RefusesOtherSettingsBeforeItReadsAPicture) {
  TemporaryDirectory folder;
  auto options = lora_options(folder.path());
  options.transformer = false;
  ASSERT_TRUE(train::train_lora(options, {}));
  fs::remove_all(options.data / ".glm-image-cache");
  options.transformer = true;
  options.rank = 2;
  options.sample_prompts = {"A pear"};
  train::LoraCallbacks callbacks;
  callbacks.preparing = [](const char* what, int64_t, int64_t) {
    EXPECT_EQ(std::string(what), "check");
  };
  expect_error(ErrorCode::kInvalidInput, {"other settings (rank 4 instead of rank 2)"}, [&] {
    train::train_lora(options, callbacks);
  });
  EXPECT_FALSE(fs::exists(options.data / ".glm-image-cache"));
}

TEST(TrainLora, WarnsOfACaptionOfTwoPictures) {
  TemporaryDirectory folder;
  auto options = lora_options(folder.path());
  options.generator = false;
  options.steps = 1;
  image::write_image(options.data / "a.jpg", plain_picture(64, 64, 5));
  const auto notes = notes_of(options);
  EXPECT_EQ(std::count(notes.begin(),
                       notes.end(),
                       "warning: a.txt: is the caption of several pictures: a.jpg, a.png"),
            1);
}

TEST(TrainLora, ABaseThatIsQuantisedOnLoadIsAnotherRun) {
  if (!nn::kHaveKernels) GTEST_SKIP() << "weights stay quantised only with the CPU kernels";
  TemporaryDirectory folder;
  auto options = lora_options(folder.path());
  options.generator = false;
  options.base = "q8";
  ASSERT_TRUE(train::train_lora(options, {}));
  options.base = "bf16";
  expect_error(ErrorCode::kInvalidInput, {"other settings (base q8 instead of "}, [&] {
    train::train_lora(options, {});
  });
}

TEST(TrainLora, RefusesAMemoryLimitBeforeItReadsAPicture) {
  TemporaryDirectory folder;
  auto options = lora_options(folder.path());
  options.pipeline.max_memory_bytes = 300'000'000;
  train::LoraCallbacks callbacks;
  callbacks.preparing = [](const char* what, int64_t, int64_t) {
    EXPECT_EQ(std::string(what), "check");
  };
  expect_error(ErrorCode::kInvalidInput, {"--size 64", "300.0 MB are allowed (max-memory)"}, [&] {
    train::train_lora(options, callbacks);
  });
}

TEST(TrainLora, LeavesOutCaptionsThatTheModelCannotRead) {
  TemporaryDirectory folder;
  const auto options = lora_options(folder.path());
  write_file(options.data / "a.txt", "A pear <|image|>");
  std::string long_caption;
  for (int i = 0; i < 30000; ++i) long_caption += "q ";
  write_file(options.data / "b.txt", long_caption);
  const auto notes = notes_of(options);
  ASSERT_GE(notes.size(), 2U);
  EXPECT_EQ(notes[0].rfind("not used: a.txt: ", 0), 0U) << notes[0];
  EXPECT_EQ(notes[1].rfind("not used: b.txt: prompt is too long", 0), 0U) << notes[1];
  EXPECT_TRUE(fs::exists(options.output));
}

TEST(TrainLora, ChecksThePriorAsTheDataAndWithoutTheTrigger) {
  TemporaryDirectory folder;
  auto options = options_with_prior(folder.path());
  options.generator = false;
  options.trigger = "zorblax";
  write_file(options.prior_data / "e.txt", "A ship and a [trigger]");
  image::write_image(options.prior_data / "h.png", plain_picture(64, 64, 3));
  std::string told;
  for (const auto& note : notes_of(options)) told += note + "\n";
  const auto expect_told = [&](const std::string& name, const std::string& reason) {
    const auto begin = "not used: " + (options.prior_data / name).string() + ": " + reason;
    EXPECT_NE(told.find(begin), std::string::npos) << begin << "\n" << told;
  };
  expect_told("e.txt", "the caption has [trigger], but --prior-data is used without");
  expect_told("h.png", "has no caption");
}

TEST(TrainLora, SaysThatAFinishedRunIsLonger) {
  TemporaryDirectory folder;
  auto options = lora_options(folder.path());
  options.generator = false;
  for (const auto& note : notes_of(options)) EXPECT_EQ(note.find("warning"), std::string::npos);
  options.steps = 4;
  const auto notes = notes_of(options);
  const auto warned = std::count_if(notes.begin(), notes.end(), [](const std::string& note) {
    return note.find("a run of 6 steps, more than --steps 4") != std::string::npos;
  });
  EXPECT_EQ(warned, 1);
}

TEST(TrainLora, ComputesDamagedFilesOfTheCacheAgain) {
  TemporaryDirectory folder;
  auto options = lora_options(folder.path());
  ASSERT_TRUE(train::train_lora(options, {}));
  const auto adapter = read_file(options.output);
  const auto cache = options.data / ".glm-image-cache";
  int64_t files = 0;
  for (const auto& entry : fs::directory_iterator(cache)) {
    const auto whole = read_file(entry.path());
    // One is cut, one is empty.
    write_file(entry.path(), whole.substr(0, files++ % 2 == 0 ? whole.size() / 2 : 0));
  }
  ASSERT_EQ(files, 2 * 4);
  fs::remove_all(train::lora_run_folder(options.output));
  int64_t prepared = 0;
  train::LoraCallbacks callbacks;
  callbacks.preparing = [&](const char* what, int64_t, int64_t) {
    if (std::string(what) != "check") ++prepared;
  };
  ASSERT_TRUE(train::train_lora(options, callbacks));
  EXPECT_EQ(prepared, files);
  EXPECT_EQ(read_file(options.output), adapter);

  // Damaged after it was checked, as by a full disk.
  const train::FeatureCache reading(cache);
  const auto file = fs::directory_iterator(cache)->path();
  write_file(file, "");
  EXPECT_FALSE(reading.has(file.stem().string(), {"latents"}));
  try {
    reading.read(file.stem().string(), {"latents"});
    ADD_FAILURE() << "was read";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(file.filename().string()), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find("download"), std::string::npos) << error.what();
  }
}

TEST(TrainLora, RefusesWhatItCannotUse) {
  TemporaryDirectory folder;
  auto options = lora_options(folder.path());
  options.output = folder.path() / "style.bin";
  expect_error(ErrorCode::kInvalidInput, {"--output", ".safetensors", "style.bin"}, [&] {
    train::train_lora(options, {});
  });
  options = lora_options(folder.path());
  options.data = folder.path() / "empty";
  fs::create_directories(options.data);
  expect_error(ErrorCode::kInvalidInput, {"empty", "no picture with a caption"}, [&] {
    train::train_lora(options, {});
  });
  options.prior_data = options.data;
  options.data = folder.path() / "data";
  expect_error(ErrorCode::kInvalidInput, {"empty", "no picture with a caption"}, [&] {
    train::train_lora(options, {});
  });
  options.prior_loss_weight = -1;
  expect_error(ErrorCode::kInvalidInput, {"--prior-loss-weight must not be negative"}, [&] {
    train::train_lora(options, {});
  });
  options.prior_loss_weight = 1;
  options.lr_scheduler = "linear";
  expect_error(ErrorCode::kInvalidInput, {"--lr-scheduler", "cosine", "linear"}, [&] {
    train::train_lora(options, {});
  });
  options.lr_scheduler = "cosine";
  options.input_dropout = 1.5;
  expect_error(ErrorCode::kInvalidInput, {"--input-dropout", "0 to 1", "1.5"}, [&] {
    train::train_lora(options, {});
  });
}

}  // namespace
}  // namespace glm_image::test
