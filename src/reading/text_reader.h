#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "reading/text_lines.h"

namespace glm_image::reading {

struct ReadWord {
  std::string text;  ///< UTF-8, as read
  PixelBox box;      ///< in the picture
};

/// How a picture with any background is divided into ink and background.
enum class Threshold {
  kGlobal,  ///< one threshold for each channel (Otsu)
  kLocal,   ///< one for each neighbourhood (Sauvola), for photos
};

/// Reads text with Tesseract, without its word lists, which would correct spelling errors in the
/// picture. Not thread-safe.
class TextReader {
 public:
  /// `languages` are names of Tesseract's data. Throws kNotFound if they are not installed.
  explicit TextReader(const std::string& languages = "fra+eng");
  ~TextReader();
  TextReader(TextReader&&) noexcept;
  TextReader& operator=(TextReader&&) noexcept;

  /// Reads the line at several heights that suit Tesseract. Returns for each height the words from
  /// left to right.
  std::vector<std::vector<ReadWord>> read(const TextLine& line);

  /// Searches a whole picture for text. Returns its words in reading order.
  std::vector<ReadWord> read_page(const Image& image, Threshold threshold);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The names of the data that are installed: "eng", "chi_sim", "Latin" or "script/Latin", ….
std::set<std::string> installed_languages();

}  // namespace glm_image::reading
