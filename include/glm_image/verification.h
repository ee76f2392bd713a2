#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "glm_image/image.h"

namespace glm_image {

/// What a picture shows of a text.
enum class TextState {
  kFound,    ///< the text, letter by letter; capitals and spaces may differ
  kSimilar,  ///< a similar text: at least half of the letters agree
  kMissing,  ///< no similar text
  kUnread,   ///< unknown: the reader has no data for its script, or it has no letters
};

/// "found", "similar", "missing", "unread".
const char* text_state_name(TextState state);

/// A box of whole pixels of a picture.
struct PictureBox {
  int64_t left = 0, top = 0, width = 0, height = 0;
};

/// A text that a picture should show, and what was read there.
struct TextCheck {
  std::string text;  ///< as the prompt quotes it
  TextState state = TextState::kMissing;
  std::string read;               ///< what was read; empty if nothing similar was
  double similarity = 0;          ///< of both: 1 − edit distance / length of the longer one
  std::optional<PictureBox> box;  ///< where it was read
  /// Letters of the text that the reader cannot tell from similar ones ("ɛ" from "e"). It does not
  /// notice if the picture shows the similar letter.
  std::string unknown_letters;
};

/// Whether no text is known to be wrong.
bool all_texts_right(const std::vector<TextCheck>& checks);

/// Reads texts in pictures, for Request::verify.
class TextVerifier {
 public:
  virtual ~TextVerifier() = default;

  /// Throws Error with kUnsupported, saying what to install, if data for one of the texts are
  /// missing. May be called from any thread.
  virtual void require(const std::vector<std::string>& texts) const = 0;

  /// Returns a check for each text, in their order. Called by one thread at a time.
  virtual std::vector<TextCheck> verify(const Image& image,
                                        const std::vector<std::string>& texts) = 0;
};

}  // namespace glm_image
