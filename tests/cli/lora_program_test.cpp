// `--lora` and `glm-image merge` as a user runs them.

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "image/codec.h"
#include "image/png_text.h"
#include "support/adapter_files.h"
#include "support/program.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

class LoraProgram : public testing::Test {
 protected:
  LoraProgram() {
    at::manual_seed(3);
    fs::create_directory(path("loras"));
    write_adapter(
        path("loras"),
        "style",
        {random_update("transformer", "transformer_blocks.0.attn1.to_v", 64, 64, 4, /*scale=*/2)},
        Spelling::kDiffusers);
  }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string style() const { return path("loras/style.safetensors"); }

  ProgramResult run(const std::vector<std::string>& arguments,
                    const std::string& verb = "generate",
                    const std::string& model = tiny_model_dir().string()) const {
    std::vector<std::string> all = {glm_image_program(), verb, "--model", model};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_program(all);
  }

  /// The pixels of a small picture of a fixed seed.
  std::vector<uint8_t> draw(std::vector<std::string> arguments,
                            const std::string& name,
                            const std::string& model = tiny_model_dir().string()) const {
    for (const char* argument :
         {"-p", "a pot", "--size", "64x64", "--steps", "2", "--seed", "5", "-q", "-o"}) {
      arguments.emplace_back(argument);
    }
    arguments.push_back(path(name));
    const auto result = run(arguments, "generate", model);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return image::read_image(path(name)).pixels;
  }

  std::vector<uint8_t> draw_like(std::vector<std::string> arguments) const {
    for (const char* argument : {"--like", "-q", "-o"}) arguments.emplace_back(argument);
    arguments.insert(arguments.end() - 2, path("a.png"));
    arguments.push_back(path("again.png"));
    const auto result = run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return image::read_image(path("again.png")).pixels;
  }

  void expect_refused(const std::vector<std::string>& arguments,
                      const std::string& fragment) const {
    auto all = arguments;
    if (std::find(all.begin(), all.end(), "--like") == all.end()) {
      all.insert(all.end(), {"-p", "a pot"});
    }
    all.insert(all.end(), {"-o", path("refused.png")});
    const auto result = run(all);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_NE(result.err.find(fragment), std::string::npos) << result.err;
  }

  const TemporaryDirectory folder_;
};

TEST_F(LoraProgram, AppliesAnAdapterWithItsScale) {
  const auto base = draw({}, "base.png"), full = draw({"--lora", style()}, "full.png"),
             half = draw({"--lora", style() + ":0.5"}, "half.png");
  EXPECT_NE(base, full);
  EXPECT_NE(base, half);
  EXPECT_NE(half, full);
  EXPECT_EQ(draw({"--lora", style() + ":0"}, "none.png"), base);
  EXPECT_EQ(draw({"--lora-dir", path("loras"), "--lora", "style:1"}, "named.png"), full);
  // A file whose name ends like a scale.
  fs::copy(style(), path("style:3"));
  EXPECT_EQ(draw({"--lora", path("style:3")}, "colon.png"), full);
}

TEST_F(LoraProgram, APictureIsDrawnAgainWithItsAdapters) {
  const auto drawn = draw({"--lora", style() + ":0.5"}, "a.png");
  nlohmann::json recipe;
  for (const auto& [key, text] : image::read_png_text(path("a.png"))) {
    if (key == "glm-image") recipe = nlohmann::json::parse(text);
  }
  EXPECT_EQ(recipe.at("adapters"), nlohmann::json::parse(R"([{"name": "style", "scale": 0.5}])"));
  EXPECT_EQ(draw_like({"--lora-dir", path("loras")}), drawn);
  EXPECT_EQ(draw_like({"--lora", style()}), draw({"--lora", style()}, "full.png"));
  expect_refused({"--like", path("a.png")}, "'style'");
  expect_refused({"--like", path("a.png"), "--lora-dir", folder_.path().string()}, "'style'");
  // Beside the picture.
  fs::copy(style(), path("style.safetensors"));
  EXPECT_EQ(draw_like({}), drawn);
}

TEST_F(LoraProgram, ReportsWhatItApplied) {
  const auto result = run({"-p",
                           "a pot",
                           "--size",
                           "64x64",
                           "--steps",
                           "1",
                           "--json",
                           "--lora",
                           style() + ":-1.5",
                           "-o",
                           path("a.png")});
  EXPECT_EQ(nlohmann::json::parse(result.out).at("loras"),
            nlohmann::json::parse(R"([{"name": "style", "scale": -1.5}])"))
      << result.err;
}

TEST_F(LoraProgram, RefusesInOneSentence) {
  expect_refused({"--lora", path("nowhere.safetensors")}, "nowhere");
  expect_refused({"--lora", style() + ":strong"}, "'strong'");
  expect_refused({"--lora", style() + ":11"}, "11");
  expect_refused({"--lora", ""}, "--lora");
  expect_refused({"--lora", "style"}, "style");
  expect_refused({"--lora", style(), "--lora", style() + ":0.5"}, "same name");
  expect_refused({"--lora", (tiny_model_dir() / "model_index.json").string()}, "model_index.json");
  EXPECT_FALSE(fs::exists(path("refused.png")));
}

TEST_F(LoraProgram, MergesIntoAModelThatDrawsTheSame) {
  const auto merged = run({"--lora", style() + ":0.5", "-o", path("merged")}, "merge");
  EXPECT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_EQ(merged.out, path("merged") + "\n");
  const auto unmerged = draw({"--lora", style() + ":0.5"}, "unmerged.png");
  const auto found = draw({}, "merged.png", path("merged"));
  ASSERT_EQ(found.size(), unmerged.size());
  // Both round, in another order: a value on the edge of two integers may go either way.
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], unmerged[i], 1);
  const auto again = run({"--lora", style(), "-o", path("merged")}, "merge");
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.err.find("already exists"), std::string::npos) << again.err;
  EXPECT_EQ(run({"-o", path("other")}, "merge").exit_code, 2);
}

TEST_F(LoraProgram, LinesOfABatchNameTheirAdapters) {
  const auto batch = [&](std::vector<std::string> arguments, const std::string& lines) {
    write_file(path("b.jsonl"), lines);
    arguments.insert(arguments.end(), {path("b.jsonl"), "-o", path("out"), "-q"});
    return run(arguments, "batch");
  };
  const std::string base =
      R"({"prompt": "a pot", "size": "64x64", "steps": 2, "seed": 5, "name": )";
  const auto lines = base + R"("plain"})" + "\n" + base +
                     R"("half", "loras": [{"name": "style", "scale": 0.5}]})" + "\n" + base +
                     R"("none", "loras": []})" + "\n";
  const auto drawn = [&] {
    std::map<std::string, std::vector<uint8_t>> pixels;
    for (const auto& entry : fs::directory_iterator(path("out"))) {
      const auto name = entry.path().filename().string();
      if (entry.path().extension() != ".png") continue;
      pixels[name.substr(0, name.find('-'))] = image::read_image(entry.path()).pixels;
    }
    return pixels;
  };
  auto result = batch({"--lora-dir", path("loras")}, lines);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto plain = draw({}, "plain.png"), half = draw({"--lora", style() + ":0.5"}, "half.png"),
             full = draw({"--lora", style()}, "full.png");
  auto pixels = drawn();
  EXPECT_EQ(pixels["plain"], plain);
  EXPECT_EQ(pixels["half"], half);
  EXPECT_EQ(pixels["none"], plain);

  // With --lora, lines without the field are other pictures. The others are done.
  result = batch({"--lora", style()}, lines);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1) << result.out;
  const auto file = result.out.substr(0, result.out.find('\n'));
  EXPECT_EQ(image::read_image(file).pixels, full);

  // An adapter that changed makes its line another picture.
  at::manual_seed(4);
  write_adapter(path("loras"),
                "style",
                {random_update("transformer", "transformer_blocks.0.attn1.to_v", 64, 64, 4, 2)},
                Spelling::kDiffusers);
  result = batch({"--lora-dir", path("loras")}, lines);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1) << result.out;
  EXPECT_NE(result.out.find("half-"), std::string::npos) << result.out;

  for (const auto& [line, fragment] : std::map<std::string, std::string>{
           {base + R"("x", "loras": [{"name": "ink"}]})", ":1: loras: 'ink' is neither in"},
           {base + R"("x", "loras": [{"name": "../loras/style"}]})", "is neither in the folder"},
           {base + R"("x", "loras": "style"})", "loras must be a list of"},
           {base + R"("x", "loras": [], "adapters": []})", "absent beside adapters"},
           {base + R"("x", "loras": [{"name": "style"}, {"name": "style"}]})", "named twice"},
           {base + R"("x", "loras": [{"name": "style", "scale": 11}]})", "from -10 to 10"}}) {
    result = batch({"--lora-dir", path("loras")}, line);
    EXPECT_EQ(result.exit_code, 2) << line;
    EXPECT_NE(result.err.find(fragment), std::string::npos) << result.err;
  }
}

TEST_F(LoraProgram, AMergeSaysHowManyWeightsChanged) {
  const auto changed = run({"--lora", style() + ":0.5", "-o", path("changed")}, "merge");
  EXPECT_EQ(changed.exit_code, 0) << changed.err;
  EXPECT_NE(changed.err.find("weights changed: 1"), std::string::npos) << changed.err;
  EXPECT_EQ(changed.err.find("warning"), std::string::npos) << changed.err;
  const auto same = run({"--lora", style() + ":0", "-o", path("same")}, "merge");
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_NE(same.err.find("weights changed: 0"), std::string::npos) << same.err;
  EXPECT_NE(same.err.find("did not change: 1; the scale is 0"), std::string::npos) << same.err;
}

}  // namespace
}  // namespace glm_image::test
