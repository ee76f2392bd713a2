#include <algorithm>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "image/codec.h"
#include "pipeline/picture_metadata.h"
#include "support/program.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class BatchProgram : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  std::vector<std::string> command(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {glm_image_program(),
                                    "batch",
                                    path("b.jsonl"),
                                    "-o",
                                    path("out"),
                                    "--model",
                                    tiny_model_dir().string()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  ProgramResult run(const std::vector<json>& lines, const std::vector<std::string>& more = {}) {
    write(lines);
    return run_program(command(more));
  }
  void write(const std::vector<json>& lines) const {
    std::string text;
    for (const auto& line : lines) text += line.dump() + "\n";
    write_file(path("b.jsonl"), text);
  }
  json summary() const { return json::parse(read_file(path("out/summary.json"))); }
  /// The pictures of the folder, without the contact sheet, in alphabetical order.
  std::vector<std::string> pictures(const std::string& extension = ".png") const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path("out"))) {
      if (entry.path().extension() == extension) names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  const TemporaryDirectory folder_;
};

/// A request that the toy checkpoint draws in no time.
json small(const std::string& prompt, json more = json::object()) {
  json line = {{"prompt", prompt}, {"width", 64}, {"height", 64}, {"steps", 1}};
  line.update(more);
  return line;
}

TEST_F(BatchProgram, DrawsEveryLineAndSkipsWhatIsDone) {
  image::write_image(path("photo.jpg"), {96, 64, std::vector<uint8_t>(96 * 64 * 3, 128)});
  const std::vector<json> lines = {small("one", {{"seed", 7}}),
                                   {{"prompt", "two"}, {"size", "96x64"}, {"speed", "fast"}},
                                   small("three", {{"count", 2}, {"name", "pots"}}),
                                   small("four", {{"references", {"photo.jpg"}}})};
  const auto first = run(lines);
  EXPECT_EQ(first.exit_code, 0) << first.err;
  const auto drawn = pictures();
  ASSERT_EQ(drawn.size(), 5U);
  EXPECT_EQ(std::count(first.out.begin(), first.out.end(), '\n'), 5);
  EXPECT_EQ(drawn[0].rfind("0001-", 0), 0U) << drawn[0];
  EXPECT_EQ(drawn[3].rfind("pots-", 0), 0U) << drawn[3];
  EXPECT_EQ(image::read_image(path("out/" + drawn[1])).width, 96);
  EXPECT_EQ(summary()["done"], 4);
  EXPECT_EQ(summary()["lines"][0]["seeds"], json::array({7}));
  EXPECT_EQ(summary()["lines"][3]["files"], json::array({drawn[2]}));
  EXPECT_EQ(pipeline::read_parameters(path("out/" + drawn[2])).condition_images, 1);
  // Two rows of up to three thumbnails, 64 pixels high, in frames of 4.
  EXPECT_EQ(image::read_image(path("out/contact-sheet.jpg")).height, 64 * 2 + 4 * 3);

  // Lines that moved are known by their contents.
  const auto again = run({lines[3], lines[1], lines[0], lines[2]});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.out, "");
  EXPECT_EQ(pictures(), drawn);
  EXPECT_EQ(summary()["skipped"], 4);

  // A line that changed is another picture. The former one stays.
  auto changed = lines;
  changed[0]["steps"] = 2;
  fs::remove(path("out/" + drawn[4]));  // one of two
  const auto more = run(changed, {"--json"});
  EXPECT_EQ(more.exit_code, 0) << more.err;
  const auto report = json::parse(more.out);
  EXPECT_EQ(report, summary());
  EXPECT_EQ(report["done"], 2);
  EXPECT_EQ(report["skipped"], 2);
  EXPECT_EQ(pictures().size(), 6U);

  // So is a line whose reference changed.
  image::write_image(path("photo.jpg"), {96, 64, std::vector<uint8_t>(96 * 64 * 3, 60)});
  EXPECT_EQ(run(changed).exit_code, 0);
  EXPECT_EQ(pictures().size(), 7U);
}

TEST_F(BatchProgram, ALineMayBeTheParametersOfAPicture) {
  ASSERT_EQ(run({small("« ẽ »", {{"seed", 5}, {"guidance", 2}})}, {"--format", "webp"}).exit_code,
            0);
  const auto file = path("out/" + pictures(".webp").at(0));
  const auto recipe = pipeline::recipe_json(pipeline::read_parameters(file));
  fs::rename(path("out"), path("before"));
  const auto result = run({json::parse(recipe.dump())}, {"--format", "webp"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto again = path("out/" + pictures(".webp").at(0));
  EXPECT_EQ(pipeline::recipe_json(pipeline::read_parameters(again)), recipe);
  EXPECT_EQ(image::read_image(again).pixels,
            image::read_image(path("before") + file.substr(path("out").size())).pixels);
}

TEST_F(BatchProgram, WarnsOfParametersOfAnotherModel) {
  const auto result =
      run({small("one", {{"model", "model"}}), small("two", {{"model", "nano"}})}, {"--check"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("warning: line 2: the parameters are those of a picture by the model "
                            "'nano'; 'model' draws another picture from them\n"),
            std::string::npos)
      << result.err;
}

TEST_F(BatchProgram, AKeyThatStandsTwiceIsRefused) {
  write_file(path("b.jsonl"), "{\"prompt\": \"a pot\", \"seed\": 1, \"seed\": 2}\n");
  const auto result = run_program(command());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find(":1: the key 'seed' is repeated"), std::string::npos) << result.err;
}

/// Lines that are wrong, one for each reason, and words of the sentences about them.
std::vector<std::pair<std::string, std::vector<std::string>>> wrong_lines() {
  return {{json({{"size", "64x64"}}).dump(), {"prompt"}},
          {small("x", {{"steps", 0}}).dump(), {"steps", "1 to 1000", "0"}},
          {small("x", {{"setps", 3}}).dump(), {"setps"}},
          {small("x", {{"references", {"missing.png"}}}).dump(), {"missing.png"}},
          {small("x", {{"references", {"text.png"}}}).dump(), {"text.png", "is not a PNG"}},
          {small("x", {{"width", 65}}).dump(), {"size", "65x64"}},
          {small("x", {{"name", "../out"}}).dump(), {"name"}},
          // Colours a terminal.
          {small("x", {{"name", "\u009b31mred"}}).dump(), {"name", "\\u009b"}},
          {small("x", {{"size", "64x64"}}).dump(), {"size"}},
          {small("x", {{"solver", "heun"}}).dump(), {"solver", "one of euler, multistep", "heun"}},
          {small("x", {{"loras", {{{"name", "ink"}}}}}).dump(), {"loras", "'ink'"}},
          {"{\"prompt\": ", {"JSON"}}};
}

TEST_F(BatchProgram, ALineThatIsWrongFailsAndTheOthersAreDrawn) {
  write_file(path("text.png"), "no picture");
  const auto wrong = wrong_lines();
  auto text = small("fine").dump() + "\n";
  for (const auto& [line, words] : wrong) text += line + "\n";
  text += small("fine").dump() + "\n\n" + small("fine too").dump() + "\n";
  write_file(path("b.jsonl"), text);
  const auto result = run_program(command());
  EXPECT_EQ(result.exit_code, 1) << result.err;
  const auto same = static_cast<int64_t>(wrong.size()) + 2;  // the line that repeats the first
  auto sentences = wrong;
  sentences.push_back({"", {"line 1"}});
  const auto report = summary();
  std::string numbers;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    const auto number = static_cast<int64_t>(i) + 2;
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(number);
    const auto place = path("b.jsonl") + ":" + std::to_string(number) + ": ";
    const auto begin = result.err.find("glm-image: " + place);
    ASSERT_NE(begin, std::string::npos) << number << "\n" << result.err;
    const auto sentence = result.err.substr(begin, result.err.find('\n', begin) - begin);
    const auto& line = report["lines"][i + 1];
    EXPECT_EQ(line["line"], number);
    EXPECT_EQ(line["state"], "failed");
    EXPECT_EQ(line["error"].get<std::string>().rfind(place, 0), 0U) << line;
    for (const auto& word : sentences[i].second) {
      EXPECT_NE(sentence.find(word), std::string::npos) << word << "\n" << sentence;
    }
  }
  EXPECT_NE(result.err.find("lines that failed: " + numbers + ";"), std::string::npos)
      << result.err;
  EXPECT_EQ(report["done"], 2);
  EXPECT_EQ(report["failed"], sentences.size());
  EXPECT_EQ(pictures().size(), 2U);
  EXPECT_EQ(report["lines"][same]["line"], same + 2);
  EXPECT_EQ(report["lines"][same]["state"], "done");

  // Once they are right, they alone are drawn.
  const auto again = run({small("fine"), small("fine too"), small("mended")});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(summary()["done"], 1);
  EXPECT_EQ(summary()["skipped"], 2);
}

TEST_F(BatchProgram, NothingIsDrawnIfNoLineIsRight) {
  write_file(path("text.png"), "no picture");
  const auto wrong = wrong_lines();
  std::string text;
  for (const auto& [line, words] : wrong) text += line + "\n";
  write_file(path("b.jsonl"), text);
  const auto result = run_program(command());
  EXPECT_EQ(result.exit_code, 2);
  const auto counted = "nothing was drawn; lines that are wrong: " + std::to_string(wrong.size());
  EXPECT_NE(result.err.find(counted), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(path("out")));
  // What the model is not needed for is refused before it is opened: this one is damaged.
  write_file(path("b.jsonl"), "no JSON\n" + small("x", {{"steps", 0}}).dump());
  fs::create_directory(path("model"));
  write_file(path("model/model_index.json"), "damaged");
  auto damaged = command();
  damaged.back() = path("model");
  const auto early = run_program(damaged);
  EXPECT_EQ(early.exit_code, 2);
  EXPECT_NE(early.err.find("lines that are wrong: 2"), std::string::npos) << early.err;
}

TEST_F(BatchProgram, CheckRefusesAFileWithAWrongLine) {
  const auto result = run({small("fine"), small("x", {{"steps", 0}})}, {"--check"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find(":2: steps must"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("lines that are wrong: 1"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(path("out")));
}

TEST_F(BatchProgram, CheckDrawsNothing) {
  const auto result = run({small("one"), small("two")}, {"--check"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("requests: 2"), std::string::npos) << result.err;
  EXPECT_FALSE(fs::exists(path("out")));
  write_file(path("b.jsonl"), "\n  \n");
  const auto empty = run_program(command({"--check"}));
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_NE(empty.err.find("has no requests"), std::string::npos) << empty.err;
}

TEST_F(BatchProgram, ALineThatFailsDoesNotStopTheOthers) {
  image::write_image(path("photo.png"), {64, 64, std::vector<uint8_t>(64 * 64 * 3, 128)});
  const std::vector<json> lines = {small("one"),
                                   small("two", {{"width", 512}, {"height", 512}, {"steps", 200}}),
                                   small("three", {{"references", {"photo.png"}}}),
                                   small("four")};
  // The picture of the third line disappears once the first is drawn: while the second is, which
  // takes seconds. Where this machine stands still for them, it is tried again.
  ProgramResult result;
  bool in_time = false;
  for (int tries = 0; tries < 10 && !in_time; ++tries) {
    fs::remove_all(path("out"));
    if (fs::exists(path("away.png"))) fs::rename(path("away.png"), path("photo.png"));
    std::thread thief([&] {
      wait_until([&] { return fs::exists(path("out")) && !pictures().empty(); });
      fs::rename(path("photo.png"), path("away.png"));
      in_time = pictures().size() == 1;
    });
    result = run(lines);
    thief.join();
  }
  ASSERT_TRUE(in_time);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("lines that failed: 3"), std::string::npos) << result.err;
  EXPECT_EQ(summary()["done"], 3);
  EXPECT_EQ(summary()["failed"], 1);
  const auto error = summary()["lines"][2]["error"].get<std::string>();
  EXPECT_NE(error.find("photo.png"), std::string::npos) << error;
  EXPECT_EQ(pictures().size(), 3U);

  fs::rename(path("away.png"), path("photo.png"));
  const auto again = run(lines);
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(summary()["done"], 1);
  EXPECT_EQ(summary()["skipped"], 3);
}

TEST_F(BatchProgram, AnInterruptKeepsWhatIsDone) {
  // The second line takes minutes.
  const std::vector<json> lines = {
      small("one"), small("two", {{"width", 1024}, {"height", 768}, {"steps", 1000}})};
  write(lines);
  const auto stopped = interrupt_program(
      command(), SIGINT, [&] { return fs::exists(path("out")) && !pictures().empty(); });
  EXPECT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_EQ(pictures().size(), 1U);
  EXPECT_EQ(summary()["waiting"], 1);
}

// The toy checkpoint draws noise: no text is right.
TEST_F(BatchProgram, VerifiesTheLinesThatAskForIt) {
  const auto result = run({small("a pot with \"SOAP\""),
                           small("a pot with \"OPEN\"", {{"verify", true}, {"count", 2}}),
                           small("a pot with \"DAY\"", {{"best_of", 2}, {"seed", 5}})});
  const bool has_reader = result.err.find("verify needs Tesseract") == std::string::npos;
  if (!has_reader) GTEST_SKIP() << result.err;
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto lines = summary()["lines"];
  EXPECT_FALSE(lines[0].contains("verification"));
  ASSERT_EQ(lines[1]["verification"].size(), 2U);
  EXPECT_EQ(lines[1]["verification"][0][0]["text"], "OPEN");
  ASSERT_EQ(lines[2]["verification"].size(), 1U);
  EXPECT_NE(lines[2]["verification"][0][0]["state"], "found");
  EXPECT_NE(result.err.find(" \"DAY\""), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("SOAP"), std::string::npos) << result.err;
  const auto warnings = lines[2]["warnings"].dump();
  EXPECT_NE(warnings.find("none of 2 candidates"), std::string::npos) << warnings;
  // A line that asks for more is another request.
  const auto refused =
      run({small("x", {{"best_of", 2}, {"count", 2}}), small("y", {{"verify", 1}})});
  EXPECT_EQ(refused.exit_code, 2);
  for (const char* part : {":1: best-of draws one picture", ":2: verify must be"}) {
    EXPECT_NE(refused.err.find(part), std::string::npos) << part << refused.err;
  }
}

TEST_F(BatchProgram, ReadsStandardInput) {
  write_file(path("b.jsonl"), small("one").dump());
  std::vector<std::string> shell = {"/bin/sh", "-c", "cat '" + path("b.jsonl") + "' |"};
  auto words = command();
  words[2] = "-";
  for (const auto& word : words) shell.back() += " '" + word + "'";
  const auto result = run_program(shell);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(pictures().size(), 1U);
}

}  // namespace
}  // namespace glm_image::test
