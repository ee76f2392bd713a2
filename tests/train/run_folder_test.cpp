// Resuming from a damaged folder throws an Error that names the file and the field, and trains no
// step.

#include "train/run/run_folder.h"

#include <cmath>
#include <functional>
#include <limits>

#include "io/safetensors.h"
#include "train/line_stage.h"
#include "train/run/metrics_lines.h"
#include "train/weights/ema.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

/// The content of a checkpoint, for tests to modify and write.
struct Content {
  train::NamedTensors tensors;
  std::map<std::string, std::string> metadata;

  Tensor& tensor(const std::string& name) {
    for (auto& [other, tensor] : tensors) {
      if (other == name) return tensor;
    }
    throw std::runtime_error("no tensor " + name);
  }
};

class DamagedRun : public testing::Test {
 protected:
  DamagedRun() {
    run(folder_.path(), options_of(20), stop_after(7));
    checkpoint_ = read_file(checkpoint());
    metrics_ = read_file(metrics());
  }
  fs::path checkpoint() const { return folder_.path() / "checkpoint.safetensors"; }
  fs::path metrics() const { return folder_.path() / "metrics.jsonl"; }

  void write_changed(const std::function<void(Content&)>& change) const {
    Content content;
    {
      const auto file = io::SafetensorsFile::open(checkpoint());
      content.metadata = file->header().metadata;
      for (const auto& [name, entry] : file->header().tensors) {
        content.tensors.emplace_back(name, file->tensor(name).clone());
      }
    }
    change(content);
    io::write_safetensors(checkpoint(), content.tensors, content.metadata);
  }

  void expect_refused(const std::vector<std::string>& fragments) const {
    LineStage stage;
    const auto before = read_file(metrics());
    expect_error(
        ErrorCode::kCorruptFile, fragments, [&] { run(stage, folder_.path(), options_of(20)); });
    EXPECT_TRUE(stage.forward_steps.empty()) << "a damaged run was trained on";
    EXPECT_EQ(read_file(metrics()), before);
  }
  void expect_checkpoint_refused(const std::function<void(Content&)>& change,
                                 std::vector<std::string> fragments) const {
    write_changed(change);
    fragments.insert(fragments.begin(), checkpoint().string() + ":");
    expect_refused(fragments);
    write_file(checkpoint(), checkpoint_);
  }

  /// Returns true if the run continues and false if it throws an Error.
  bool is_taken_or_refused() const {
    LineStage stage;
    try {
      train::MixedPrecisionAdamW weights(stage.modules(), at::kFloat, at::kCPU, {});
      const train::ExponentialMovingAverage average(weights, /*decay=*/0);
      auto state = weights.state();
      for (const auto& item : average.state()) state.push_back(item);
      for (const auto& item : stage.state()) state.push_back(item);
      train::RunFolder run_folder(folder_.path());
      train::MetricsWindow window;
      const auto progress = run_folder.load_checkpoint("line", state, window);
      run_folder.continue_metrics(progress.next_step);
      return true;
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kCorruptFile ||
                  error.code() == ErrorCode::kUnsupported ||
                  error.code() == ErrorCode::kInvalidInput)
          << error.what();
      return false;
    }
  }

  TemporaryDirectory folder_;
  std::string checkpoint_, metrics_;
};

TEST_F(DamagedRun, InvalidSteps) {
  for (const char* step : {"-1",
                           "",
                           "seven",
                           "7x",
                           " 7",
                           "+7",
                           "7.0",
                           "1e3",
                           "0x7",
                           "nan",
                           "9223372036854775808",
                           "99999999999999999999999",
                           "1099511627777"}) {
    expect_checkpoint_refused([&](Content& content) { content.metadata["next_step"] = step; },
                              {"next_step must be a whole number from 0 to", step});
  }
  // Numbers that do not fit this run, which took seven steps.
  for (const char* step : {"0", "6", "8", "1000000"}) {
    expect_checkpoint_refused([&](Content& content) { content.metadata["next_step"] = step; }, {});
  }
  for (const char* skipped : {"-1", "x", "8", "1"}) {
    expect_checkpoint_refused([&](Content& content) { content.metadata["skipped"] = skipped; }, {});
  }
  for (const char* field : {"next_step", "identity", "metrics_begun"}) {
    expect_checkpoint_refused([&](Content& content) { content.metadata.erase(field); },
                              {"has no field '" + std::string(field) + "'"});
  }
  for (const int64_t steps : {-1, 8, 1 << 20}) {
    expect_checkpoint_refused(
        [&](Content& content) { content.tensor("optimizer.steps").fill_(steps); },
        {"optimizer.steps", "from 0 to 7", std::to_string(steps)});
  }
}

TEST_F(DamagedRun, ValuesThatAreNotFinite) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const char* name : {"master.line.weight",
                           "average.line.bias",
                           "first_moment.line.weight",
                           "second_moment.line.bias",
                           "stage.counted"}) {
    for (const double value : {std::nan(""), infinity, -infinity}) {
      expect_checkpoint_refused(
          [&](Content& content) { content.tensor(name).reshape({-1})[0] = value; },
          {std::string("'") + name + "'", "not finite"});
    }
  }
  expect_checkpoint_refused(
      [](Content& content) { content.tensor("second_moment.line.weight")[0][1] = -1e-3; },
      {"'second_moment.line.weight'", "below 0"});
}

TEST_F(DamagedRun, TensorsOfAnotherModel) {
  const std::string name = "first_moment.line.weight";
  expect_checkpoint_refused(
      [&](Content& content) { content.tensor(name) = content.tensor(name).t().contiguous(); },
      {"'" + name + "'", "[1, 3]", "[3, 1]"});
  for (const auto type : {at::kBFloat16, at::kDouble, at::kLong}) {
    expect_checkpoint_refused(
        [&](Content& content) { content.tensor(name) = content.tensor(name).to(type); },
        {"'" + name + "'", "must be Float", c10::toString(type)});
  }
  expect_checkpoint_refused([](Content& content) { content.tensors.pop_back(); },
                            {"has no tensor"});
  expect_checkpoint_refused(
      [](Content& content) { content.tensors.emplace_back("master.other", at::zeros({2})); },
      {"'master.other'", "belongs to no part of this run"});
}

TEST_F(DamagedRun, AMetricsWindow) {
  const auto begun = [&](const std::string& json) {
    return [json](Content& content) { content.metadata["metrics_begun"] = json; };
  };
  const std::string rest = R"(, "steps": 1, "skipped": 0, "seconds": 1})";
  for (const std::string sums : {R"([])",
                                 R"({"loss": 1})",
                                 R"({"loss": [1]})",
                                 R"({"loss": ["a", 1]})",
                                 R"({"loss": [1, -1]})",
                                 R"({"loss": [1, 1.5]})",
                                 R"({"loss": [null, 1]})",
                                 R"({"loss": [1, 1e300]})"}) {
    expect_checkpoint_refused(begun("{\"sums\": " + sums + rest), {"metrics_begun: sums"});
  }
  for (const char* json : {"",
                           "{",
                           "7",
                           "null",
                           "[]",
                           "{}",
                           R"({"sums": {}, "steps": -1, "skipped": 0, "seconds": 1})",
                           R"({"sums": {}, "steps": 8, "skipped": 0, "seconds": 1})",
                           R"({"sums": {}, "steps": 5, "skipped": 3, "seconds": 1})",
                           R"({"sums": {}, "steps": 1.5, "skipped": 0, "seconds": 1})",
                           R"({"sums": {}, "steps": "1", "skipped": 0, "seconds": 1})",
                           R"({"sums": {}, "steps": 1, "skipped": 0, "seconds": -1})",
                           R"({"sums": {}, "steps": 1, "skipped": 0, "seconds": 1e999})"}) {
    expect_checkpoint_refused(begun(json), {"metrics_begun"});
  }
}

TEST_F(DamagedRun, TruncatedFiles) {
  for (size_t length = 0; length < checkpoint_.size(); length += length < 64 ? 1 : 37) {
    write_file(checkpoint(), checkpoint_.substr(0, length));
    EXPECT_FALSE(is_taken_or_refused()) << length;
  }
  write_file(checkpoint(), checkpoint_ + "x");
  EXPECT_FALSE(is_taken_or_refused());
}

TEST_F(DamagedRun, SaysWhatToDoAboutATruncatedCheckpoint) {
  for (const std::size_t length : {std::size_t{0}, checkpoint_.size() / 2}) {
    write_file(checkpoint(), checkpoint_.substr(0, length));
    LineStage stage;
    try {
      run(stage, folder_.path(), options_of(20));
      FAIL() << "the run continued";
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find("remove it to start the run again"), std::string::npos) << message;
      EXPECT_EQ(message.find("download"), std::string::npos) << message;
    }
  }
}

TEST_F(DamagedRun, AnyChangedByte) {
  const auto flipped = [](std::string bytes, size_t i) {
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << i % 8));
    return bytes;
  };
  for (size_t i = 0; i < checkpoint_.size(); ++i) {
    write_file(checkpoint(), flipped(checkpoint_, i));
    EXPECT_NO_THROW(is_taken_or_refused()) << i;
  }
  write_file(checkpoint(), checkpoint_);
  for (size_t i = 0; i < metrics_.size(); ++i) {
    write_file(metrics(), flipped(metrics_, i));
    EXPECT_NO_THROW(is_taken_or_refused()) << i;
  }
}

TEST_F(DamagedRun, ACheckpointOrMetricsThatAreNotFiles) {
  fs::remove(checkpoint());
  fs::create_directory(checkpoint());
  EXPECT_FALSE(is_taken_or_refused());
  fs::remove(checkpoint());
  // A link to a missing disk: the run must not restart.
  fs::create_symlink(folder_.path() / "absent", checkpoint());
  LineStage stage;
  EXPECT_THROW(run(stage, folder_.path(), options_of(20)), Error);
  EXPECT_TRUE(stage.forward_steps.empty());
  fs::remove(checkpoint());
  write_file(checkpoint(), checkpoint_);
  fs::remove(metrics());
  fs::create_symlink("metrics.jsonl", metrics());
  EXPECT_THROW(run(stage, folder_.path(), options_of(20)), Error);
  EXPECT_TRUE(stage.forward_steps.empty());
}

TEST_F(DamagedRun, LinesOfMetrics) {
  const struct {
    const char* line;
    std::vector<std::string> message;
  } faults[] = {
      {R"({"step": -5, "loss": 1})", {"step must be an integer from 3", "-5"}},
      {R"({"step": 99999999999999999999, "loss": 1})", {"step"}},
      {R"({"step": 2000000000000, "loss": 1})", {"step", "2000000000000"}},
      {R"({"step": 1e300, "loss": 1})", {"step"}},
      {R"({"step": "3", "loss": 1})", {"step", "\"3\""}},
      {R"({"step": null, "loss": 1})", {"step", "nothing"}},
      {R"({"step": 3.5, "loss": 1})", {"step", "3.5"}},
      {R"({"step": 2, "loss": 1})", {"step", "from 3", "2"}},
      {R"({"loss": 1})", {"step"}},
      {R"({"step": 3, "loss": "low"})", {"loss must be a number", "not finite", "low"}},
      {R"({"step": 3, "loss": [1]})", {"loss"}},
      {R"({"step": 3, "loss": true})", {"loss"}},
      {R"({"step": 3, "loss": 1e999})", {"not valid JSON"}},
      {R"({"step": 3, "lo)", {"not valid JSON"}},
      {R"([3])", {"JSON object"}},
      {"3", {"JSON object"}},
      {"\xFF\xFE", {"not valid JSON"}},
      {"", {"not valid JSON"}},
  };
  std::vector<std::string> lines;
  std::istringstream stream(metrics_);
  for (std::string line; std::getline(stream, line);) lines.push_back(line + "\n");
  ASSERT_EQ(lines.size(), 7U);
  for (const auto& fault : faults) {
    SCOPED_TRACE(fault.line);
    auto damaged = lines;
    damaged[3] = std::string(fault.line) + "\n";
    std::string text;
    for (const auto& line : damaged) text += line;
    write_file(metrics(), text);
    auto message = fault.message;
    message.insert(message.begin(), metrics().string() + ", line 4");
    expect_refused(message);
  }
}

TEST_F(DamagedRun, AnIncompleteLastLineIsAccepted) {
  for (const std::string& end : {std::string("{\"step\":7,\"lo"),
                                 std::string("{"),
                                 std::string(200, '\0'),
                                 std::string("{\"step\":7}")}) {
    write_file(metrics(), metrics_ + end);
    EXPECT_TRUE(is_taken_or_refused());
    EXPECT_EQ(read_file(metrics()), metrics_);
  }
}

TEST(MetricsLines, KeepValuesThatWereNotFinite) {
  train::Metrics metrics{4, {{"loss", std::nan("")}, {"psnr", 20.5}}};
  const auto line = train::to_line(metrics);
  EXPECT_EQ(line, "{\"step\":4,\"loss\":\"not finite\",\"psnr\":20.5}\n");
  const auto read = train::read_metrics_lines(line + R"({"step":5,"loss":null})", "metrics");
  ASSERT_EQ(read.size(), 2U);
  EXPECT_TRUE(std::isnan(read[0].metrics.values.at("loss")));
  EXPECT_EQ(read[0].metrics.values.at("psnr"), 20.5);
  EXPECT_TRUE(std::isnan(read[1].metrics.values.at("loss")));
}

TEST(MetricsWindow, MeansAreOfFiniteValues) {
  const double infinity = std::numeric_limits<double>::infinity();
  train::MetricsWindow window;
  window.add({{"loss", 1}, {"psnr", infinity}, {"few", std::nan("")}});
  window.skip({{"loss", 4}}, {"gradient_norm"});
  window.add({{"loss", 4}, {"psnr", infinity}, {"huge", 1e308}});
  window.add({{"huge", 1e308}});
  const auto read = [](const train::MetricsWindow& written) {
    return train::MetricsWindow::from_json(
        io::JsonFields(io::Json::parse(written.to_json().dump()), "window"), 100);
  };
  auto again = read(window);
  EXPECT_EQ(again.steps(), 4);
  for (auto* taken : {&window, &again}) {
    const auto means = taken->take();
    EXPECT_EQ(means.at("loss"), 3);
    EXPECT_EQ(means.at("skipped"), 1);
    EXPECT_EQ(means.at("huge"), 1e308);
    EXPECT_TRUE(std::isnan(means.at("psnr")));
    EXPECT_TRUE(std::isnan(means.at("gradient_norm")));
    EXPECT_EQ(means.count("few"), 0U);
    EXPECT_EQ(taken->steps(), 0);
  }
}

}  // namespace
}  // namespace glm_image::test
