#include "nano/training/letter_reader.h"

#include <map>

#include "nano/shared_source.h"
#include "support/reference.h"
#include "train/batch/glyph_batch.h"

namespace glm_image::test {
namespace {

constexpr int64_t kSide = 16;

text::ByteTokenizer byte_tokenizer() {
  return text::ByteTokenizer::load(tiny_model_dir() / "tokenizer" / "tokenizer_config.json");
}

TEST(LettersOfPatches, PointAtTheGlyphTokensThatThePictureShows) {
  const auto tokenizer = byte_tokenizer();
  nano::PosterFeed feed(poster_folder(), /*seed=*/4);
  int64_t found = 0, letters_in_all = 0;
  for (int64_t i = 0; i < 200; ++i) {
    const auto example = feed.example(i, 256, 256);
    const auto letters = nano::letters_of_patches(example, tokenizer, kSide);
    ASSERT_EQ(letters.sizes(), at::IntArrayRef({3 + nano::kPlaceQuestions, 16, 16}));
    const auto glyphs = train::make_glyph_batch(tokenizer, {nano::texts_of(example.scene)});
    const auto places =
        nano::places_of_glyphs(example.scene.texts, tokenizer, glyphs.gather.size(1));
    // The tokens in the DiT's order, one text after the other.
    const auto ids = glyphs.ids.flatten().index_select(0, glyphs.gather[0]);
    std::map<int64_t, int64_t> patches_of_token;
    for (int64_t row = 0; row < 16; ++row) {
      for (int64_t column = 0; column < 16; ++column) {
        const auto cell = letters.select(2, column).select(1, row);
        const auto token = cell[0].item<int64_t>();
        if (token < 0) continue;
        ++patches_of_token[token];
        const auto first = cell[1].item<int64_t>(), last = cell[2].item<int64_t>();
        constexpr int64_t kByteTokens = 3;  // byte b is token b + 3
        EXPECT_EQ(ids[token].item<int64_t>(), first + kByteTokens);
        // A single byte, or the first and the last byte of several.
        EXPECT_TRUE(first < 0x80 ? last == first : (last & 0xC0) == 0x80);
        const auto place = cell.narrow(0, 3, nano::kPlaceQuestions);
        EXPECT_TRUE(place.equal(places.select(1, token)));
      }
    }
    found += static_cast<int64_t>(patches_of_token.size());
    letters_in_all += static_cast<int64_t>(example.layout.letters.size());
  }
  // Small letters share patches with their neighbours, and only the largest one counts.
  EXPECT_GT(found, letters_in_all / 2);
}

TEST(LettersOfPatches, LieWhereTheLettersAre) {
  nano::PosterFeed feed(poster_folder(), /*seed=*/5);
  auto example = feed.example(0, 256, 256);
  example.layout.letters = {{/*text=*/0, /*offset=*/0, 32, 48, 16, 16},
                            {/*text=*/0, /*offset=*/1, 100, 101, 3, 5}};
  const auto letters = nano::letters_of_patches(example, byte_tokenizer(), kSide);
  // The first letter fills a patch; the second is too small for any.
  EXPECT_EQ((letters[0] >= 0).sum().item<int64_t>(), 1);
  EXPECT_GE(letters[0][3][2].item<int64_t>(), 0);
}

TEST(PlacesOfGlyphs, CountLettersNotBytesOfTextAndLine) {
  // Two texts: d, é (two bytes), j, end, an even number of tokens; then a, space, b, c, end and a
  // pad.
  const std::vector<std::string> texts = {"déj", "a bc"};
  std::vector<posters::TextItem> items(2);
  items[0].text = texts[0];
  items[0].lines = {"déj"};
  items[1].text = texts[1];
  items[1].lines = {"a", "bc"};
  const auto tokenizer = byte_tokenizer();
  const auto glyphs = train::make_glyph_batch(tokenizer, {texts});
  const auto ids = glyphs.ids.flatten().index_select(0, glyphs.gather[0]);
  const auto places = nano::places_of_glyphs(items, tokenizer, ids.size(0));
  std::string letters, before, after, before_in_line, line;
  constexpr int64_t kByteTokens = 3;
  for (int64_t token = 0; token < ids.size(0); ++token) {
    const auto byte = ids[token].item<int64_t>() - kByteTokens;
    ASSERT_EQ(places[0][token].item<int64_t>() >= 0, byte >= 0) << token;
    if (byte < 0) continue;
    letters += static_cast<char>(byte);
    before += std::to_string(places[0][token].item<int64_t>());
    after += std::to_string(places[1][token].item<int64_t>());
    before_in_line += std::to_string(places[2][token].item<int64_t>());
    line += std::to_string(places[3][token].item<int64_t>());
  }
  EXPECT_EQ(letters, "déja bc");
  EXPECT_EQ(before, "01120123");
  EXPECT_EQ(after, "21103210");
  EXPECT_EQ(before_in_line, "01120101");
  EXPECT_EQ(line, "00000011");
}

TEST(LetterReader, LossesFallIfTheCorrectTokenIsTheMostSimilar) {
  at::NoGradGuard no_grad;
  constexpr int64_t kHidden = 32, kGlyphHidden = 24, kTexts = 5, kPatches = 7;
  nano::LetterReader reader(kHidden, kGlyphHidden, at::TensorOptions(at::kFloat));
  at::manual_seed(1);
  for (auto& item : reader->named_parameters()) {
    item.value().set_data(item.value().dim() == 1 ? at::zeros(item.value().sizes())
                                                  : at::randn(item.value().sizes()));
  }
  // The norms have weights of 1, and queries and keys have the same projection, so a patch points
  // to the most similar token.
  auto parameters = reader->named_parameters();
  parameters["pointing_norm.weight"].fill_(1);
  parameters["spelling_norm.weight"].fill_(1);
  parameters["to_keys.weight"].copy_(parameters["to_queries.weight"]);
  const auto texts = at::randn({1, kTexts, kHidden});
  const auto wanted = torch::tensor({0, 4, 2, 1, 3, 0, 2});
  const auto early = at::cat({texts, texts.index_select(1, wanted)}, 1);
  auto letters = at::zeros({1, 3 + nano::kPlaceQuestions, kPatches}, at::kLong);
  letters[0][0].copy_(wanted);
  const auto seen = at::ones({1, kTexts}, at::kBool);

  const auto read = [&] {
    return reader->forward(
        {early,
         early,
         at::randn({1, kTexts, kGlyphHidden}),
         seen,
         letters,
         at::full({1, nano::kPlaceQuestions, kTexts}, nano::kNoAnswer, at::kLong)});
  };
  const auto right = read();
  EXPECT_EQ(nano::LetterReaderImpl::share_right(right.pointing_right, right.shown).item<double>(),
            1);
  EXPECT_LT(right.pointing_loss.item<double>(), 0.1);

  letters[0][0].copy_((wanted + 1).remainder(kTexts));
  const auto wrong = read();
  EXPECT_EQ(wrong.pointing_right.sum().item<double>(), 0);
  EXPECT_GT(wrong.pointing_loss.item<double>(), 1);

  // Patches without letters do not count; without any letters the losses are 0.
  letters[0].fill_(nano::kNoAnswer);
  const auto none = read();
  EXPECT_EQ(none.pointing_loss.item<double>(), 0);
  EXPECT_EQ(none.spelling_loss.item<double>(), 0);
  EXPECT_EQ(none.placing_loss.item<double>(), 0);
  EXPECT_EQ(none.counting_loss.item<double>(), 0);
}

}  // namespace
}  // namespace glm_image::test
