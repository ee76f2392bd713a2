#pragma once

#include <memory>
#include <string>
#include <vector>

#include "evaluate/text_lines.h"

namespace glm_image::evaluate {

struct ReadWord {
  std::string text;  ///< UTF-8, as read
  PixelBox box;      ///< in the picture
};

/// Reads lines of text with Tesseract: its French and English data together, without their word
/// lists, which would correct what the picture misspells. For one thread at a time.
class TextReader {
 public:
  /// Throws kNotFound when Tesseract's language data are not installed.
  TextReader();
  ~TextReader();
  TextReader(TextReader&&) noexcept;
  TextReader& operator=(TextReader&&) noexcept;

  /// The line is brought to a few heights that Tesseract reads well: a list of words, from left to
  /// right, for each of them.
  std::vector<std::vector<ReadWord>> read(const TextLine& line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace glm_image::evaluate
