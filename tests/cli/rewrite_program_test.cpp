// `generate --rewrite`, with a stub of a chat server.

#include "pipeline/picture_metadata.h"
#include "support/chat_stub.h"
#include "support/program.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

class RewriteProgram : public testing::Test {
 protected:
  std::string picture() const { return (folder_.path() / "a.png").string(); }

  ProgramResult draw(const std::vector<std::string>& more) const {
    std::vector<std::string> command = {glm_image_program(),
                                        "generate",
                                        "--model",
                                        tiny_model_dir().string(),
                                        "-p",
                                        "a sign \"OPEN\"",
                                        "--size",
                                        "64x64",
                                        "--steps",
                                        "1",
                                        "-o",
                                        picture()};
    command.insert(command.end(), more.begin(), more.end());
    return run_program(command);
  }

  const TemporaryDirectory folder_;
};

/// Warnings that a prompt was not rewritten, each of which must name the text "OPEN".
int rewriting_warnings(const nlohmann::json& json) {
  int count = 0;
  for (const std::string warning : json.at("warnings")) {
    if (warning.find("the prompt is used as written") == std::string::npos) continue;
    EXPECT_NE(warning.find("OPEN"), std::string::npos) << warning;
    ++count;
  }
  return count;
}

TEST_F(RewriteProgram, DrawsAndReportsTheRewrittenPrompt) {
  const std::string better = "a wooden sign in warm light, “OPEN” in white letters";
  const ChatStub stub([&](const nlohmann::json&) { return ChatStub::says(better); });
  const auto result = draw({"--rewrite", stub.url(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json.at("prompt"), "a sign \"OPEN\"");
  EXPECT_EQ(json.at("revised_prompt"), better);
  EXPECT_EQ(json.at("spelled_texts"), nlohmann::json::array({"OPEN"}));
  EXPECT_EQ(rewriting_warnings(json), 0);
  EXPECT_NE(result.err.find("rewritten prompt: " + better), std::string::npos) << result.err;
  // The picture can be drawn again without the chat server.
  EXPECT_EQ(pipeline::read_parameters(picture()).request.prompt, better);
}

TEST_F(RewriteProgram, DrawsThePromptAsWrittenIfATextIsLost) {
  const ChatStub stub([](const nlohmann::json&) { return ChatStub::says("a wooden sign"); });
  const auto result = draw({"--rewrite", stub.url(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_FALSE(json.contains("revised_prompt"));
  EXPECT_EQ(rewriting_warnings(json), 1);
  EXPECT_EQ(pipeline::read_parameters(picture()).request.prompt, "a sign \"OPEN\"");
}

TEST_F(RewriteProgram, OtherMachinesAreRefusedAtOnce) {
  const auto result = draw({"--rewrite", "http://example.org/v1"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("--rewrite"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace glm_image::test
