// The verifier of builds with Tesseract; without_tesseract.cpp is that of builds without.

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>

#include "reading/ink_picture.h"
#include "reading/languages.h"
#include "reading/text_lines.h"
#include "reading/text_matching.h"
#include "reading/text_reader.h"
#include "reading/text_verifier.h"
#include "text/unicode.h"

namespace glm_image::reading {
namespace {

/// More candidates for lines than this are the details of a photo.
constexpr std::size_t kMostLines = 48;
constexpr int64_t kSmallestPicture = 16;

/// Reads one picture with one choice of data after the other, from the quickest way of reading to
/// the slowest, until all texts are found.
class PictureReading {
 public:
  PictureReading(const Image& image,
                 const std::vector<std::string>& texts,
                 const std::set<std::string>& installed)
      : image_(image) {
    for (const auto& text : texts) {
      const auto data = data_for(text, installed);
      TextCheck check;
      check.text = text;
      if (data.languages.empty()) check.state = TextState::kUnread;
      for (const char32_t letter : data.unknown_letters) {
        text::append_utf8(check.unknown_letters, letter);
      }
      checks_.push_back(std::move(check));
      data_.push_back(data);
    }
  }

  std::vector<TextCheck> run() {
    std::size_t most = 0;
    for (const auto& data : data_) most = std::max(most, data.languages.size());
    for (std::size_t choice = 0; choice < most; ++choice) {
      std::set<std::string> languages;
      for (const auto& data : data_) {
        if (choice < data.languages.size()) languages.insert(data.languages[choice]);
      }
      for (const auto& language : languages) read_with(language, choice);
    }
    return std::move(checks_);
  }

 private:
  using Texts = std::vector<std::size_t>;

  /// The texts that are to be read with these data.
  Texts texts_of(const std::string& language, std::size_t choice) const {
    Texts texts;
    for (std::size_t i = 0; i < data_.size(); ++i) {
      const auto& languages = data_[i].languages;
      if (choice < languages.size() && languages[choice] == language) texts.push_back(i);
    }
    return texts;
  }

  bool all_found(const Texts& texts) const {
    return std::all_of(texts.begin(), texts.end(), [this](std::size_t i) {
      return checks_[i].state == TextState::kFound;
    });
  }

  void read_with(const std::string& language, std::size_t choice) {
    const auto texts = texts_of(language, choice);
    if (all_found(texts)) return;
    TextReader reader(language);
    for (const auto& reading : line_readings(reader)) match(reading, texts);
    for (const auto threshold : {Threshold::kGlobal, Threshold::kLocal}) {
      if (!all_found(texts)) match(reader.read_page(image_, threshold), texts);
    }
  }

  void match(const std::vector<ReadWord>& reading, const Texts& texts) {
    std::vector<WantedText> wanted;
    std::vector<TextCheck> checks;
    for (const auto i : texts) {
      wanted.push_back({checks_[i].text, data_[i].unknown_letters});
      checks.push_back(std::move(checks_[i]));
    }
    match_texts(reading, wanted, checks);
    for (std::size_t k = 0; k < texts.size(); ++k) checks_[texts[k]] = std::move(checks[k]);
  }

  /// Lines on a plain background or a gradient, all of them read at one height, for each height.
  std::vector<std::vector<ReadWord>> line_readings(TextReader& reader) {
    if (!lines_) lines_ = find_lines();
    std::vector<std::vector<ReadWord>> readings;
    for (const auto& line : *lines_) {
      auto of_line = reader.read(line);
      readings.resize(std::max(readings.size(), of_line.size()));
      for (std::size_t height = 0; height < of_line.size(); ++height) {
        auto& all = readings[height];
        all.insert(all.end(), of_line[height].begin(), of_line[height].end());
      }
    }
    return readings;
  }

  std::vector<TextLine> find_lines() const {
    if (std::min(image_.width, image_.height) < kSmallestPicture) return {};
    auto lines = find_text_lines(InkPicture(image_), /*taken=*/{});
    if (lines.size() > kMostLines) lines.clear();
    return lines;
  }

  const Image& image_;
  std::vector<TextData> data_;     // of each text
  std::vector<TextCheck> checks_;  // of each text
  std::optional<std::vector<TextLine>> lines_;
};

class TesseractVerifier : public TextVerifier {
 public:
  void require(const std::vector<std::string>& texts) const override {
    for (const auto& text : texts) data_for(text, installed());
  }
  std::vector<TextCheck> verify(const Image& image,
                                const std::vector<std::string>& texts) override {
    return PictureReading(image, texts, installed()).run();
  }

 private:
  const std::set<std::string>& installed() const {
    std::call_once(looked_up_, [this] { installed_ = installed_languages(); });
    return installed_;
  }

  mutable std::once_flag looked_up_;
  mutable std::set<std::string> installed_;
};

}  // namespace

std::unique_ptr<TextVerifier> make_text_verifier() {
  return std::make_unique<TesseractVerifier>();
}

}  // namespace glm_image::reading
