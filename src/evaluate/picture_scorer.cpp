#include "evaluate/picture_scorer.h"

#include "core/error.h"
#include "evaluate/colour_score.h"
#include "evaluate/place.h"
#include "evaluate/similar_letters.h"
#include "nano/posters/poster_data.h"
#include "reading/word_score.h"

namespace glm_image::evaluate {
namespace {

using reading::can_be_read;
using reading::compared_words;
using reading::ReadWord;
using reading::similarity;

/// Minimum similarity at which a read word counts as the requested word.
constexpr double kSameWord = 0.5;

/// Required lead of a rival's correlation over that of a word that Tesseract has read.
constexpr double kLeadOverRead = 0.005;

struct SeenWord {
  std::string word;  // in the form of compared_words
  PixelBox box;
  std::size_t line;
};

/// Where a text was found.
struct FoundText {
  PixelBox box;
  std::optional<std::size_t> line;
};

class PictureScore {
 public:
  PictureScore(const posters::SuitePrompt& prompt,
               InkPicture picture,
               const posters::PosterData& data)
      : prompt_(prompt), picture_(std::move(picture)), data_(data) {}

  PromptScore take() { return std::move(score_); }

  void judge_background() {
    item_ = "poster";
    const auto& background = prompt_.scene.background;
    const auto ends = picture_.background_ends();
    const auto top = named_colour(data_.palette, ends[0]);
    const auto bottom = named_colour(data_.palette, ends[1]);
    if (says("poster.background")) {
      if (background.second) {
        judge(Measure::kBackgroundColour, background.first.id, top);
      } else {
        judge(Measure::kBackgroundColour, background.first.id, top == bottom ? top : "");
      }
    }
    if (background.second && says("poster.second")) {
      judge(Measure::kBackgroundColour, background.second->id, bottom);
    }
  }

  void judge_pictograms(const PictogramMatcher& matcher) {
    if (prompt_.scene.pictograms.empty()) return;
    std::vector<PictogramMatch> matches;
    for (const auto& region : find_item_regions(picture_)) {
      matches.push_back(matcher.nearest(picture_, region));
    }
    for (std::size_t i = 0; i < prompt_.scene.pictograms.size(); ++i) {
      item_ = concat("pictograms[", i, "]");
      const auto& item = prompt_.scene.pictograms[i];
      const PictogramMatch* match = nullptr;
      for (const auto& other : matches) {
        if (other.id == item.id && (match == nullptr || other.explained > match->explained)) {
          match = &other;
        }
      }
      std::string found;
      for (const auto& other : matches) {
        if (!other.id.empty()) found += (found.empty() ? "" : " ") + other.id;
      }
      add(Measure::kPictogram, item.id, match != nullptr ? item.id : found, match != nullptr);
      if (match != nullptr) pictogram_boxes_.push_back(match->box);
      if (says(item_ + ".place")) {
        judge_place(Measure::kPictogramPlace, item.place, match ? match->box : PixelBox());
      }
    }
  }

  void judge_texts(TextReader& reader, const LetterComparison& comparison) {
    lines_ = find_text_lines(picture_, pictogram_boxes_);
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      for (const auto& reading : reader.read(lines_[i])) take_reading(reading, i);
    }
    std::vector<FoundText> found;
    std::vector<bool> is_used(lines_.size(), false);
    for (const auto& text : prompt_.scene.texts) {
      item_ = concat("texts[", found.size(), "]");
      found.push_back(judge_words(text.text, comparison));
      if (found.back().line) is_used[*found.back().line] = true;
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!found[i].line) take_spare_line(found[i], is_used);
      judge_text(i, found[i]);
    }
  }

 private:
  bool says(const std::string& what) const { return prompt_.caption.says.count(what) > 0; }

  void add(Measure measure, const std::string& wanted, const std::string& found, bool is_right) {
    score_.judgements.push_back({measure, item_, wanted, found, is_right});
  }
  void judge(Measure measure, const std::string& wanted, const std::string& found) {
    add(measure, wanted, found, wanted == found);
  }
  void judge_place(Measure measure, posters::Place place, const PixelBox& box) {
    const auto where =
        box.is_empty() ? "" : concat((box.left + box.right) / 2, ",", (box.top + box.bottom) / 2);
    add(measure,
        std::string(posters::place_name(place)),
        where,
        is_at(place, box, picture_.width(), picture_.height()));
  }

  /// Adds the words of a line, and the whole line without its spaces.
  void take_reading(const std::vector<ReadWord>& reading, std::size_t line) {
    SeenWord joined{{}, {}, line};
    for (const auto& read : reading) {
      for (const auto& word : compared_words(read.text)) {
        seen_.push_back({word, read.box, line});
        joined.word += word;
      }
      joined.box = united(joined.box, read.box);
    }
    if (reading.size() > 1) seen_.push_back(std::move(joined));
  }

  const SeenWord* exactly(const std::string& word) const {
    const auto at = std::find_if(
        seen_.begin(), seen_.end(), [&](const SeenWord& seen) { return seen.word == word; });
    return at == seen_.end() ? nullptr : &*at;
  }

  const SeenWord* most_similar(const std::string& word) const {
    const SeenWord* nearest = nullptr;
    double likeness = 0;
    for (const auto& seen : seen_) {
      const double value = similarity(word, seen.word);
      if (value <= likeness) continue;
      likeness = value;
      nearest = &seen;
    }
    return nearest;
  }

  /// For each word, the reading of the longest run of words around it that was read without spaces.
  /// Tesseract drops the spaces of "9 %" or "13 h 05", which do not count as spelling.
  std::vector<const SeenWord*> joined_runs(const std::vector<std::string>& words) const {
    std::vector<const SeenWord*> runs(words.size(), nullptr);
    for (std::size_t length = 2; length <= words.size(); ++length) {
      for (std::size_t first = 0; first + length <= words.size(); ++first) {
        std::string run;
        for (std::size_t i = first; i < first + length; ++i) run += words[i];
        if (const auto* seen = exactly(run)) {
          std::fill_n(runs.begin() + static_cast<std::ptrdiff_t>(first), length, seen);
        }
      }
    }
    return runs;
  }

  FoundText judge_words(const std::string& text, const LetterComparison& comparison) {
    FoundText found;
    double best = 0;
    const auto place_word = [&](const PixelBox& box, std::size_t line, double likeness) {
      found.box = united(found.box, box);
      if (likeness <= best) return;
      best = likeness;
      found.line = line;
    };
    const auto drawn = split_words(text);
    const auto wanted = compared_words(text);
    GLM_IMAGE_CHECK(drawn.size() == wanted.size(), text);
    const auto runs = joined_runs(wanted);
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      const auto* exact = exactly(wanted[i]);
      if (exact == nullptr) exact = runs[i];
      const auto judged = can_be_read(drawn[i]) ? judge_read(drawn[i], wanted[i], exact, comparison)
                                                : judge_compared(drawn[i], wanted[i], comparison);
      score_.similarities.push_back(judged.likeness);
      if (judged.likeness >= kSameWord) place_word(judged.box, judged.line, judged.likeness);
    }
    return found;
  }

  struct JudgedWord {
    double likeness = 0;
    PixelBox box;
    std::size_t line = 0;
  };

  JudgedWord nearest_read(const std::string& wanted) const {
    const auto* seen = most_similar(wanted);
    if (seen == nullptr) return {};
    return {similarity(wanted, seen->word), seen->box, seen->line};
  }

  /// A word that was read correctly is wrong if it looks more like one that Tesseract misreads as
  /// it.
  JudgedWord judge_read(const std::string& drawn,
                        const std::string& wanted,
                        const SeenWord* exact,
                        const LetterComparison& comparison) {
    if (exact == nullptr) {
      const auto* seen = most_similar(wanted);
      add(Measure::kWordRead, wanted, seen == nullptr ? "" : seen->word, /*is_right=*/false);
      return nearest_read(wanted);
    }
    const auto match =
        comparison.find(drawn, words_misread_as(drawn), {lines_[exact->line]}, kLeadOverRead);
    const auto looks = match ? compared_words(match->nearest).front() : wanted;
    judge(Measure::kWordRead, wanted, looks);
    return {similarity(wanted, looks), exact->box, exact->line};
  }

  JudgedWord judge_compared(const std::string& drawn,
                            const std::string& wanted,
                            const LetterComparison& comparison) {
    const auto match = comparison.find(drawn, words_one_letter_away(drawn), lines_, /*lead=*/0);
    if (!match) {
      const auto* seen = most_similar(wanted);
      add(Measure::kWordCompared, drawn, seen == nullptr ? "" : seen->word, /*is_right=*/false);
      return nearest_read(wanted);
    }
    judge(Measure::kWordCompared, drawn, match->nearest);
    return {similarity(drawn, match->nearest), match->box, match->line};
  }

  static std::vector<std::string> split_words(const std::string& text) {
    std::vector<std::string> words;
    std::size_t begin = 0;
    while (begin < text.size()) {
      const auto end = std::min(text.find(' ', begin), text.size());
      if (end > begin) words.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return words;
  }

  /// For a text that cannot be read, uses the colour and place of the longest line without another
  /// text.
  void take_spare_line(FoundText& found, std::vector<bool>& is_used) const {
    std::optional<std::size_t> longest;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (is_used[i] || lines_[i].letters.size() < 2) continue;
      if (!longest || lines_[i].box.width() > lines_[*longest].box.width()) longest = i;
    }
    if (!longest) return;
    is_used[*longest] = true;
    found = {lines_[*longest].box, longest};
  }

  void judge_text(std::size_t index, const FoundText& found) {
    item_ = concat("texts[", index, "]");
    const auto& text = prompt_.scene.texts[index];
    if (says(item_ + ".colour")) {
      judge(Measure::kTextColour,
            text.colour.id,
            found.line ? named_colour(data_.palette, lines_[*found.line].colour) : "");
    }
    if (says(item_ + ".place")) {
      judge_place(Measure::kTextPlace, text.place, found.box);
    }
  }

  const posters::SuitePrompt& prompt_;
  InkPicture picture_;
  const posters::PosterData& data_;
  std::vector<PixelBox> pictogram_boxes_;
  std::vector<TextLine> lines_;
  std::vector<SeenWord> seen_;
  std::string item_;  ///< that is judged now
  PromptScore score_;
};

}  // namespace

const char* measure_name(Measure measure) {
  switch (measure) {
    case Measure::kWordRead:
      return "words read";
    case Measure::kWordCompared:
      return "words compared";
    case Measure::kPictogram:
      return "pictograms";
    case Measure::kBackgroundColour:
      return "background colours";
    case Measure::kTextColour:
      return "text colours";
    case Measure::kTextPlace:
      return "text places";
    case Measure::kPictogramPlace:
      return "pictogram places";
  }
  fail(ErrorCode::kInternal, "unknown measure");
}

PictureScorer::PictureScorer(const posters::PosterSource& source)
    : source_(source), comparison_(source), pictograms_(source) {}

PromptScore PictureScorer::score(const posters::SuitePrompt& prompt, const Image& image) {
  if (image.width != prompt.width || image.height != prompt.height) {
    fail(ErrorCode::kInvalidInput,
         "the picture of prompt ",
         prompt.id,
         " has ",
         image.width,
         "×",
         image.height,
         " pixels, the suite asks for ",
         prompt.width,
         "×",
         prompt.height);
  }
  PictureScore score(prompt, InkPicture(image), source_.data());
  score.judge_background();
  score.judge_pictograms(pictograms_);
  score.judge_texts(reader_, comparison_);
  return score.take();
}

}  // namespace glm_image::evaluate
