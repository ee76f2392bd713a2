// Rewriting of prompts, with a stub of a chat server.

#include "rewrite/prompt_rewrite.h"

#include "core/error.h"
#include "support/chat_stub.h"
#include "support/test_support.h"

namespace glm_image::rewrite {
namespace {

using test::ChatStub;

constexpr const char* kPrompt = "a poster with the title \"OPEN DAY\" and « Été »";

Request request_of(const std::string& prompt) {
  Request request;
  request.prompt = prompt;
  return request;
}

RewrittenRequest rewritten(const ChatStub& stub,
                           const std::string& prompt,
                           const ChatLimits& limits = {}) {
  return rewrite_request(
      parse_chat_address(stub.url()),
      request_of(prompt),
      [](const Request& request) {
        if (request.prompt.size() > 1000) fail(ErrorCode::kInvalidInput, "prompt is too long");
        return request;
      },
      [] { return true; },
      limits);
}

void expect_as_written(const RewrittenRequest& result, const std::string& reason) {
  EXPECT_EQ(result.request.prompt, kPrompt);
  EXPECT_FALSE(result.revised_prompt);
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_EQ(result.warnings[0].code, "prompt_not_rewritten");
  EXPECT_NE(result.warnings[0].message.find(reason), std::string::npos)
      << result.warnings[0].message << "; expected: " << reason;
}

TEST(PromptRewrite, TheRewrittenPromptIsUsedIfItKeepsTheTexts) {
  const std::string better =
      "A bold poster on deep green, the words “Été” small below the title 'OPEN DAY'.";
  const ChatStub stub([&](const nlohmann::json&) {
    return ChatStub::says("<think>\nshould I quote \"more\"?</think>\n\n" + better + "\n");
  });
  const auto result = rewritten(stub, kPrompt);
  EXPECT_EQ(result.request.prompt, better);
  EXPECT_EQ(result.revised_prompt, better);
  EXPECT_TRUE(result.warnings.empty());
  ASSERT_EQ(stub.questions().size(), 1U);
  const auto question = stub.questions().front();
  EXPECT_EQ(question.at("model"), "stub-model");
  EXPECT_EQ(question.at("stream"), false);
  const auto asked = question.at("messages").at(1).at("content").get<std::string>();
  EXPECT_EQ(asked.rfind(kPrompt, 0), 0U) << asked;
}

TEST(PromptRewrite, APromptThatLosesChangesOrAddsATextIsRefused) {
  for (const auto& [answer, reason] : std::vector<std::pair<std::string, std::string>>{
           {"a poster \"OPEN DAY\"", "does not quote the text \"Été\""},
           {"a poster \"Open Day\" and « Été »", "does not quote the text \"OPEN DAY\""},
           {"a poster \"OPEN DAY\", « Été » and \"2026\"", "quotes another text, \"2026\""},
           {"", "it is empty"},
           {"\"OPEN DAY\" « Été » " + std::string(2000, 'a'), "prompt is too long"}}) {
    const ChatStub stub(
        [answer = answer](const nlohmann::json&) { return ChatStub::says(answer); });
    expect_as_written(rewritten(stub, kPrompt), reason);
  }
  EXPECT_EQ(refusal("a pot", "a blue pot", GlyphRules::kSmart), std::nullopt);
  // By the reference's rules « » quotes nothing.
  EXPECT_EQ(refusal("« A »", "« B »", GlyphRules::kReference), std::nullopt);
}

// Each quotation is drawn: a poster with the title three times is another poster.
TEST(PromptRewrite, ATextIsQuotedAsOftenAsInThePrompt) {
  const auto reason = [](const std::string& prompt, const std::string& rewritten) {
    return refusal(prompt, rewritten, GlyphRules::kSmart).value_or("");
  };
  const std::string once = "a poster with \"OPEN DAY\"", twice = once + ", small: \"OPEN DAY\"";
  EXPECT_EQ(reason(once, twice + " and \"OPEN DAY\""),
            "it quotes the text \"OPEN DAY\" more often than the prompt");
  EXPECT_EQ(reason(twice, once), "it does not quote the text \"OPEN DAY\" as often as the prompt");
  EXPECT_EQ(reason(once, once), "");
  EXPECT_EQ(reason(twice, twice), "");
  // Their order is the rewritten prompt's.
  EXPECT_EQ(reason("\"A\" over \"B\" over \"A\"", "\"B\" below \"A\", and \"A\""), "");
  const ChatStub stub([](const nlohmann::json&) {
    return ChatStub::says("« Été », \"OPEN DAY\" at the top and \"OPEN DAY\" on the banner");
  });
  expect_as_written(rewritten(stub, kPrompt), "\"OPEN DAY\" more often than the prompt");
}

TEST(PromptRewrite, AServerThatFailsChangesNothing) {
  for (const auto& [response, reason] : std::vector<std::pair<std::string, std::string>>{
           {ChatStub::response(500, "{}"), "status 500"},
           {ChatStub::response(200, "{\"choices\": []}"), "without choices[0].message.content"},
           {ChatStub::response(200, "no JSON"), "without choices[0].message.content"},
           {"not HTTP\r\n\r\n", "cannot be used"},
           {ChatStub::response(200, std::string(3000, ' ')), "cannot be used"}}) {
    SCOPED_TRACE(response.substr(0, 80));
    const ChatStub stub([text = response](const nlohmann::json&) { return text; });
    ChatLimits limits;
    limits.max_bytes = 2000;
    expect_as_written(rewritten(stub, kPrompt, limits), reason);
  }
  std::string url;
  {
    const ChatStub gone([](const nlohmann::json&) { return ""; });
    url = gone.url();
  }
  const auto result = rewrite_request(
      parse_chat_address(url),
      request_of(kPrompt),
      [](const Request& request) { return request; },
      [] { return true; });
  expect_as_written(result, url);
}

TEST(PromptRewrite, ASilentServerIsLeftAfterItsTime) {
  const ChatStub silent([](const nlohmann::json&) { return ""; });
  ChatLimits limits;
  limits.answer = std::chrono::milliseconds(300);
  expect_as_written(rewritten(silent, kPrompt, limits), "no answer");
  // A caller that stops does not wait.
  test::expect_error(ErrorCode::kCancelled, {"stopped"}, [&] {
    rewrite_request(
        parse_chat_address(silent.url()),
        request_of(kPrompt),
        [](const Request& request) { return request; },
        [] { return false; });
  });
}

TEST(PromptRewrite, FaultsOfTheWrittenPromptAreItsOwn) {
  const ChatStub stub([](const nlohmann::json&) { return ChatStub::says("short"); });
  test::expect_error(ErrorCode::kInvalidInput, {"too long"}, [&] {
    rewritten(stub, "\"A\"" + std::string(2000, 'x'));
  });
}

TEST(ChatAddress, IsOnThisMachine) {
  const auto parts = [](const std::string& url) {
    const auto address = parse_chat_address(url);
    return address.host + " " + address.port + " " + address.base;
  };
  EXPECT_EQ(parts("http://127.0.0.1:8081"), "127.0.0.1 8081 /v1");
  EXPECT_EQ(parts("http://localhost:11434/v1/"), "localhost 11434 /v1");
  EXPECT_EQ(parts("http://[::1]:80/v1/chat/completions"), "::1 80 /v1");
  EXPECT_EQ(parts("http://localhost/api/openai"), "localhost 80 /api/openai");
  EXPECT_EQ(parse_chat_address("http://[::1]:81").text(), "http://[::1]:81/v1");
  for (const char* wrong : {"",
                            "127.0.0.1:8081",
                            "https://127.0.0.1",
                            "http://example.org/v1",
                            "http://127.0.0.1.example.org",
                            "http://127.0.0.1:",
                            "http://127.0.0.1:99999",
                            "http://user@127.0.0.1",
                            "http://[::1",
                            "http://localhost/v1?x=1",
                            "http://localhost/v 1"}) {
    test::expect_error(
        ErrorCode::kInvalidInput, {"--rewrite", wrong}, [&] { parse_chat_address(wrong); });
  }
}

}  // namespace
}  // namespace glm_image::rewrite
