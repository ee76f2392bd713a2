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

/// The reference truncates to 2047 tokens and appends the end marker.
TEST(ByteTokenizer, TruncatesAt2048) {
  const auto tokenizer = ByteTokenizer::load(kConfigFile);
  for (const std::size_t length : {2046, 2047, 2048, 5000}) {
    const auto ids = tokenizer.encode(std::string(length, 'a'));
    Ids expected(std::min<std::size_t>(length, 2047), 'a' + 3);
    expected.push_back(1);
    EXPECT_EQ(ids, expected) << length;
  }
}

/// The rules of PreTrainedTokenizer.tokenize: in this file <pad>, </s> and <unk> have lstrip and
/// rstrip; the extra ids do not.
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

/// transformers' ByT5Tokenizer creates its own table if the file lists no tokens. That class wrote
/// the toy checkpoint's file.
TEST(ByteTokenizer, WithoutAListHasTheDefaultTokens) {
  const auto listed = ByteTokenizer::load(kConfigFile);
  const auto cases = io::read_json_file(test::data_dir() / "tiny/tokenizer_cases.json");
  for (const Json& config :
       {Json::object(),
        Json{{"tokenizer_class", "ByT5Tokenizer"}, {"extra_ids", 125}},
        Json{{"pad_token", "<pad>"},
             {"eos_token", {{"content", "</s>"}, {"__type", "AddedToken"}}},
             {"unk_token", "<unk>"},
             {"additional_special_tokens", {"<extra_id_0>", "<extra_id_1>"}}}}) {
    const ByteTokenizer made(io::JsonFields(config, "tokenizer_config.json"));
    EXPECT_EQ(made.pad_id(), listed.pad_id());
    EXPECT_EQ(made.end_id(), listed.end_id());
    EXPECT_EQ(made.largest_id(), listed.largest_id());
    for (const char* text : {"a  <unk>\t b", " <pad> <pad> ", "a <extra_id_124> b", "x</s>y</s>"}) {
      EXPECT_EQ(made.encode(text), listed.encode(text)) << text;
    }
    for (const auto& c : cases) {
      EXPECT_EQ(made.encode(c.at("text").get<std::string>()), c.at("byt5").get<Ids>());
    }
  }
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
  refuse(ErrorCode::kCorruptFile, {"three different texts"}, [](Json& j) {
    j.erase("added_tokens_decoder");
    j["pad_token"] = "</s>";
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
