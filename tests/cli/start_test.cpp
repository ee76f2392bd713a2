// The program answers at once where it computes nothing: --version, --help, and every argument that
// can be refused without LibTorch. What it computes is the engine's, which it starts.

#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "image/png_text.h"
#include "support/program.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

#if defined(__SANITIZE_ADDRESS__)
constexpr double kLimitSeconds = 1;
#else
constexpr double kLimitSeconds = 0.1;
#endif
/// Where starting a program takes long, as many times as long as /bin/true takes.
constexpr double kMostStarts = 10;

/// A command line, without the program's name, and what becomes of it.
struct Refusal {
  std::vector<std::string> arguments;
  std::string message;  ///< the beginning of the sentence on standard error
  int exit_code = 2;
};

class Start : public testing::Test {
 protected:
  Start() {
    write_file(path("text.png"), "This is not a picture.");
    write_file(path("half.json"), "[1, 2");
    // A launcher without an engine: what it answers needs no LibTorch. It finds shipped data in a
    // folder above it.
    fs::create_directory(path("bin"));
    fs::copy_file(glm_image_program(), launcher());
    fs::create_directory_symlink(project_dir() / "data", path("data"));
  }
  std::string launcher() const { return path("bin/glm-image"); }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  static ProgramResult run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), glm_image_program());
    return run_program(arguments);
  }
  /// Runs the launcher alone, until it is fast. The quickest of many runs does not depend on what
  /// else the machine does.
  ProgramResult run_fast(std::vector<std::string> arguments) const {
    constexpr int kMostRuns = 30;
    arguments.insert(arguments.begin(), launcher());
    double quickest = std::numeric_limits<double>::infinity(), start = 0;
    ProgramResult result;
    const auto most = [&] { return std::max(kLimitSeconds, kMostStarts * start); };
    for (int i = 0; i < kMostRuns && !(quickest < most()); ++i) {
      const Stopwatch starting;
      run_program({"/bin/true"});
      start = i == 0 ? starting.seconds() : std::min(start, starting.seconds());
      const Stopwatch running;
      result = run_program(arguments);
      quickest = std::min(quickest, running.seconds());
    }
    EXPECT_LT(quickest, most()) << testing::PrintToString(arguments);
    EXPECT_EQ(result.err.find("glm-image-engine"), std::string::npos) << result.err;
    return result;
  }
  void expect_refused_fast(const std::vector<Refusal>& refusals) const {
    for (const auto& refusal : refusals) {
      const auto result = run_fast(refusal.arguments);
      EXPECT_EQ(result.exit_code, refusal.exit_code) << testing::PrintToString(refusal.arguments);
      EXPECT_EQ(result.err.rfind("glm-image: " + refusal.message, 0), 0U)
          << "expected: " << refusal.message << "\nfound: " << result.err;
      EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
      EXPECT_EQ(result.out, "");
    }
  }
  /// A drawing command of the tiny model with these arguments added.
  std::vector<std::string> draw(const std::vector<std::string>& arguments,
                                const std::string& verb = "generate") const {
    std::vector<std::string> all = {
        verb, "--model", tiny_model_dir().string(), "-o", path("out.png")};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  /// The program may have been built without it.
  static bool has_command(const std::string& command) {
    return run({"--help"}).out.find("\n  " + command + " ") != std::string::npos;
  }

  const TemporaryDirectory folder_;
};

TEST_F(Start, VersionAndHelp) {
  EXPECT_EQ(run_fast({"--version"}).out.rfind("glm-image ", 0), 0U);
  EXPECT_NE(run_fast({"--help"}).out.find("generate"), std::string::npos);
  for (const char* command : {"generate",
                              "edit",
                              "batch",
                              "info",
                              "metadata",
                              "quantize",
                              "merge",
                              "self-test",
                              "serve",
                              "train",
                              "export",
                              "evaluate"}) {
    if (!has_command(command)) continue;
    const auto help = run_fast({command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_NE(help.out.find("--"), std::string::npos) << command;
  }
}

TEST_F(Start, DoesNotLoadLibTorch) {
  const auto loaded =
      run_program({"/bin/sh", "-c", "LD_TRACE_LOADED_OBJECTS=1 '" + glm_image_program() + "'"});
  EXPECT_NE(loaded.out.find("libc.so"), std::string::npos) << loaded.out << loaded.err;
  for (const char* library : {"libtorch", "libc10", "libglm_image"}) {
    EXPECT_EQ(loaded.out.find(library), std::string::npos) << loaded.out;
  }
}

TEST_F(Start, RefusesWrongCommands) {
  expect_refused_fast({{{}, "A subcommand is required"},
                       {{"paint"}, "'paint' is not a command"},
                       {{"generate", "--frobnicate"}, ""}});
}

TEST_F(Start, SaysWhatAClusterNeedsWhereItWasBuiltWithoutOne) {
  if (has_command("worker")) GTEST_SKIP() << "this program has clusters";
  const std::vector<std::string> together = {"--cluster", "127.0.0.1:4600", "--world", "2"};
  auto drawing = draw({"-p", "a pot"});
  drawing.insert(drawing.end(), together.begin(), together.end());
  expect_refused_fast(
      {{drawing, "--cluster needs Gloo and OpenSSL, which this program was built without"},
       {{"worker", "--join", "127.0.0.1:4600"}, "this program was built without the cluster"},
       {{"plan", "--world", "2"}, "this program was built without the cluster"}});
}

TEST_F(Start, RefusesValuesOfADrawing) {
  const auto with = [this](const std::string& option, const std::string& value) {
    return draw({"-p", "a pot", option, value});
  };
  expect_refused_fast(
      {{draw({}), "prompt is empty; say what to draw"},
       {draw({"-p", "caf\xe9"}), "prompt: "},
       {with("--text", std::string(20000, 'a')), "texts to spell are 1 with 20000 bytes"},
       {with("--size", "wide"), "--size must be WIDTHxHEIGHT, like 1024x768; found 'wide'\n"},
       {with("--size", "100x64"),
        "size must be WIDTHxHEIGHT, both multiples of 32 from 32 to 4096; found 100x64\n"},
       {with("--steps", "0"), "--steps: must be a whole number from 1 to 1000; found 0"},
       {with("--guidance", "0.5"), "guidance must be from 1 (none) to 100; found 0.5\n"},
       {with("--guidance", "nan"), "guidance must be from 1 (none) to 100; found nan\n"},
       {with("--guidance-interval", "0.6:0.2"),
        "guidance-interval must be two shares of the steps from 0 to 1, the smaller first; found "
        "0.6 and 0.2\n"},
       {with("--guidance-every", "0"),
        "--guidance-every: must be a whole number from 1 to 1000; found 0"},
       {with("--step-cache", "2"), "step-cache must be from 0 (off) to 1; found 2\n"},
       {with("--temperature", "0"), "temperature must be from 1e-06 to 100; found 0\n"},
       {with("--top-p", "1.5"), "top-p must be from 0 to 1; found 1.5\n"},
       {with("--count", "0"), "--count: must be a whole number from 1 to 1000; found 0"},
       {with("--seed", "-1"), "--seed: must be a whole number from 0"},
       {with("--speed", "warp"), "--speed: "}});
}

TEST_F(Start, RefusesFilesOfADrawing) {
  const auto with = [this](const std::string& option, const std::string& value) {
    return draw({"-p", "a pot", option, value});
  };
  write_file(path("tokens.json"),
             R"({"format": "glm-image composition 1",
                 "picture": {"height": 2, "width": 2, "tokens": [1, 2, 3, 4]}})");
  auto wide = with("--tokens", path("tokens.json"));
  wide.insert(wide.end(), {"--size", "96x64"});
  expect_refused_fast(
      {{draw({"--prompt-file", path("gone.txt")}),
        path("gone.txt") + " cannot be opened: No such file or directory\n"},
       {with("--tokens", path("gone.json")),
        path("gone.json") + " does not exist or cannot be reached\n"},
       {with("--tokens", path("half.json")), path("half.json") + ": "},
       {wide, "tokens are a composition of 64x64 pixels; the size asked for is 96x64\n"},
       {with("--like", path("text.png")), path("text.png") + ": is not a PNG, JPEG or WebP"},
       {with("--like", (tiny_dir() / "t2i_square.png").string()),
        (tiny_dir() / "t2i_square.png").string() + ": does not say how it was made"},
       {{"generate", "-p", "x", "-o", path("a.gif")},
        path("a.gif") + ": the name of a picture must end in "},
       {{"generate", "-p", "x", "-o", path("nowhere/a.png")}, path("nowhere/a.png")},
       {{"generate", "-p", "x", "-o", path("a.png"), "--model", "/nowhere"},
        "/nowhere: is not a folder with a GLM-Image checkpoint\n"},
       {draw({"-p", "x", "-i", path("gone.png")}, "edit"),
        path("gone.png") + ": cannot be opened: No such file or directory\n"},
       {draw({"-p", "x", "-i", path("text.png")}, "edit"),
        path("text.png") + ": is not a PNG, JPEG or WebP picture\n"},
       {draw({"-p", "x"}, "edit"), "--image"}});
  EXPECT_FALSE(fs::exists(path("out.png")));
}

TEST_F(Start, RefusesArgumentsOfOtherCommands) {
  const auto model = tiny_model_dir().string();
  const std::string no_model = "/nowhere: is not a folder with a GLM-Image checkpoint\n";
  expect_refused_fast(
      {{{"batch", path("gone.jsonl"), "-o", path("out"), "--model", model},
        path("gone.jsonl") + " cannot be opened: No such file or directory\n"},
       {{"batch", path("half.json")}, "--output"},
       {{"info", "--model", "/nowhere"}, no_model},
       {{"info", "--threads", "many"}, "--threads: must be a whole number from 0 to 4096"},
       {{"info", "--size", "12"}, "--size must be WIDTHxHEIGHT, like 1024x768; found '12'\n"},
       {{"info", "--model", model, "--max-memory", "5"},
        "--max-memory must be a number and a unit"},
       {{"metadata", path("gone.png")}, path("gone.png") + ": cannot be opened"},
       {{"merge", "--lora", path("gone"), "-o", path("out"), "--model", model},
        "--lora: " + path("gone") + " is neither a file or folder"},
       {{"quantize", "--model", model}, "either --output or --dry-run is required (see --help)\n"},
       {{"quantize", "--model", model, "--dry-run", "--rules", "x"}, "--rules"},
       {{"quantize", "--model", "/nowhere", "--dry-run"}, no_model},
       {{"self-test", "--reference", "/nowhere"}, "/nowhere/cases.json"}});
  if (has_command("serve")) {
    expect_refused_fast(
        {{{"serve", "--tls-cert", "x"}, "--tls-cert and --tls-key must be given together\n"},
         {{"serve", "--api-key-file", path("gone")}, path("gone")},
         {{"serve", "--api-key-file", ""}, ""},
         {{"serve", "--port", "99999"}, "--port: must be a whole number from 0 to 65535"},
         {{"serve", "--open", "--model", "/nowhere"}, no_model},
         {{"serve", "--model", "/nowhere"}, no_model}});
  }
  if (has_command("train")) {
    expect_refused_fast(
        {{{"train", "vae", "--config", path("gone.json")}, path("gone.json")},
         {{"train", "nothing", "--config", path("gone.json")}, "stage: "},
         {{"train", "vae"}, "--config is required"},
         {{"train",
           "lora",
           "--data",
           path("gone"),
           "-o",
           path("a.safetensors"),
           "--model",
           "/nowhere"},
          no_model},
         {{"train",
           "lora",
           "--data",
           model,
           "-o",
           path("a.safetensors"),
           "--model",
           model,
           "--lora",
           path("gone")},
          "--lora: " + path("gone") + " is neither a file or folder"},
         {{"export"}, "--"},
         {{"evaluate", "--data", path("gone")}, path("gone/suites/posters.json")},
         {{"evaluate", "--guidance", "0"}, "guidance must be from 1 (none) to 100; found 0\n"},
         {{"evaluate", "--model", "/nowhere"}, no_model}});
  }
}

// The launcher must leave what can be read only once to the engine.
TEST_F(Start, PromptsFromStreamsReachTheEngine) {
  const auto prompt_of = [this](const std::string& before, const std::string& file) {
    const auto shell = before + " '" + glm_image_program() + "' generate --model '" +
                       tiny_model_dir().string() + "' --prompt-file '" + file +
                       "' --size 64x64 --steps 1 -q -o '" + path("out.png") + "'";
    const auto result = run_program({"/bin/sh", "-c", shell});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    std::string prompt;
    for (const auto& [key, text] : image::read_png_text(path("out.png"))) {
      if (key == "glm-image") prompt = nlohmann::json::parse(text)["prompt"];
    }
    return prompt;
  };
  EXPECT_EQ(prompt_of("printf 'a green pot' |", "-"), "a green pot");
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(prompt_of("printf 'a blue pot' >'" + path("pipe") + "' & exec", path("pipe")),
            "a blue pot");
  write_file(path("prompt.txt"), "a red pot");
  EXPECT_EQ(prompt_of("exec <'" + path("prompt.txt") + "';", "-"), "a red pot");
}

TEST_F(Start, TheEngineGetsTheArgumentsAsTheyAre) {
  // Empty ones too, and the last.
  const auto result = run({"info", "--model", "", "--json", "--dtype", "float32", "--device", ""});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err.rfind("glm-image: '' is not a device", 0), 0U) << result.err;
}

TEST_F(Start, SaysThatTheEngineIsMissing) {
  const auto result = run_program({launcher(), "info", "--model", tiny_model_dir().string()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "glm-image: " + fs::canonical(folder_.path()).string() +
                "/libexec/glm_image/glm-image-engine cannot be started: No such file or directory; "
                "it is a part of glm-image, which must be installed again\n");
}

}  // namespace
}  // namespace glm_image::test
