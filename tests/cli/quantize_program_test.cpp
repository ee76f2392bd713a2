// `glm-image quantize` as a user runs it.

#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "io/weight_set.h"
#include "support/packed_copy.h"
#include "support/program.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

class QuantizeProgram : public testing::Test {
 protected:
  std::string output() const { return (folder_.path() / "copy").string(); }
  size_t entries() const {
    return std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator());
  }
  static std::vector<std::string> command(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {
        glm_image_program(), "quantize", "--model", tiny_model_dir().string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  void expect_draws(const std::string& model) const {
    const auto picture = (folder_.path() / "p.png").string();
    const auto drawn = run_program({glm_image_program(),
                                    "generate",
                                    "--model",
                                    model,
                                    "-p",
                                    "a \"pot\"",
                                    "--size",
                                    "64x64",
                                    "--steps",
                                    "1",
                                    "-q",
                                    "-o",
                                    picture});
    EXPECT_EQ(drawn.exit_code, 0) << drawn.err;
    EXPECT_TRUE(fs::remove(picture));
  }
  const TemporaryDirectory folder_;
};

TEST_F(QuantizeProgram, ADryRunPrintsSizesAndWritesNothing) {
  const auto result = run_program(command({"--weights", "q4", "--dry-run"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* shown : {"transformer", "vision_language_encoder", "before", "after"}) {
    EXPECT_NE(result.out.find(shown), std::string::npos) << result.out;
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(QuantizeProgram, WritesAModelThatDraws) {
  const auto result = run_program(
      command({"--weights", "q4", "--rules", "transformer\\.=q8,lm_head=q8", "-o", output()}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find(output()), std::string::npos);
  expect_draws(output());
  EXPECT_EQ(entries(), 1U);
}

/// A copy by another program is read, with a warning that values are rounded twice.
TEST_F(QuantizeProgram, ReadsCopiesOfOtherPrograms) {
  const auto source = (folder_.path() / "sdnq").string();
  write_packed_copy(tiny_model_dir(), "sdnq", source);
  for (const bool is_dry : {true, false}) {
    std::vector<std::string> command = {
        glm_image_program(), "quantize", "--model", source, "--weights", "q4"};
    const auto more =
        is_dry ? std::vector<std::string>{"--dry-run"} : std::vector<std::string>{"-o", output()};
    command.insert(command.end(), more.begin(), more.end());
    const auto result = run_program(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    for (const char* const text :
         {"warning: ", "transformer: ", "sdnq, 4 bits, groups of ", "rounded a second time"}) {
      EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
    }
  }
  expect_draws(output());
}

/// A run that is stopped or killed leaves either no copy or a complete one. Its remains do not
/// disturb the next run.
TEST_F(QuantizeProgram, LeavesAWholeCopyOrNothingWhenKilled) {
  for (const int signal : {SIGINT, SIGKILL}) {
    for (const double seconds : {0.05, 0.15, 0.25, 0.35}) {
      interrupt_program(command({"--quiet", "-o", output()}), signal, seconds);
      if (fs::exists(output())) expect_draws(output());
      fs::remove_all(output());
    }
  }
  const auto result = run_program(command({"--quiet", "-o", output()}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(entries(), 1U);
  expect_draws(output());
}

/// The toy model with `outputs` tokens: the weights of its head take 512 bytes for each, those of
/// its embedding 256. Both are holes of the file, which read as zeros.
void write_with_large_head(const fs::path& model, int64_t outputs) {
  fs::copy(tiny_model_dir(), model, fs::copy_options::recursive);
  const auto folder = model / "vision_language_encoder";
  auto config = nlohmann::json::parse(read_file(folder / "config.json"));
  auto& text = config.at("text_config");
  const int64_t hidden = text.at("hidden_size");
  text["vocab_size"] = text["vision_vocab_size"] = outputs;
  write_file(folder / "config.json", config.dump());

  auto header = nlohmann::json::object();
  std::string bytes;
  fs::path path;
  uint64_t end = 0;
  {
    const auto weights = io::WeightSet::open(folder);
    const std::map<std::string, std::pair<std::string, int64_t>> kTables = {
        {"lm_head.weight", {"F32", 4}}, {"model.language_model.embed_tokens.weight", {"BF16", 2}}};
    const auto add = [&](const std::string& name,
                         const std::string& type,
                         const std::vector<int64_t>& shape,
                         uint64_t size) {
      header[name] = {{"dtype", type}, {"shape", shape}, {"data_offsets", {end, end + size}}};
      end += size;
    };
    for (const auto& [name, location] : weights.tensors()) {
      const auto& entry = *location.entry;
      path = location.file->file().path();
      if (kTables.count(name) != 0) continue;
      const auto stored =
          location.file->file().bytes().substr(entry.begin, entry.end - entry.begin);
      add(name, std::string(io::element_type_name(entry.type)), entry.shape, stored.size());
      bytes += stored;
    }
    for (const auto& [name, type] : kTables) {
      ASSERT_NE(weights.find(name), nullptr) << name;
      add(name, type.first, {outputs, hidden}, outputs * hidden * type.second);
    }
  }
  auto json = header.dump();
  json.append((8 - json.size() % 8) % 8, ' ');  // tensors that are not aligned are copied
  std::string length(8, '\0');
  for (int i = 0; i < 8; ++i) length[i] = static_cast<char>(json.size() >> (8 * i));
  fs::remove(path);
  write_file(path, length + json + bytes);
  fs::resize_file(path, 8 + json.size() + end);
}

/// The memory does not grow with the tensors of the model: one of 614 MB is quantised, one of 307
/// MB is copied.
TEST_F(QuantizeProgram, NeedsLittleMemoryForALargeTensor) {
  const auto peak = [&](int64_t outputs) {
    const TemporaryDirectory folder;
    const auto model = (folder.path() / "model").string(), copy = (folder.path() / "copy").string();
    write_with_large_head(model, outputs);
    const auto result = run_program({glm_image_program(),
                                     "quantize",
                                     "--model",
                                     model,
                                     "--rules",
                                     "lm_head=q4",
                                     "--quiet",
                                     "-o",
                                     copy});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(fs::exists(copy));
    return result.peak_bytes;
  };
  const int64_t small = peak(784), large = peak(1'200'000);
  EXPECT_GT(small, int64_t{10} << 20);
  EXPECT_LT(large, small + (int64_t{200} << 20));
  EXPECT_LT(large, 1'000'000'000);
}

TEST_F(QuantizeProgram, RefusesInOneSentence) {
  fs::create_directory(output());
  for (const auto& [arguments, fragment] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"-o", output()}, "already exists"},
           {{}, "--dry-run"},
           {{"--dry-run", "--rules", "to_z=q8"}, "to_z"},
           {{"--dry-run", "--weights", "q5"}, "q5"},
           {{"--dry-run", "-o", output()}, "--dry-run"}}) {
    const auto result = run_program(command(arguments));
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_NE(result.err.find(fragment), std::string::npos) << result.err;
  }
}

}  // namespace
}  // namespace glm_image::test
