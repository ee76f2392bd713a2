#include "nano/training/letter_reader.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "text/glyph_sequences.h"
#include "text/unicode.h"

namespace glm_image::nano {
namespace {

constexpr int64_t kPointingDim = 64;
constexpr int64_t kBytes = 256;
constexpr int64_t kPlaces = 32;  // larger counts are clamped to kPlaces − 1
constexpr double kNormEps = 1e-5;

uint8_t last_byte_of_character(const std::string& text, size_t offset) {
  size_t last = offset;
  while (last + 1 < text.size() && (static_cast<uint8_t>(text[last + 1]) & 0xC0) == 0x80) ++last;
  return static_cast<uint8_t>(text[last]);
}

/// The glyph token of each text's first byte. In a sequence an end marker follows the bytes, and a
/// pad may precede them.
std::vector<int64_t> first_tokens_of(const std::vector<std::string>& texts,
                                     const text::ByteTokenizer& tokenizer) {
  std::vector<int64_t> first_tokens;
  int64_t tokens = 0;
  const auto sequences = text::glyph_sequences(tokenizer, texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto length = static_cast<int64_t>(sequences[i].size());
    first_tokens.push_back(tokens + length - 1 - static_cast<int64_t>(texts[i].size()));
    tokens += length;
  }
  return first_tokens;
}

/// Several questions about the same tokens: the sum of their losses, right where all are.
Classified joint(const std::vector<Classified>& questions) {
  auto all = questions.front();
  for (size_t i = 1; i < questions.size(); ++i) {
    all.losses = all.losses + questions[i].losses;
    all.right = all.right * questions[i].right;
  }
  return all;
}

}  // namespace

Tensor letters_of_patches(const PosterExample& example,
                          const text::ByteTokenizer& tokenizer,
                          int64_t side) {
  const auto texts = texts_of(example.scene);
  const auto first_tokens = first_tokens_of(texts, tokenizer);
  const int64_t end =
      texts.empty() ? 0 : first_tokens.back() + static_cast<int64_t>(texts.back().size());
  const auto places = places_of_glyphs(example.scene.texts, tokenizer, end);
  const auto place_at = places.accessor<int64_t, 2>();
  const int64_t rows = example.image.height / side, columns = example.image.width / side;
  auto letters = at::full({3 + kPlaceQuestions, rows, columns}, kNoAnswer, at::kLong);
  auto covered = at::full({rows, columns}, side * side / 8, at::kLong);
  auto letter_at = letters.accessor<int64_t, 3>();
  auto covered_at = covered.accessor<int64_t, 2>();
  for (const auto& letter : example.layout.letters) {
    const auto& text = texts[letter.text];
    const int64_t last_row = std::min(rows, (letter.y + letter.height - 1) / side + 1);
    const int64_t last_column = std::min(columns, (letter.x + letter.width - 1) / side + 1);
    for (int64_t row = letter.y / side; row < last_row; ++row) {
      for (int64_t column = letter.x / side; column < last_column; ++column) {
        const int64_t area = overlap_of_cell(row, side, letter.y, letter.height) *
                             overlap_of_cell(column, side, letter.x, letter.width);
        if (area <= covered_at[row][column]) continue;
        covered_at[row][column] = area;
        const auto token = first_tokens[letter.text] + static_cast<int64_t>(letter.offset);
        letter_at[0][row][column] = token;
        letter_at[1][row][column] = static_cast<uint8_t>(text[letter.offset]);
        letter_at[2][row][column] = last_byte_of_character(text, letter.offset);
        for (int64_t i = 0; i < kPlaceQuestions; ++i) {
          letter_at[3 + i][row][column] = place_at[i][token];
        }
      }
    }
  }
  return letters;
}

Tensor places_of_glyphs(const std::vector<posters::TextItem>& texts,
                        const text::ByteTokenizer& tokenizer,
                        int64_t tokens) {
  auto places = at::full({kPlaceQuestions, tokens}, kNoAnswer, at::kLong);
  auto place_at = places.accessor<int64_t, 2>();
  const auto first_tokens = first_tokens_of(texts_of(texts), tokenizer);
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto characters = text::code_points(texts[i].text);
    const auto count = static_cast<int64_t>(characters.size());
    size_t line = 0, line_end = texts[i].lines.at(0).size();
    int64_t first_of_line = 0;
    for (int64_t before = 0; before < count; ++before) {
      const auto& character = characters[before];
      if (character.begin > line_end && line + 1 < texts[i].lines.size()) {
        line_end += 1 + texts[i].lines[++line].size();
        first_of_line = before;
      }
      const std::array<int64_t, kPlaceQuestions> place{
          before, count - before - 1, before - first_of_line, static_cast<int64_t>(line)};
      for (auto offset = character.begin; offset < character.end; ++offset) {
        const auto token = first_tokens[i] + static_cast<int64_t>(offset);
        for (int64_t question = 0; question < kPlaceQuestions; ++question) {
          place_at[question][token] = std::min(place[question], kPlaces - 1);
        }
      }
    }
  }
  return places;
}

LetterReaderImpl::LetterReaderImpl(int64_t hidden,
                                   int64_t glyph_hidden,
                                   const at::TensorOptions& options) {
  pointing_norm = register_module("pointing_norm", nn::LayerNorm(hidden, kNormEps, options));
  spelling_norm = register_module("spelling_norm", nn::LayerNorm(hidden, kNormEps, options));
  to_queries = register_module("to_queries", nn::Linear(hidden, kPointingDim, options));
  to_keys = register_module("to_keys", nn::Linear(hidden, kPointingDim, options));
  const auto two = [&](const char* name, int64_t width, int64_t classes) {
    return register_module(name,
                           ClassifierHead(width, std::vector<int64_t>{classes, classes}, options));
  };
  to_bytes = two("to_bytes", hidden, kBytes);
  to_places = two("to_places", hidden, kPlaces);
  to_line_places = two("to_line_places", hidden, kPlaces);
  to_glyph_places = two("to_glyph_places", glyph_hidden, kPlaces);
  to_glyph_line_places = two("to_glyph_line_places", glyph_hidden, kPlaces);
}

LetterReaderImpl::Reading LetterReaderImpl::forward(const Input& input) const {
  const auto& letters = input.letters;
  const int64_t text_tokens = input.seen.size(1);
  const int64_t image_tokens = input.early.size(1) - text_tokens;
  const auto image = [&](const Tensor& x) { return x.narrow(1, text_tokens, image_tokens); };
  const auto targets = [](const Tensor& x, int64_t i) { return x.select(1, i).flatten(); };

  const auto normed = pointing_norm->forward(input.early);
  const auto queries = to_queries->forward(image(normed));
  const auto keys = to_keys->forward(normed.narrow(1, 0, text_tokens));
  const auto similarities =
      (at::bmm(queries, keys.transpose(1, 2)).to(at::kFloat) / std::sqrt(double{kPointingDim}))
          .masked_fill(input.seen.logical_not().unsqueeze(1), -1e4)
          .flatten(0, 1);  // [B·image tokens, text tokens]
  const auto pointing = classify(similarities, targets(letters, 0));
  const auto bytes = to_bytes->logits(spelling_norm->forward(image(input.late)));
  const auto spelling =
      joint({classify(bytes[0], targets(letters, 1)), classify(bytes[1], targets(letters, 2))});
  const auto placed = [&](const ClassifierHead& in_text,
                          const ClassifierHead& in_line,
                          const Tensor& x,
                          const Tensor& places) {
    auto logits = in_text->logits(x);
    for (auto& of_line : in_line->logits(x)) logits.push_back(std::move(of_line));
    std::vector<Classified> questions;
    for (int64_t i = 0; i < kPlaceQuestions; ++i) {
      questions.push_back(classify(logits[i], targets(places, i)));
    }
    return joint(questions);
  };
  const auto placing =
      placed(to_places, to_line_places, image(normed), letters.narrow(1, 3, kPlaceQuestions));
  const auto counting =
      placed(to_glyph_places, to_glyph_line_places, input.glyphs, input.glyph_places);

  const auto by_picture = [&](const Tensor& x) { return x.view({input.seen.size(0), -1}); };
  Reading reading;
  reading.pointing_loss = pointing.loss();
  reading.spelling_loss = spelling.loss();
  reading.placing_loss = placing.loss();
  reading.counting_loss = counting.loss();
  reading.counting_right = counting.accuracy();
  reading.shown = by_picture(pointing.asked);
  reading.pointing_right = by_picture(pointing.right);
  reading.spelling_right = by_picture(spelling.right);
  reading.placing_right = by_picture(placing.right);
  return reading;
}

}  // namespace glm_image::nano
