// --max-memory as a user meets it.

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/program.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

ProgramResult run_limited(const std::string& command, const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {
      glm_image_program(), command, "--model", tiny_model_dir().string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run_program(all);
}

TEST(MaxMemory, InfoPrintsThePlanOfASize) {
  const auto table = run_limited("info", {"--max-memory", "8GB", "--size", "96x64"});
  ASSERT_EQ(table.exit_code, 0) << table.err;
  for (const char* const text : {"96x64",
                                 "8.0 GB (--max-memory)",
                                 "compose",
                                 "spell",
                                 "paint",
                                 "decode",
                                 "resident",
                                 "streamed",
                                 "working"}) {
    EXPECT_NE(table.out.find(text), std::string::npos) << text << '\n' << table.out;
  }
  EXPECT_EQ(table.out.find("refused"), std::string::npos) << table.out;
  EXPECT_EQ(table.out.find("encode "), std::string::npos) << table.out;

  const auto edit =
      run_limited("info", {"--max-memory", "8GB", "--size", "96x64", "--images", "2"});
  EXPECT_NE(edit.out.find("encode "), std::string::npos) << edit.out;

  const auto json = run_limited("info", {"--max-memory", "1.5GiB", "--json"});
  const auto plan = nlohmann::json::parse(json.out).at("memory_plan");
  EXPECT_EQ(plan.at("allowed_bytes"), 3 << 29);
  EXPECT_EQ(plan.at("given"), true);
  for (const auto& stage : plan.at("stages")) {
    EXPECT_EQ(stage.at("total_bytes").get<int64_t>(),
              plan.at("program_bytes").get<int64_t>() + stage.at("resident_bytes").get<int64_t>() +
                  stage.at("working_bytes").get<int64_t>());
  }
}

TEST(MaxMemory, WhatCannotFitIsRefusedBeforeAnythingIsRead) {
  const TemporaryDirectory folder;
  const auto picture = (folder.path() / "picture.png").string();
  const auto result = run_limited(
      "generate", {"-p", "a pot", "--size", "96x64", "--max-memory", "100MB", "-o", picture});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("the stage compose needs"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("96x64; 100.0 MB are allowed (max-memory)"), std::string::npos)
      << result.err;
  EXPECT_FALSE(std::filesystem::exists(picture));

  const auto info = run_limited("info", {"--max-memory", "100MB", "--size", "96x64"});
  EXPECT_EQ(info.exit_code, 0);
  EXPECT_NE(info.out.find("refused: the stage compose"), std::string::npos) << info.out;
}

TEST(MaxMemory, NeedsAUnit) {
  for (const char* const text : {"8", "", "8G", "much"}) {
    const auto result = run_limited("info", {"--max-memory", text});
    EXPECT_EQ(result.exit_code, 2) << text;
    EXPECT_NE(result.err.find("--max-memory"), std::string::npos) << result.err;
  }
}

}  // namespace
}  // namespace glm_image::test
