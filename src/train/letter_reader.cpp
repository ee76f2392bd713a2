#include "train/letter_reader.h"

#include <cmath>

#include "text/glyph_sequences.h"

namespace glm_image::train {
namespace {

constexpr int64_t kPointingDim = 64;
constexpr int64_t kBytes = 256;
constexpr double kNormEps = 1e-5;

uint8_t last_byte_of_character(const std::string& text, size_t offset) {
  size_t last = offset;
  while (last + 1 < text.size() && (static_cast<uint8_t>(text[last + 1]) & 0xC0) == 0x80) ++last;
  return static_cast<uint8_t>(text[last]);
}

}  // namespace

Tensor letters_of_patches(const PosterExample& example,
                          const text::ByteTokenizer& tokenizer,
                          int64_t side) {
  std::vector<int64_t> first_tokens;  // of the first byte of every text
  int64_t tokens = 0;
  const auto texts = texts_of(example.scene);
  const auto sequences = text::glyph_sequences(tokenizer, texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto length = static_cast<int64_t>(sequences[i].size());
    // Behind the bytes stands the end marker, before them perhaps a pad.
    first_tokens.push_back(tokens + length - 1 - static_cast<int64_t>(texts[i].size()));
    tokens += length;
  }

  const int64_t rows = example.image.height / side, columns = example.image.width / side;
  auto letters = at::full({3, rows, columns}, -1, at::kLong);
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
        letter_at[0][row][column] = first_tokens[letter.text] + static_cast<int64_t>(letter.offset);
        letter_at[1][row][column] = static_cast<uint8_t>(text[letter.offset]);
        letter_at[2][row][column] = last_byte_of_character(text, letter.offset);
      }
    }
  }
  return letters;
}

LetterReaderImpl::LetterReaderImpl(int64_t hidden, const at::TensorOptions& options) {
  pointing_norm = register_module("pointing_norm", nn::LayerNorm(hidden, kNormEps, options));
  spelling_norm = register_module("spelling_norm", nn::LayerNorm(hidden, kNormEps, options));
  to_queries = register_module("to_queries", nn::Linear(hidden, kPointingDim, options));
  to_keys = register_module("to_keys", nn::Linear(hidden, kPointingDim, options));
  to_bytes = register_module("to_bytes", nn::Linear(hidden, 2 * kBytes, options));
}

LetterReaderImpl::Reading LetterReaderImpl::forward(const Tensor& early,
                                                    const Tensor& late,
                                                    const Tensor& seen,
                                                    const Tensor& letters) const {
  const int64_t text_tokens = seen.size(1), image_tokens = early.size(1) - text_tokens;
  const auto image = [&](const Tensor& x) { return x.narrow(1, text_tokens, image_tokens); };
  const auto wanted = [&](int64_t i) { return letters.select(1, i).clamp_min(0).flatten(); };
  const auto shown = (letters.select(1, 0) >= 0).flatten().to(at::kFloat);
  const auto mean = [&](const Tensor& of_patches) {
    return (of_patches * shown).sum() / shown.sum().clamp_min(1);
  };
  const auto loss = [&](const Tensor& logits, const Tensor& target) {
    return at::cross_entropy_loss(logits, target, /*weight=*/{}, at::Reduction::None);
  };

  const auto normed = pointing_norm->forward(early);
  const auto queries = to_queries->forward(image(normed));
  const auto keys = to_keys->forward(normed.narrow(1, 0, text_tokens));
  const auto pointing =
      (at::bmm(queries, keys.transpose(1, 2)).to(at::kFloat) / std::sqrt(double{kPointingDim}))
          .masked_fill(seen.logical_not().unsqueeze(1), -1e4)
          .flatten(0, 1);  // [B·image tokens, text tokens]
  const auto bytes = to_bytes->forward(spelling_norm->forward(image(late)))
                         .to(at::kFloat)
                         .flatten(0, 1)
                         .chunk(2, /*dim=*/1);

  Reading reading;
  reading.pointing_loss = mean(loss(pointing, wanted(0)));
  reading.spelling_loss = mean(loss(bytes[0], wanted(1)) + loss(bytes[1], wanted(2)));
  const auto right = [&](const Tensor& logits, int64_t i) {
    return (logits.detach().argmax(1) == wanted(i)).to(at::kFloat) * shown;
  };
  const auto by_picture = [&](const Tensor& of_patches) {
    return of_patches.view({seen.size(0), -1});
  };
  reading.shown = by_picture(shown);
  reading.pointing_right = by_picture(right(pointing, 0));
  reading.spelling_right = by_picture(right(bytes[0], 1) * right(bytes[1], 2));
  return reading;
}

}  // namespace glm_image::train
