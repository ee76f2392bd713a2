// The program without errors, from a user's point of view.

#include <csignal>
#include <nlohmann/json.hpp>

#include "cli/program_fixture.h"
#include "image/codec.h"
#include "image/png_text.h"
#include "image/resize.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

TEST_F(Program, WritesTheFormatThatTheNameAsksFor) {
  for (const auto& [name, magic] :
       std::vector<std::pair<std::string, std::string>>{{"a.png", "\x89PNG"},
                                                        {"a.jpg", "\xff\xd8\xff"},
                                                        {"a.JPEG", "\xff\xd8\xff"},
                                                        {"a.webp", "RIFF"}}) {
    draw({"-p", "a pot", "--size", "64x96", "--steps", "1", "-o", path(name)});
    EXPECT_EQ(read_file(path(name)).substr(0, magic.size()), magic);
    const auto picture = image::read_image(path(name));
    EXPECT_EQ(picture.width, 64);
    EXPECT_EQ(picture.height, 96);
  }
}

TEST_F(Program, CountMakesNumberedPicturesEachOfItsOwnSeed) {
  const auto result = draw({"-p",
                            "a pot",
                            "--size",
                            "64x64",
                            "--steps",
                            "1",
                            "--seed",
                            "7",
                            "--count",
                            "3",
                            "--save-tokens",
                            path("t.json"),
                            "-o",
                            path("p.png")});
  EXPECT_EQ(result.out, path("p-1.png") + "\n" + path("p-2.png") + "\n" + path("p-3.png") + "\n");
  EXPECT_NE(read_file(path("t-1.json")), read_file(path("t-2.json")));
  // Picture i of several equals the picture that its seed gives alone.
  draw({"-p", "a pot", "--size", "64x64", "--steps", "1", "--seed", "9", "-o", path("alone.png")});
  EXPECT_EQ(image::read_image(path("alone.png")).pixels, image::read_image(path("p-3.png")).pixels);
}

TEST_F(Program, TokensSaveACompositionForAnotherPicture) {
  draw({"-p",
        "a pot",
        "--size",
        "64x64",
        "--steps",
        "2",
        "--seed",
        "7",
        "--save-tokens",
        path("t.json"),
        "-o",
        path("first.png")});
  draw({"-p",
        "a pot",
        "--tokens",
        path("t.json"),
        "--steps",
        "2",
        "--seed",
        "7",
        "-o",
        path("same.png")});
  draw({"-p",
        "a pot",
        "--tokens",
        path("t.json"),
        "--steps",
        "2",
        "--seed",
        "8",
        "-o",
        path("other.png"),
        "--json"});
  const auto first = image::read_image(path("first.png"));
  EXPECT_EQ(first.pixels, image::read_image(path("same.png")).pixels);
  EXPECT_NE(first.pixels, image::read_image(path("other.png")).pixels);
}

TEST_F(Program, APictureContainsItsParameters) {
  draw({"-p",
        "Affiche : « Wend na kõ-d beoogo »",
        "--text",
        "Faso",
        "--size",
        "96x64",
        "--steps",
        "2",
        "--guidance",
        "2",
        "--seed",
        "12345678901234567890",
        "--temperature",
        "0.8",
        "-o",
        path("a.png")});
  draw({"--like", path("a.png"), "-o", path("b.png")});
  EXPECT_EQ(read_file(path("a.png")), read_file(path("b.png")));
  draw({"--like", path("a.png"), "--steps", "1", "-o", path("c.png")});
  EXPECT_NE(image::read_image(path("a.png")).pixels, image::read_image(path("c.png")).pixels);

  // A picture painted from a saved composition contains it.
  draw({"-p",
        "a pot",
        "--size",
        "64x64",
        "--steps",
        "1",
        "--seed",
        "1",
        "--save-tokens",
        path("t.json"),
        "-o",
        path("d.png")});
  draw({"-p",
        "a pot",
        "--tokens",
        path("t.json"),
        "--steps",
        "1",
        "--seed",
        "2",
        "-o",
        path("e.png")});
  draw({"--like", path("e.png"), "-o", path("f.png")});
  EXPECT_EQ(image::read_image(path("e.png")).pixels, image::read_image(path("f.png")).pixels);
}

TEST_F(Program, PicturesCarryTheParametersForBrowsersToo) {
  draw({"-p", "a pot", "--size", "64x64", "--steps", "1", "--seed", "5", "-o", path("a.png")});
  std::string parameters;
  for (const auto& [key, text] : image::read_png_text(path("a.png"))) {
    if (key == "parameters") parameters = text;
  }
  EXPECT_EQ(parameters.rfind("a pot\nSteps: 1,", 0), 0U) << parameters;
  EXPECT_NE(parameters.find("Seed: 5"), std::string::npos);
  EXPECT_NE(parameters.find("Size: 64x64"), std::string::npos);
}

TEST_F(Program, JsonReportsTheResult) {
  const auto result = draw({"-p",
                            "Affiche « Saaba »",
                            "--size",
                            "64x64",
                            "--steps",
                            "1",
                            "--seed",
                            "5",
                            "-o",
                            path("a.png"),
                            "--json"});
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["pictures"][0]["file"], path("a.png"));
  EXPECT_EQ(json["pictures"][0]["seed"], 5);
  EXPECT_EQ(json["spelled_texts"], nlohmann::json({"Saaba"}));
  std::vector<std::string> stages;
  for (const auto& stage : json["stages"]) {
    stages.push_back(stage["stage"]);
    EXPECT_GT(stage["peak_memory_bytes"].get<int64_t>(), int64_t{10} << 20);
  }
  EXPECT_EQ(stages,
            (std::vector<std::string>{
                "reading weights", "image tokens", "spelling", "denoising", "decoding"}));
}

TEST_F(Program, WarnsWhereAnotherModelDrewThePicture) {
  const TemporaryDirectory other;
  link_tiny_model(other.path(), R"({"sizes": ["64x64"], "steps": 1})");
  const auto name = other.path().filename().string();
  draw({"-p",
        "a pot",
        "--size",
        "64x64",
        "--steps",
        "1",
        "-q",
        "-o",
        path("a.png"),
        "--save-tokens",
        path("a.json")});
  const auto warning = "warning: the parameters are those of a picture by the model 'model'; '" +
                       name + "' draws another picture from them\n";
  for (const char* option : {"--like", "--tokens"}) {
    const auto source = path(option == std::string("--like") ? "a.png" : "a.json");
    std::vector<std::string> command = {glm_image_program(),
                                        "generate",
                                        "--model",
                                        other.path().string(),
                                        option,
                                        source,
                                        "-o",
                                        path("b.png")};
    const auto result = run_program(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err, warning) << option;
    EXPECT_EQ(draw({option, source, "-q", "-o", path("c.png")}).err, "");
  }
}

// A server draws a size that is not a multiple of 32 slightly larger and resizes it.
TEST_F(Program, APictureThatAServerResizedIsMadeAgainInItsSize) {
  draw({"-p", "a pot", "--size", "128x64", "--steps", "1", "--seed", "5", "-o", path("drawn.png")});
  const auto drawn = image::read_image(path("drawn.png"));
  auto texts = image::read_png_text(path("drawn.png"));
  for (auto& [key, text] : texts) {
    if (key != "glm-image") continue;
    auto recipe = nlohmann::json::parse(text);
    recipe["file_width"] = 100;
    recipe["file_height"] = 60;
    text = recipe.dump();
  }
  const auto resized = image::resize_lanczos(drawn, 100, 60);
  write_file(path("server.png"), image::encode_png(resized, texts));
  const auto result =
      draw({"--like", path("server.png"), "-o", path("again.png"), "--json", "--quiet"});
  const auto again = image::read_image(path("again.png"));
  EXPECT_EQ(again.width, 100);
  EXPECT_EQ(again.height, 60);
  EXPECT_EQ(again.pixels, resized.pixels);
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["pictures"][0]["width"], 100);
  EXPECT_EQ(json["pictures"][0]["height"], 60);
  draw({"--like", path("again.png"), "-o", path("once_more.png")});
  EXPECT_EQ(read_file(path("once_more.png")), read_file(path("again.png")));
  draw({"--like", path("again.png"), "--size", "64x64", "-o", path("small.png")});
  EXPECT_EQ(image::read_image(path("small.png")).width, 64);
}

TEST_F(Program, TheDefaultNameOverwritesNothing) {
  const auto run = [&](const std::string& more) {
    std::string shell = "cd '" + folder_.path().string() + "' && '" + glm_image_program() +
                        "' generate --model '" + fs::absolute(tiny_model_dir()).string() +
                        "' -p 'a pot' --size 64x64 --steps 1 " + more;
    auto result = run_program({"/bin/sh", "-c", shell});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result;
  };
  EXPECT_EQ(run("-q").out, "picture.png\n");
  const auto first = read_file(path("picture.png"));
  const auto second = run("");
  EXPECT_EQ(second.out, "picture-2.png\n");
  EXPECT_EQ(second.err.rfind("picture.png exists: writing picture-2.png\n", 0), 0U) << second.err;
  EXPECT_EQ(run("-q").out, "picture-3.png\n");
  EXPECT_EQ(read_file(path("picture.png")), first);
  EXPECT_EQ(run("-q --count 2").out, "picture-4.png\npicture-5.png\n");
  EXPECT_EQ(run("-q --draft").out, "picture-6.png\npicture-6-1.json\n");
  // A name that was asked for is written.
  EXPECT_EQ(run("-q -o picture.png").out, "picture.png\n");
  EXPECT_NE(read_file(path("picture.png")), first);
  EXPECT_EQ(files(), 7U);
}

TEST_F(Program, WritesThroughLinks) {
  fs::create_directory(path("store"));
  fs::create_symlink("store/picture.png", path("link.png"));
  fs::create_symlink("store/tokens.json", path("link.json"));
  for (int round = 0; round < 2; ++round) {
    draw({"-p",
          "a pot",
          "--size",
          "64x64",
          "--steps",
          "1",
          "-o",
          path("link.png"),
          "--save-tokens",
          path("link.json")});
    EXPECT_TRUE(fs::is_symlink(path("link.png")));
    EXPECT_TRUE(fs::is_symlink(path("link.json")));
    EXPECT_EQ(image::read_image(path("store/picture.png")).width, 64);
    EXPECT_TRUE(fs::is_regular_file(path("store/tokens.json")));
  }
}

TEST_F(Program, WithoutATerminalShortStagesPrintNothing) {
  // Without -q it would also warn about the size.
  EXPECT_EQ(draw({"-p", "a pot", "--size", "64x64", "--steps", "1", "-q", "-o", path("a.png")}).err,
            "");
}

TEST_F(Program, InterruptsStopWithinAStepAndLeaveNothing) {
  for (const auto& [signal, code] :
       std::vector<std::pair<int, int>>{{SIGINT, 130}, {SIGTERM, 143}}) {
    // It would take minutes.
    const Stopwatch running;
    const auto result = interrupt_program(arguments_of({"-p",
                                                        "a pot",
                                                        "--size",
                                                        "1024x768",
                                                        "--steps",
                                                        "1000",
                                                        "--save-tokens",
                                                        path("t.json"),
                                                        "-o",
                                                        path("a.png")}),
                                          signal,
                                          /*seconds=*/2);
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_LT(running.seconds(), 60);
    EXPECT_EQ(files(), 0U);
  }
}

TEST_F(Program, InfoShowsThePartsOfAModel) {
  const auto json = nlohmann::json::parse(
      run_program({glm_image_program(), "info", "--model", tiny_model_dir().string(), "--json"})
          .out);
  ASSERT_EQ(json["components"].size(), 4U);
  EXPECT_EQ(json["components"][2]["name"], "transformer");
  EXPECT_EQ(json["components"][2]["parameters"], 255504);
  EXPECT_EQ(json["components"][2]["dtype"], "F32");
  EXPECT_EQ(json["profile"]["sizes"][0], "1024x1024");
  EXPECT_EQ(json["profile"]["steps"], 50);
}

TEST_F(Program, HelpTeachesWithExamples) {
  for (const char* command : {"generate", "edit", "info"}) {
    const auto help = run_program({glm_image_program(), command, "--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_NE(help.out.find("Example"), std::string::npos);
    EXPECT_NE(help.out.find(std::string("  glm-image ") + command), std::string::npos);
  }
  EXPECT_EQ(run_program({glm_image_program(), "--version"}).exit_code, 0);
}

}  // namespace
}  // namespace glm_image::test
