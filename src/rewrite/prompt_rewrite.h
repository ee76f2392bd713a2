#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "glm_image/request.h"
#include "rewrite/chat_address.h"
#include "rewrite/chat_client.h"

/// Rewriting of prompts by a language model on this machine.
namespace glm_image::rewrite {

/// Returns why a rewritten prompt must not be used; nothing if it may. By the request's rules, it
/// must quote exactly the texts that the prompt quotes, each as often: each quotation is drawn.
/// Their order may change: the sentences around them say where they belong, and the glyph encoder
/// reads them in the order of the rewritten prompt.
std::optional<std::string> refusal(const std::string& prompt,
                                   const std::string& rewritten,
                                   GlyphRules rules);

struct RewrittenRequest {
  Request request;  ///< as `check` returned it
  /// The prompt, if it was rewritten.
  std::optional<std::string> revised_prompt;
  std::vector<Warning> warnings;  ///< code "prompt_not_rewritten", with the reason
};

/// Has the request's prompt rewritten, and checks the request with it. If the chat server fails, or
/// its prompt is refused, by refusal() or by `check`, the request keeps its own prompt and gets a
/// warning. `check` is Pipeline::check; what it throws about the request's own prompt passes
/// through, as does kCancelled.
RewrittenRequest rewrite_request(const ChatAddress& address,
                                 const Request& request,
                                 const std::function<Request(const Request&)>& check,
                                 const std::function<bool()>& goes_on,
                                 const ChatLimits& limits = {});

}  // namespace glm_image::rewrite
