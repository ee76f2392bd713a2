#include "rewrite/prompt_rewrite.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "core/error.h"
#include "core/text_format.h"
#include "text/glyph_texts.h"

namespace glm_image::rewrite {
namespace {

constexpr const char* kInstructions =
    "You rewrite prompts for a model that draws pictures from text. Answer with the rewritten "
    "prompt alone, without an introduction or an explanation. Keep the language of the prompt and "
    "everything that it asks for. Add what a designer would decide: composition, colours, light, "
    "style. Write at most 120 words. Texts in quotation marks are drawn letter by letter: copy "
    "each of them exactly, with its quotation marks, once. Put nothing else into quotation marks.";

/// The first text that occurs more often among `texts` than among `others`.
std::optional<std::string> first_surplus(const std::vector<std::string>& texts,
                                         const std::vector<std::string>& others) {
  std::map<std::string_view, int64_t> left;
  for (const auto& text : others) ++left[text];
  for (const auto& text : texts) {
    if (--left[text] < 0) return text;
  }
  return std::nullopt;
}

bool holds(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

/// The question to the chat server: the prompt, and its texts once more.
std::string question_of(const Request& request) {
  std::string question = request.prompt;
  const auto texts = text::glyph_texts(request.prompt, request.glyph_rules);
  if (texts.empty()) return question;
  question += "\n\nTexts to copy exactly, in quotation marks:";
  for (const auto& text : texts) question += concat("\n", text);
  return question;
}

}  // namespace

std::optional<std::string> refusal(const std::string& prompt,
                                   const std::string& rewritten,
                                   GlyphRules rules) {
  if (rewritten.empty()) return "it is empty";
  const auto wanted = text::glyph_texts(prompt, rules), found = text::glyph_texts(rewritten, rules);
  if (const auto text = first_surplus(wanted, found)) {
    return concat("it does not quote the text \"",
                  *text,
                  holds(found, *text) ? "\" as often as the prompt" : "\"");
  }
  if (const auto text = first_surplus(found, wanted)) {
    return holds(wanted, *text)
               ? concat("it quotes the text \"", *text, "\" more often than the prompt")
               : concat("it quotes another text, \"", *text, '"');
  }
  return std::nullopt;
}

RewrittenRequest rewrite_request(const ChatAddress& address,
                                 const Request& request,
                                 const std::function<Request(const Request&)>& check,
                                 const std::function<bool()>& goes_on,
                                 const ChatLimits& limits) {
  RewrittenRequest result;
  const auto refuse = [&](const std::string& reason) {
    result.warnings.push_back(
        {"prompt_not_rewritten", concat("the prompt is used as written: ", reason)});
  };
  try {
    auto rewritten = request;
    rewritten.prompt =
        ask_chat_server(address, kInstructions, question_of(request), goes_on, limits);
    if (const auto reason = refusal(request.prompt, rewritten.prompt, request.glyph_rules)) {
      refuse("the rewritten prompt was refused, since " + *reason);
    } else {
      result.request = check(rewritten);
      result.revised_prompt = result.request.prompt;
      return result;
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) throw;
    refuse(error.what());
  }
  result.request = check(request);
  return result;
}

}  // namespace glm_image::rewrite
