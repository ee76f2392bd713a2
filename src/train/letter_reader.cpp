#include "train/letter_reader.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "text/glyph_sequences.h"
#include "text/unicode.h"

namespace glm_image::train {
namespace {

constexpr int64_t kPointingDim = 64;
constexpr int64_t kBytes = 256;
constexpr int64_t kPlaces = 32;  // more letters before or after a letter count as so many
constexpr double kNormEps = 1e-5;

uint8_t last_byte_of_character(const std::string& text, size_t offset) {
  size_t last = offset;
  while (last + 1 < text.size() && (static_cast<uint8_t>(text[last + 1]) & 0xC0) == 0x80) ++last;
  return static_cast<uint8_t>(text[last]);
}

/// The glyph token of each text's first byte. Behind the bytes stands the end marker, before them
/// perhaps a pad.
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
  auto letters = at::full({3 + kPlaceQuestions, rows, columns}, -1, at::kLong);
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
  auto places = at::full({kPlaceQuestions, tokens}, -1, at::kLong);
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
  to_bytes = register_module("to_bytes", nn::Linear(hidden, 2 * kBytes, options));
  to_places = register_module("to_places", nn::Linear(hidden, 2 * kPlaces, options));
  to_line_places = register_module("to_line_places", nn::Linear(hidden, 2 * kPlaces, options));
  to_glyph_places =
      register_module("to_glyph_places", nn::Linear(glyph_hidden, 2 * kPlaces, options));
  to_glyph_line_places =
      register_module("to_glyph_line_places", nn::Linear(glyph_hidden, 2 * kPlaces, options));
}

LetterReaderImpl::Reading LetterReaderImpl::forward(const Input& input) const {
  const auto& letters = input.letters;
  const int64_t text_tokens = input.seen.size(1);
  const int64_t image_tokens = input.early.size(1) - text_tokens;
  const auto image = [&](const Tensor& x) { return x.narrow(1, text_tokens, image_tokens); };
  const auto wanted = [&](int64_t i) { return letters.select(1, i).clamp_min(0).flatten(); };
  const auto shown = (letters.select(1, 0) >= 0).flatten().to(at::kFloat);
  const auto mean = [](const Tensor& values, const Tensor& counted) {
    return (values * counted).sum() / counted.sum().clamp_min(1);
  };
  const auto loss = [&](const Tensor& logits, const Tensor& target) {
    return at::cross_entropy_loss(logits, target, /*weight=*/{}, at::Reduction::None);
  };
  const auto two_of = [](const nn::Linear& projection, const Tensor& x) {
    return projection->forward(x).to(at::kFloat).flatten(0, 1).chunk(2, /*dim=*/1);
  };
  const auto right = [](const Tensor& logits, const Tensor& target) {
    return (logits.detach().argmax(1) == target).to(at::kFloat);
  };
  /// The loss of all questions about places, and where all of them are answered right.
  struct Placing {
    Tensor loss, right;
  };
  const auto placing = [&](const nn::Linear& in_text,
                           const nn::Linear& in_line,
                           const Tensor& x,
                           const Tensor& answers) {
    auto logits = two_of(in_text, x);
    for (auto& of_line : two_of(in_line, x)) logits.push_back(std::move(of_line));
    Placing sum;
    for (int64_t i = 0; i < kPlaceQuestions; ++i) {
      const auto answer = answers.select(1, i).clamp_min(0).flatten();
      const auto of_question = loss(logits[i], answer), well = right(logits[i], answer);
      sum = i == 0 ? Placing{of_question, well} : Placing{sum.loss + of_question, sum.right * well};
    }
    return sum;
  };

  const auto normed = pointing_norm->forward(input.early);
  const auto queries = to_queries->forward(image(normed));
  const auto keys = to_keys->forward(normed.narrow(1, 0, text_tokens));
  const auto pointing =
      (at::bmm(queries, keys.transpose(1, 2)).to(at::kFloat) / std::sqrt(double{kPointingDim}))
          .masked_fill(input.seen.logical_not().unsqueeze(1), -1e4)
          .flatten(0, 1);  // [B·image tokens, text tokens]
  const auto bytes = two_of(to_bytes, spelling_norm->forward(image(input.late)));
  const auto places =
      placing(to_places, to_line_places, image(normed), letters.narrow(1, 3, kPlaceQuestions));
  const auto glyph_places =
      placing(to_glyph_places, to_glyph_line_places, input.glyphs, input.glyph_places);
  const auto is_letter = (input.glyph_places.select(1, 0) >= 0).flatten().to(at::kFloat);

  Reading reading;
  reading.pointing_loss = mean(loss(pointing, wanted(0)), shown);
  reading.spelling_loss = mean(loss(bytes[0], wanted(1)) + loss(bytes[1], wanted(2)), shown);
  reading.placing_loss = mean(places.loss, shown);
  reading.counting_loss = mean(glyph_places.loss, is_letter);
  const auto by_picture = [&](const Tensor& of_patches) {
    return (of_patches * shown).view({input.seen.size(0), -1});
  };
  reading.counting_right = share_right(glyph_places.right * is_letter, is_letter);
  reading.shown = by_picture(at::ones_like(shown));
  reading.pointing_right = by_picture(right(pointing, wanted(0)));
  reading.spelling_right = by_picture(right(bytes[0], wanted(1)) * right(bytes[1], wanted(2)));
  reading.placing_right = by_picture(places.right);
  return reading;
}

}  // namespace glm_image::train
