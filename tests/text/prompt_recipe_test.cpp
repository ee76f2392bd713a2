#include "text/prompt_recipe.h"

#include "io/json_file.h"
#include "io/safetensors.h"
#include "support/test_support.h"
#include "text/rotary_positions.h"

namespace glm_image::text {
namespace {

const std::filesystem::path kTiny = test::data_dir() / "tiny";

/// One case of the reference: the prompt and what was recorded on the way to the picture.
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

int64_t image_token_id() {
  return io::JsonFields::load(kTiny / "model/vision_language_encoder/config.json")
      .required_int64("image_token_id", 0, 1 << 20);
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

TEST_P(TextToImage, PromptAndPositionsAreTheReferences) {
  const RecordedCase& c = GetParam();
  const auto bpe = tokenizer();
  const Grid target = target_grid(c.height, c.width);
  const Grid preview = preview_grid(target);
  EXPECT_EQ(c.grids(), (std::vector<Grid>{target, preview}));

  const auto tokens = load_prompt_tokens(kTiny / "model", bpe);
  const auto ids = bpe.encode(text_to_image_prompt(c.prompt, target, preview, tokens));
  EXPECT_EQ(ids, c.values("ar.input_ids"));

  const auto prefill = prefill_positions(ids, image_token_id(), {});
  EXPECT_EQ(prefill.next, static_cast<int64_t>(ids.size()));
  expect_decode_positions(c, decode_positions(prefill.next, {preview, target}));
}

TEST_P(ImageToImage, PromptAndPositionsAreTheReferences) {
  const RecordedCase& c = GetParam();
  const auto bpe = tokenizer();
  auto images = c.grids();
  const Grid target = images.back();
  images.pop_back();
  EXPECT_EQ(target, target_grid(c.height, c.width));

  const auto tokens = load_prompt_tokens(kTiny / "model", bpe);
  const auto ids = bpe.encode(image_to_image_prompt(c.prompt, images, target, tokens));
  EXPECT_EQ(ids, c.values("ar.input_ids"));

  const auto prefill = prefill_positions(ids, image_token_id(), images);
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

TEST(PromptRecipe, TokensComeFromTheConfigs) {
  const auto tokens = load_prompt_tokens(kTiny / "model", tokenizer());
  EXPECT_EQ(tokens.grid_begin, "<sop>");
  EXPECT_EQ(tokens.grid_end, "<eop>");
  EXPECT_EQ(tokens.image, "<|image|>");
  EXPECT_EQ(tokens.image_start, "<|dit_token_64|>");
  EXPECT_EQ(tokens.image_end, "<|dit_token_65|>");
}

class PromptTokensOfAChangedCheckpoint : public testing::Test {
 protected:
  void write(const std::string& names, const std::string& model) {
    test::write_file(directory_.path() / "processor/tokenizer_config.json", names);
    test::write_file(directory_.path() / "vision_language_encoder/config.json", model);
  }
  PromptTokens load() const { return load_prompt_tokens(directory_.path(), tokenizer()); }

  const std::string names_ =
      R"({"grid_bos_token": "<sop>", "grid_eos_token": "<eop>", "image_token": "<|image|>"})";
  const std::string model_ =
      R"({"image_token_id": 781, "image_start_token_id": 64, "image_end_token_id": 65})";
  test::TemporaryDirectory directory_;
};

TEST_F(PromptTokensOfAChangedCheckpoint, OtherFormsOfTheNames) {
  write(R"({"grid_bos_token": {"content": "<sop>"}, "extra_special_tokens": {
          "grid_eos_token": "<eop>", "image_token": {"content": "<|image|>"}}})",
        model_);
  const auto tokens = load();
  EXPECT_EQ(tokens.grid_begin, "<sop>");
  EXPECT_EQ(tokens.grid_end, "<eop>");
  EXPECT_EQ(tokens.image, "<|image|>");
}

TEST_F(PromptTokensOfAChangedCheckpoint, DisagreementIsCorruption) {
  write(R"({"grid_bos_token": "<sop>", "grid_eos_token": "<eop>", "extra_special_tokens": []})",
        model_);
  test::expect_error(
      ErrorCode::kCorruptFile, {"tokenizer_config.json", "image_token"}, [&] { load(); });
  write(R"({"grid_bos_token": "<none>", "grid_eos_token": "<eop>", "image_token": "<|image|>"})",
        model_);
  test::expect_error(ErrorCode::kCorruptFile, {"tokenizer.json", "<none>"}, [&] { load(); });
  write(names_, R"({"image_token_id": 5, "image_start_token_id": 64, "image_end_token_id": 65})");
  test::expect_error(ErrorCode::kCorruptFile,
                     {"vision_language_encoder/config.json", "image_token_id", "781", "found 5"},
                     [&] { load(); });
  write(names_, R"({"image_token_id": 781, "image_start_token_id": 999, "image_end_token_id": 1})");
  test::expect_error(ErrorCode::kCorruptFile, {"image_start_token_id", "999"}, [&] { load(); });
}

TEST(PromptRecipe, ImageTokensInAPromptAreRefused) {
  const auto tokens = load_prompt_tokens(kTiny / "model", tokenizer());
  for (const auto& token : {tokens.image, tokens.image_start, tokens.image_end}) {
    test::expect_error(ErrorCode::kInvalidInput, {token, "byte 3"}, [&] {
      text_to_image_prompt("a, " + token + " b", {2, 2}, {16, 16}, tokens);
    });
    test::expect_error(ErrorCode::kInvalidInput, {token}, [&] {
      image_to_image_prompt(token, {{1, 1}}, {2, 2}, tokens);
    });
  }
  EXPECT_NO_THROW(text_to_image_prompt("<sop> <|dit_token_3|>", {2, 2}, {16, 16}, tokens));
}

/// By hand from the rule: text, a 2×3 image, text, a 2×1 image, text.
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
