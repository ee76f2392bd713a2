#include "nano/training/letter_counts.h"

#include <gtest/gtest.h>

#include "support/reference.h"
#include "text/unicode.h"

namespace glm_image::nano {
namespace {

text::BpeTokenizer nano_tokenizer() {
  return text::BpeTokenizer::load(test::project_dir() / "models" / "nano" / "processor" /
                                  "tokenizer.json");
}

TEST(LettersRead, CountTheTextUpToATokensEnd) {
  const auto tokenizer = nano_tokenizer();
  const std::string caption = "Une carte où l'on lit « Élève ɓ » et “Élan”, sur fond bleu";
  const std::vector<std::string> texts{"Élève ɓ", "Élan"};
  auto prompt = tokenizer.encode(caption);
  const auto of_caption = prompt.size();
  prompt.push_back(tokenizer.encode("bleu").front());  // text after the caption
  const auto counts = letters_read(tokenizer, prompt, caption, texts);
  ASSERT_EQ(counts.size(), prompt.size());

  std::vector<int64_t> last(texts.size(), 0);
  for (std::size_t i = 0; i < of_caption; ++i) {
    // A token that ends inside a letter cannot be decoded, so skip it.
    const auto read = tokenizer.decode({prompt.begin(), prompt.begin() + i + 1});
    if (caption.compare(0, read.size(), read) != 0) continue;
    int64_t expected = kNoAnswer;
    for (std::size_t text = 0; text < texts.size(); ++text) {
      const auto begin = caption.find(texts[text]);
      if (read.size() <= begin || read.size() > begin + texts[text].size()) continue;
      expected = static_cast<int64_t>(
          text::code_points(texts[text].substr(0, read.size() - begin)).size());
      last[text] = expected;
    }
    EXPECT_EQ(counts[i], expected) << read;
  }
  EXPECT_EQ(last, (std::vector<int64_t>{7, 4}));
  EXPECT_EQ(counts.back(), kNoAnswer);
}

TEST(LettersRead, IgnoreOtherWordsThatContainTheText) {
  const auto tokenizer = nano_tokenizer();
  const std::string caption = "Un cœur à droite avec le texte « roi » et « o »";
  const auto counts = letters_read(tokenizer, tokenizer.encode(caption), caption, {"roi", "o"});
  std::vector<int64_t> asked;
  std::size_t end = 0;
  const auto prompt = tokenizer.encode(caption);
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    end += text::code_points(tokenizer.token_of(prompt[i])).size();
    if (counts[i] == kNoAnswer) continue;
    EXPECT_GT(end, caption.find("«"));
    asked.push_back(counts[i]);
  }
  ASSERT_GE(asked.size(), 2U);
  EXPECT_EQ(asked[asked.size() - 2], 3);
  EXPECT_EQ(asked.back(), 1);
}

TEST(LetterCounter, CountsOnlyTokensInTexts) {
  constexpr int64_t kHidden = 40;
  LetterCounter counter(kHidden, at::TensorOptions(at::kFloat));
  auto weight = at::zeros({kMostLetters + 1, kHidden});
  weight.narrow(1, 0, kMostLetters + 1).fill_diagonal_(20);
  counter->to_count->weight.set_data(weight);
  counter->to_count->bias.set_data(at::zeros({kMostLetters + 1}));
  auto hidden = at::zeros({4, kHidden});
  for (const auto& [token, count] : {std::pair<int, int>{0, 3}, {1, 7}, {2, 1}}) {
    hidden[token][count] = 1;
  }
  const auto right =
      counter->forward(hidden, torch::tensor({int64_t{3}, int64_t{7}, kNoAnswer, kNoAnswer}));
  EXPECT_EQ(right.accuracy().item<double>(), 1);
  EXPECT_LT(right.loss().item<double>(), 1e-3);
  const auto half =
      counter->forward(hidden, torch::tensor({int64_t{3}, int64_t{8}, kNoAnswer, kNoAnswer}));
  EXPECT_EQ(half.accuracy().item<double>(), 0.5);
  const auto none = counter->forward(hidden, torch::full({4}, kNoAnswer, at::kLong));
  EXPECT_EQ(none.loss().item<double>(), 0);
}

}  // namespace
}  // namespace glm_image::nano
