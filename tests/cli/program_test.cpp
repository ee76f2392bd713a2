// What the program does when all is well, as a user sees it.

#include "support/program.h"

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "image/codec.h"
#include "image/png_text.h"
#include "image/resize.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

class Program : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  ProgramResult draw(const std::vector<std::string>& arguments,
                     const std::string& verb = "generate") const {
    auto result = run_program(arguments_of(arguments, verb));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result;
  }
  static std::vector<std::string> arguments_of(const std::vector<std::string>& arguments,
                                               const std::string& verb = "generate") {
    std::vector<std::string> all = {
        glm_image_program(), verb, "--model", tiny_model_dir().string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  size_t files() const {
    return std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator());
  }

  const TemporaryDirectory folder_;
};

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
  // Picture i of many is the picture that its seed alone draws.
  draw({"-p", "a pot", "--size", "64x64", "--steps", "1", "--seed", "9", "-o", path("alone.png")});
  EXPECT_EQ(image::read_image(path("alone.png")).pixels, image::read_image(path("p-3.png")).pixels);
}

TEST_F(Program, TokensKeepACompositionForAnotherPainting) {
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

TEST_F(Program, APictureTellsHowToMakeItAgain) {
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

  // A picture of a kept composition carries it along.
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

TEST_F(Program, JsonTellsWhatWasDone) {
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

TEST_F(Program, EditTakesTheSizeOfTheFirstPicture) {
  // 100×70 is no size of the model's; the nearest is.
  Image picture{100, 70, std::vector<uint8_t>(100 * 70 * 3, 128)};
  image::write_image(path("in.jpg"), picture);
  draw({"-i", path("in.jpg"), "-p", "make it blue", "--steps", "1", "-o", path("out.png")}, "edit");
  const auto edited = image::read_image(path("out.png"));
  EXPECT_EQ(edited.width, 96);
  EXPECT_EQ(edited.height, 64);
  draw({"-i",
        path("in.jpg"),
        "-p",
        "make it blue",
        "--steps",
        "1",
        "--size",
        "128x64",
        "-o",
        path("wide.png")},
       "edit");
  EXPECT_EQ(image::read_image(path("wide.png")).width, 128);

  const auto refused =
      run_program(arguments_of({"--like", path("out.png"), "-o", path("again.png")}));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("edit --image"), std::string::npos) << refused.err;

  image::write_image(path("long.png"), {330, 64, std::vector<uint8_t>(330 * 64 * 3, 10)});
  const auto long_picture =
      run_program(arguments_of({"-i", path("long.png"), "-p", "x", "-o", path("x.png")}, "edit"));
  EXPECT_EQ(long_picture.exit_code, 2);
  EXPECT_NE(long_picture.err.find("330×64"), std::string::npos) << long_picture.err;
}

TEST_F(Program, EditSaysWhichSizeItChose) {
  image::write_image(path("photo.png"), {130, 100, std::vector<uint8_t>(130 * 100 * 3, 128)});
  const std::vector<std::string> arguments = {
      "-i", path("photo.png"), "-p", "at night", "--steps", "1", "-o", path("out.png")};
  const auto told = draw(arguments, "edit");
  const auto line = "drawing 128x96 pixels: " + path("photo.png") + " has 130x100\n";
  EXPECT_EQ(told.err.rfind(line, 0), 0U) << told.err;
  auto quiet = arguments;
  quiet.insert(quiet.end(), {"--quiet", "--json"});
  const auto result = draw(quiet, "edit");
  EXPECT_EQ(result.err, "");
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["pictures"][0]["width"], 128);
  EXPECT_EQ(json["pictures"][0]["height"], 96);
}

TEST_F(Program, EditWarnsOfMovingPictures) {
  const auto moving = (data_dir().parent_path() / "image" / "data" / "animated_3_frames.webp");
  std::vector<std::string> arguments = {
      "-i", moving.string(), "-p", "at night", "--steps", "1", "-o", path("out.png"), "--json"};
  const auto result = draw(arguments, "edit");
  const auto warning =
      moving.string() + ": is an animated WebP file (frames: 3); only its first frame is used";
  EXPECT_EQ(result.err.rfind("warning: " + warning + "\n", 0), 0U) << result.err;
  // Another one says that the toy checkpoint was made for larger pictures.
  EXPECT_EQ(nlohmann::json::parse(result.out)["warnings"].at(0), warning);
  arguments.push_back("--quiet");
  EXPECT_EQ(draw(arguments, "edit").err, "");
}

// A server draws a size that is no multiple of 32 a little larger, and resizes.
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
  // Without --quiet it would also warn of the size.
  EXPECT_EQ(draw({"-p", "a pot", "--size", "64x64", "--steps", "1", "-q", "-o", path("a.png")}).err,
            "");
}

TEST_F(Program, InterruptsStopWithinAStepAndLeaveNothing) {
  for (const auto& [signal, code] :
       std::vector<std::pair<int, int>>{{SIGINT, 130}, {SIGTERM, 143}}) {
    const auto began = std::chrono::steady_clock::now();
    const auto result = interrupt_program(arguments_of({"-p",
                                                        "a pot",
                                                        "--size",
                                                        "512x512",
                                                        "--steps",
                                                        "1000",
                                                        "--save-tokens",
                                                        path("t.json"),
                                                        "-o",
                                                        path("a.png")}),
                                          signal,
                                          /*seconds=*/2);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_LT(took.count(), 10);
    EXPECT_EQ(files(), 0U);
  }
}

TEST_F(Program, InfoTellsThePartsOfAModel) {
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

/// The tiny model with a glm_image.json.
class ProfiledProgram : public Program {
 protected:
  void SetUp() override {
    link_tiny_model(model_.path(), R"({"sizes": ["64x32", "32x64"], "steps": 2, "guidance": 3,
        "edits": false, "examples": [{"language": "fr", "prompt": "L'école", "seed": 4}]})");
  }
  ProgramResult run(const std::string& verb, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {glm_image_program(), verb, "--model", model_.path().string()});
    auto result = run_program(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result;
  }
  nlohmann::json report(const std::string& verb, std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--json", "-q", "-o", path("a.png")});
    const auto result = run(verb, arguments);
    EXPECT_EQ(result.err, "");
    return nlohmann::json::parse(result.out);
  }
  const TemporaryDirectory model_;
};

TEST_F(ProfiledProgram, DrawsAsTheModelAsks) {
  const auto plain = report("generate", {"-p", "a pot", "--seed", "1"});
  EXPECT_EQ(plain["pictures"][0]["width"], 64);
  EXPECT_EQ(plain["pictures"][0]["height"], 32);
  EXPECT_EQ(plain["steps"], 2);
  EXPECT_EQ(plain["guidance"], 3);
  EXPECT_TRUE(plain["warnings"].empty());
  // The picture remembers what it was drawn with, whatever the model asks for later.
  const auto drawn = image::read_image(path("a.png")).pixels;
  write_file(model_.path() / "glm_image.json", R"({"sizes": ["32x32"], "steps": 1})");
  const auto again = report("generate", {"--like", path("a.png")});
  EXPECT_EQ(again["steps"], 2);
  EXPECT_EQ(again["guidance"], 3);
  EXPECT_EQ(image::read_image(path("a.png")).pixels, drawn);
}

TEST_F(ProfiledProgram, WarnsBeforeItDraws) {
  const auto large = run("generate", {"-p", "x", "--size", "128x128", "-o", path("a.png")});
  EXPECT_EQ(large.err.rfind("warning: the size 128x128 is far from", 0), 0U) << large.err;
  EXPECT_NE(large.err.find("64x32, 32x64"), std::string::npos) << large.err;
  const auto edited = run("edit", {"-i", path("a.png"), "-p", "x", "-o", path("b.png")});
  EXPECT_NE(edited.err.find("not trained to edit"), std::string::npos) << edited.err;
  EXPECT_EQ(report("edit", {"-i", path("a.png"), "-p", "x"})["warnings"].size(), 2U);
}

TEST_F(ProfiledProgram, InfoTellsHowToAskTheModel) {
  const auto info = run("info", {}).out;
  for (const char* fragment : {"64x32 32x64",
                               "--size 64x32 --steps 2 --guidance 3",
                               "not trained",
                               R"(--prompt 'L'\''école' --size 64x32 --seed 4)"}) {
    EXPECT_NE(info.find(fragment), std::string::npos) << fragment << "\nin:\n" << info;
  }
}

TEST_F(Program, RefusesAWrongProfileByItsField) {
  const TemporaryDirectory model;
  link_tiny_model(model.path(), R"({"size": "64x64"})");
  const auto result = run_program({glm_image_program(), "info", "--model", model.path().string()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("glm_image.json: size is no key here"), std::string::npos)
      << result.err;
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
