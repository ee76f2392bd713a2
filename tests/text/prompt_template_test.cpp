#include "text/prompt_template.h"

#include "io/json_file.h"
#include "io/safetensors.h"
#include "support/test_support.h"
#include "text/rotary_positions.h"

namespace glm_image::text {
namespace {

const std::filesystem::path kTiny = test::data_dir() / "tiny";

/// One case of the reference: the prompt and the recorded intermediate values.
struct RecordedCase {
  std::string name;
  std::string prompt;
  int64_t height;
  int64_t width;
  std::shared_ptr<const io::SafetensorsFile> recorded;

  std::vector<int64_t> values(const std::string& tensor) const {
    const auto flat = recorded->tensor(tensor).to(at::kLong).flatten().contiguous();
    return {flat.data_ptr<int64_t>(), flat.data_ptr<int64_t>() + flat.numel()};
  }
  /// Condition images…, target; or target, preview.
  std::vector<Grid> grids() const {
    const auto thw = values("ar.image_grid_thw");
    std::vector<Grid> result;
    for (std::size_t i = 0; i < thw.size(); i += 3) result.push_back({thw[i + 1], thw[i + 2]});
    return result;
  }
};

void PrintTo(const RecordedCase& c, std::ostream* out) {
  *out << c.name;
}

std::vector<RecordedCase> reference_cases(const std::string& kind) {
  std::vector<RecordedCase> cases;
  for (const auto& json : io::read_json_file(kTiny / "cases.json")) {
    const auto name = json.at("name").get<std::string>();
    if (name.rfind(kind, 0) != 0) continue;
    cases.push_back({name,
                     json.at("prompt"),
                     json.at("height"),
                     json.at("width"),
                     io::SafetensorsFile::open(kTiny / (name + ".safetensors"))});
  }
  return cases;
}

BpeTokenizer tokenizer() {
  return BpeTokenizer::load(kTiny / "model/processor/tokenizer.json");
}

const ImageTokenIds kTinyIds = {/*image=*/781, /*start=*/64, /*end=*/65};

PromptTokens tiny_tokens() {
  return load_prompt_tokens(kTiny / "model/processor/tokenizer_config.json", kTinyIds, tokenizer());
}

/// The recorded decode positions, [3, tokens + 1] with the rows temporal, height, width.
void expect_decode_positions(const RecordedCase& c, const RotaryPositions& found) {
  std::vector<int64_t> rows = found.temporal;
  rows.insert(rows.end(), found.height.begin(), found.height.end());
  rows.insert(rows.end(), found.width.begin(), found.width.end());
  EXPECT_EQ(rows, c.values("ar.decode_position_ids"));
}

class TextToImage : public testing::TestWithParam<RecordedCase> {};
class ImageToImage : public testing::TestWithParam<RecordedCase> {};

TEST_P(TextToImage, PromptAndPositionsMatchTheReference) {
  const RecordedCase& c = GetParam();
  const auto bpe = tokenizer();
  const Grid target = target_grid(c.height, c.width);
  const Grid preview = preview_grid(target);
  EXPECT_EQ(c.grids(), (std::vector<Grid>{target, preview}));

  const auto ids = text_to_image_prompt(c.prompt, target, preview, tiny_tokens(), bpe);
  EXPECT_EQ(ids, c.values("ar.input_ids"));

  const auto prefill = prefill_positions(ids, kTinyIds.image, {});
  EXPECT_EQ(prefill.next, static_cast<int64_t>(ids.size()));
  expect_decode_positions(c, decode_positions(prefill.next, {preview, target}));
}

TEST_P(ImageToImage, PromptAndPositionsMatchTheReference) {
  const RecordedCase& c = GetParam();
  const auto bpe = tokenizer();
  auto images = c.grids();
  const Grid target = images.back();
  images.pop_back();
  EXPECT_EQ(target, target_grid(c.height, c.width));

  const auto ids = image_to_image_prompt(c.prompt, images, target, tiny_tokens(), bpe);
  EXPECT_EQ(ids, c.values("ar.input_ids"));

  const auto prefill = prefill_positions(ids, kTinyIds.image, images);
  expect_decode_positions(c, decode_positions(prefill.next, {target}));
}

INSTANTIATE_TEST_SUITE_P(Reference, TextToImage, testing::ValuesIn(reference_cases("t2i")));
INSTANTIATE_TEST_SUITE_P(Reference, ImageToImage, testing::ValuesIn(reference_cases("i2i")));

TEST(Grid, TargetNeedsMultiplesOf32) {
  EXPECT_EQ(target_grid(1024, 768), (Grid{32, 24}));
  for (const int64_t bad : {0, -32, 31, 1000}) {
    test::expect_error(
        ErrorCode::kInvalidInput, {"32", std::to_string(bad)}, [&] { target_grid(bad, 64); });
    test::expect_error(ErrorCode::kInvalidInput, {"32"}, [&] { target_grid(64, bad); });
  }
}

/// Computed with Python: int(sqrt(h / w) * 16), int(sqrt(1 / (h / w)) * 16).
TEST(Grid, PreviewFollowsPythonsArithmetic) {
  EXPECT_EQ(preview_grid({32, 32}), (Grid{16, 16}));
  EXPECT_EQ(preview_grid({36, 24}), (Grid{19, 13}));
  EXPECT_EQ(preview_grid({24, 36}), (Grid{13, 19}));
  EXPECT_EQ(preview_grid({64, 16}), (Grid{32, 8}));
  EXPECT_EQ(preview_grid({16, 64}), (Grid{8, 32}));
  EXPECT_EQ(preview_grid({49, 1}), (Grid{112, 2}));
  EXPECT_EQ(preview_grid({1, 1024}), (Grid{1, 512}));
}

TEST(PromptTemplate, TokensComeFromTheConfigs) {
  const auto tokens = tiny_tokens();
  EXPECT_EQ(tokens.grid_begin, 776);
  EXPECT_EQ(tokens.grid_end, 777);
  EXPECT_EQ(tokens.image_markers,
            (std::vector<std::string>{"<|image|>", "<|dit_token_64|>", "<|dit_token_65|>"}));
}

class PromptTokensOfAChangedConfig : public testing::Test {
 protected:
  PromptTokens load(const std::string& names, const ImageTokenIds& ids = kTinyIds) const {
    const auto file = directory_.path() / "tokenizer_config.json";
    test::write_file(file, names);
    return load_prompt_tokens(file, ids, tokenizer());
  }

  const std::string names_ =
      R"({"grid_bos_token": "<sop>", "grid_eos_token": "<eop>", "image_token": "<|image|>"})";
  test::TemporaryDirectory directory_;
};

TEST_F(PromptTokensOfAChangedConfig, OtherFormsOfTheNames) {
  const auto tokens = load(R"({"grid_bos_token": {"content": "<sop>"}, "extra_special_tokens": {
          "grid_eos_token": "<eop>", "image_token": {"content": "<|image|>"}}})");
  EXPECT_EQ(tokens.grid_begin, 776);
  EXPECT_EQ(tokens.grid_end, 777);
  EXPECT_EQ(tokens.image_markers[0], "<|image|>");
}

TEST_F(PromptTokensOfAChangedConfig, DisagreementIsCorruption) {
  test::expect_error(ErrorCode::kCorruptFile, {"tokenizer_config.json", "image_token"}, [&] {
    load(R"({"grid_bos_token": "<sop>", "grid_eos_token": "<eop>", "extra_special_tokens": []})");
  });
  test::expect_error(ErrorCode::kCorruptFile, {"tokenizer.json", "<none>"}, [&] {
    load(R"({"grid_bos_token": "<none>", "grid_eos_token": "<eop>", "image_token": "<|image|>"})");
  });
  test::expect_error(
      ErrorCode::kCorruptFile, {"tokenizer_config.json", "image_token", "id 5", "<|image|>"}, [&] {
        load(names_, {/*image=*/5, /*start=*/64, /*end=*/65});
      });
  test::expect_error(ErrorCode::kCorruptFile, {"999"}, [&] {
    load(names_, {/*image=*/781, /*start=*/999, /*end=*/65});
  });
  test::expect_error(ErrorCode::kCorruptFile, {"bos_token", "id 64", "<|dit_token_7|>"}, [&] {
    load(R"({"grid_bos_token": "<sop>", "grid_eos_token": "<eop>", "image_token": "<|image|>",
             "bos_token": "<|dit_token_7|>"})");
  });
}

TEST(PromptTemplate, ImageTokensInAPromptAreRefused) {
  const auto tokens = tiny_tokens();
  const auto bpe = tokenizer();
  for (const auto& token : tokens.image_markers) {
    test::expect_error(ErrorCode::kInvalidInput, {token, "byte 3"}, [&] {
      text_to_image_prompt("a, " + token + " b", {2, 2}, {16, 16}, tokens, bpe);
    });
    test::expect_error(ErrorCode::kInvalidInput, {token}, [&] {
      image_to_image_prompt(token, {{1, 1}}, {2, 2}, tokens, bpe);
    });
  }
  EXPECT_NO_THROW(text_to_image_prompt("<sop> <|dit_token_3|>", {2, 2}, {16, 16}, tokens, bpe));
}

/// Computed by hand: text, a 2×3 image, text, a 2×1 image, text.
TEST(RotaryPositions, ImagesInsideAPrompt) {
  constexpr int64_t kImage = 9;
  const auto found =
      prefill_positions({1, kImage, kImage, kImage, kImage, kImage, kImage, 2, kImage, kImage, 3},
                        kImage,
                        {{2, 3}, {2, 1}});
  EXPECT_EQ(found.temporal, (std::vector<int64_t>{0, 1, 1, 1, 1, 1, 1, 4, 5, 5, 7}));
  EXPECT_EQ(found.height, (std::vector<int64_t>{0, 1, 1, 1, 2, 2, 2, 4, 5, 6, 7}));
  EXPECT_EQ(found.width, (std::vector<int64_t>{0, 1, 2, 3, 1, 2, 3, 4, 5, 5, 7}));
  EXPECT_EQ(found.next, 8);
}

TEST(RotaryPositions, RunsAndGridsMustAgree) {
  constexpr int64_t kImage = 9;
  const auto mismatch = [](const std::vector<int64_t>& ids, const std::vector<Grid>& grids) {
    test::expect_error(
        ErrorCode::kInternal, {"image"}, [&] { prefill_positions(ids, kImage, grids); });
  };
  mismatch({1, kImage, 2}, {});
  mismatch({1, kImage, 2}, {{1, 2}});
  mismatch({1, kImage, kImage, 2}, {{1, 1}});
  mismatch({1, 2}, {{1, 1}});
}

}  // namespace
}  // namespace glm_image::text
