#include "text/byte_tokenizer.h"

#include "io/json_file.h"
#include "support/test_support.h"

namespace glm_image::text {
namespace {

using io::Json;
using Ids = std::vector<int64_t>;

const std::filesystem::path kConfigFile =
    test::data_dir() / "tiny/model/tokenizer/tokenizer_config.json";

TEST(ByteTokenizer, EncodesTheReferenceCases) {
  const auto tokenizer = ByteTokenizer::load(kConfigFile);
  EXPECT_EQ(tokenizer.pad_id(), 0);
  EXPECT_EQ(tokenizer.end_id(), 1);
  const auto cases = io::read_json_file(test::data_dir() / "tiny/tokenizer_cases.json");
  ASSERT_GE(cases.size(), 19U);
  for (const auto& c : cases) {
    const auto text = c.at("text").get<std::string>();
    EXPECT_EQ(tokenizer.encode(text), c.at("byt5").get<Ids>()) << text;
  }
}

/// The reference cuts to 2047 tokens and puts the end marker after them.
TEST(ByteTokenizer, CutsAt2048) {
  const auto tokenizer = ByteTokenizer::load(kConfigFile);
  for (const std::size_t length : {2046, 2047, 2048, 5000}) {
    const auto ids = tokenizer.encode(std::string(length, 'a'));
    Ids expected(std::min<std::size_t>(length, 2047), 'a' + 3);
    expected.push_back(1);
    EXPECT_EQ(ids, expected) << length;
  }
}

/// By the rules of PreTrainedTokenizer.tokenize: <pad>, </s> and <unk> are lstrip and rstrip in
/// this file, the extra ids are not.
TEST(ByteTokenizer, SpecialTokensInTheText) {
  const auto tokenizer = ByteTokenizer::load(kConfigFile);
  const int64_t a = 'a' + 3;
  const int64_t space = ' ' + 3;
  EXPECT_EQ(tokenizer.encode("a<pad>a"), (Ids{a, 0, a, 1}));
  EXPECT_EQ(tokenizer.encode("a \u00a0 <unk>\t a"), (Ids{a, 2, a, 1}));
  EXPECT_EQ(tokenizer.encode(" <pad> <pad> "), (Ids{0, 0, 1}));
  EXPECT_EQ(tokenizer.encode("a <extra_id_1> a"), (Ids{a, space, 260, space, a, 1}));
  EXPECT_EQ(tokenizer.encode("<extra_id_12>"), (Ids{271, 1}));
  EXPECT_EQ(tokenizer.encode("a</s>"), (Ids{a, 1}));
  EXPECT_EQ(tokenizer.encode("a</s>a"), (Ids{a, 1, a, 1}));
  EXPECT_EQ(tokenizer.encode("<pad").size(), 5U);
}

TEST(ByteTokenizer, InvalidUtf8IsNamedByItsByte) {
  const auto tokenizer = ByteTokenizer::load(kConfigFile);
  test::expect_error(
      ErrorCode::kInvalidInput, {"UTF-8", "byte 2"}, [&] { tokenizer.encode("ab\xff"); });
}

TEST(ByteTokenizer, RefusesBadConfigs) {
  const auto refuse = [](ErrorCode code,
                         std::vector<std::string> fragments,
                         const std::function<void(Json&)>& change) {
    Json json = io::read_json_file(kConfigFile);
    change(json);
    fragments.emplace_back("t.json");
    test::expect_error(
        code, fragments, [&] { ByteTokenizer(io::JsonFields(std::move(json), "t.json")); });
  };
  refuse(ErrorCode::kUnsupported, {"tokenizer_class"}, [](Json& j) {
    j["tokenizer_class"] = "T5Tokenizer";
  });
  refuse(ErrorCode::kCorruptFile, {"added_tokens_decoder"}, [](Json& j) {
    j.erase("added_tokens_decoder");
  });
  refuse(ErrorCode::kCorruptFile, {"added_tokens_decoder.2.content", "<pad>"}, [](Json& j) {
    j["added_tokens_decoder"]["2"]["content"] = "<pad>";
  });
  refuse(ErrorCode::kCorruptFile, {"added_tokens_decoder.2.content"}, [](Json& j) {
    j["added_tokens_decoder"]["2"]["content"] = "";
  });
  for (const char* const key : {"x", "-1", "", "9999999", "1 "}) {
    refuse(ErrorCode::kCorruptFile, {"added_tokens_decoder"}, [&](Json& j) {
      j["added_tokens_decoder"][key] = {{"content", "<new>"}};
    });
  }
  refuse(ErrorCode::kUnsupported, {"added_tokens_decoder.259.single_word"}, [](Json& j) {
    j["added_tokens_decoder"]["259"]["single_word"] = true;
  });
  refuse(
      ErrorCode::kCorruptFile, {"eos_token", "<end>"}, [](Json& j) { j["eos_token"] = "<end>"; });
}

}  // namespace
}  // namespace glm_image::text
