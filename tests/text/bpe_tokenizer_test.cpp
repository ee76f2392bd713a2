#include "text/bpe_tokenizer.h"

#include <functional>
#include <thread>

#include "io/json_file.h"
#include "support/test_support.h"
#include "text/unicode.h"

namespace glm_image::text {
namespace {

using io::Json;
using Ids = std::vector<int64_t>;

const std::filesystem::path kFile = test::data_dir() / "tiny/model/processor/tokenizer.json";

/// The reference checkpoint's tokenizer.json with a change.
BpeTokenizer changed(const std::function<void(Json&)>& change) {
  static const Json original = io::read_json_file(kFile);
  Json json = original;
  change(json);
  return BpeTokenizer::parse(json.dump(), "t.json");
}

void add_token(Json& json, int64_t id, const std::string& content, bool normalized) {
  json["model"]["vocab"][content] = id;
  json["added_tokens"].push_back({{"id", id}, {"content", content}, {"normalized", normalized}});
}

/// Single bytes and these merges. The merged tokens have the ids from 2000.
BpeTokenizer with_merges(const std::vector<std::pair<std::string, std::string>>& merges) {
  return changed([&](Json& json) {
    auto& model = json["model"];
    Json vocabulary;
    for (const auto& [token, id] : model["vocab"].items()) {
      if (code_points(token).size() == 1) vocabulary[token] = id;
    }
    model["merges"] = Json::array();
    int64_t next = 2000;
    for (const auto& [left, right] : merges) {
      model["merges"].push_back({left, right});
      if (!vocabulary.contains(left + right)) vocabulary[left + right] = next++;
    }
    model["vocab"] = vocabulary;
    model["ignore_merges"] = false;
    json["added_tokens"] = Json::array();
  });
}

TEST(BpeTokenizer, EncodesTheReferenceCases) {
  const auto tokenizer = BpeTokenizer::load(kFile);
  const auto cases = io::read_json_file(test::data_dir() / "tiny/tokenizer_cases.json");
  ASSERT_GE(cases.size(), 19U);
  for (const auto& c : cases) {
    const auto text = c.at("text").get<std::string>();
    EXPECT_EQ(tokenizer.encode(text), c.at("ids").get<Ids>()) << text;
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

// The expected ids are those of Hugging Face tokenizers 0.23.2 for the same change.

TEST(BpeTokenizer, MergesWithoutIgnoreMerges) {
  const auto check = [](const BpeTokenizer& tokenizer) {
    EXPECT_EQ(tokenizer.encode("N maana yãmb barka, wend na kõ-d beoogo"),
              (Ids{117, 710, 721, 632, 515, 83, 335, 493, 682, 693, 453, 731}));
    EXPECT_EQ(tokenizer.encode("sɔgɔma"), (Ids{154, 358, 750}));
  };
  check(changed([](Json& json) { json["model"]["ignore_merges"] = false; }));
  // The older syntax of merges, "a b".
  check(changed([](Json& json) {
    json["model"]["ignore_merges"] = false;
    for (auto& merge : json["model"]["merges"]) {
      merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
    }
  }));
}

TEST(BpeTokenizer, OrderOfMerges) {
  const auto tokenizer =
      with_merges({{"b", "c"}, {"a", "bc"}, {"a", "b"}, {"ab", "c"}, {"c", "d"}, {"abc", "d"}});
  EXPECT_EQ(tokenizer.encode("abc"), (Ids{2001}));
  EXPECT_EQ(tokenizer.encode("abcd"), (Ids{2004}));
  EXPECT_EQ(tokenizer.encode("aabcd"), (Ids{136, 2004}));
  EXPECT_EQ(tokenizer.encode("bcab"), (Ids{2000, 2002}));
  EXPECT_EQ(tokenizer.encode("abab"), (Ids{2002, 2002}));
}

TEST(BpeTokenizer, Nfc) {
  const auto tokenizer = changed([](Json& json) { json["normalizer"] = {{"type", "NFC"}}; });
  EXPECT_EQ(tokenizer.encode("cafe\u0301 e\u0301t\u0301"),
            (Ids{138, 136, 141, 367, 292, 367, 155, 208, 295}));
  EXPECT_EQ(tokenizer.encode("\u212b<sop>e\u0301"), (Ids{199, 299, 776, 367}));
  EXPECT_EQ(BpeTokenizer::load(kFile).encode("cafe\u0301 e\u0301t\u0301"),
            (Ids{138, 136, 141, 140, 208, 295, 585, 208, 295, 155, 208, 295}));
}

TEST(BpeTokenizer, NormalizedTokensComeAfterTheOthers) {
  const auto tokenizer = changed([](Json& json) {
    add_token(json, 782, "beo", /*normalized=*/true);
    add_token(json, 783, "o<sop>", /*normalized=*/true);
  });
  EXPECT_EQ(tokenizer.encode("beoogo<sop>beo"), (Ids{782, 533, 776, 782}));
  EXPECT_EQ(tokenizer.encode("bo<sop>beoo<so"), (Ids{479, 776, 782, 150, 99, 154, 150}));
}

TEST(BpeTokenizer, TheLongestTokenAtTheLeftmostPositionWins) {
  const auto tokenizer = changed([](Json& json) {
    add_token(json, 782, "<a", /*normalized=*/false);
    add_token(json, 783, "<ab>", /*normalized=*/false);
    add_token(json, 784, "b>c", /*normalized=*/false);
  });
  EXPECT_EQ(tokenizer.encode("<ab>c"), (Ids{783, 138}));
  EXPECT_EQ(tokenizer.encode("<abc b>c<a<ab"), (Ids{782, 137, 138, 292, 784, 782, 782, 137}));
}

TEST(BpeTokenizer, InvalidUtf8IsNamedByItsByte) {
  const auto tokenizer = BpeTokenizer::load(kFile);
  const std::string bad[] = {"abc\xff",
                             "abc\xc3",          // truncated
                             "abc\xc0\xaf",      // overlong
                             "abc\xed\xa0\x80",  // a surrogate
                             "abc\xf4\x90\x80\x80"};
  for (const auto& text : bad) {
    test::expect_error(
        ErrorCode::kInvalidInput, {"UTF-8", "byte 3"}, [&] { tokenizer.encode(text); });
  }
}

TEST(BpeTokenizer, TextsAreBounded) {
  const auto tokenizer = BpeTokenizer::load(kFile);
  test::expect_error(ErrorCode::kInvalidInput, {"bytes"}, [&] {
    tokenizer.encode(std::string(kMaxTextBytes + 1, 'a'));
  });
}

/// A quadratic merge would take minutes. A small stack or a time limit of the regular expression
/// would refuse texts only because they are long.
TEST(BpeTokenizer, LongRepetitiveTexts) {
  const auto tokenizer = BpeTokenizer::load(kFile);
  for (const std::string unit : {"a", "abcdefgh", " ", "\n", "1 ", "<", "é", "'s"}) {
    std::string text;
    while (text.size() + unit.size() <= kMaxTextBytes) text += unit;
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

TEST(BpeTokenizer, OneTokenizerServesManyThreads) {
  const auto tokenizer = BpeTokenizer::load(kFile);
  const std::string text = "Affiche bleue : « Marché de Ouaga »<sop>4 6<eop>";
  const Ids expected = tokenizer.encode(text);
  std::array<bool, 4> same{};
  std::vector<std::thread> threads;
  for (bool& result : same) {
    threads.emplace_back([&] {
      result = true;
      for (int i = 0; i < 200; ++i) result = result && tokenizer.encode(text) == expected;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(same, (std::array<bool, 4>{true, true, true, true}));
}

TEST(BpeTokenizer, TokensAndIds) {
  const auto tokenizer = BpeTokenizer::load(kFile);
  EXPECT_EQ(tokenizer.token_id("<|image|>"), 781);
  EXPECT_EQ(tokenizer.token_id("Ġ"), 292);
  EXPECT_EQ(tokenizer.token_id("no such token"), std::nullopt);
  EXPECT_EQ(tokenizer.required_token_id("<eop>"), 777);
  EXPECT_EQ(tokenizer.token_of(64), "<|dit_token_64|>");
  EXPECT_EQ(tokenizer.id_count(), 782);
  test::expect_error(ErrorCode::kCorruptFile, {kFile.string(), "<none>"}, [&] {
    tokenizer.required_token_id("<none>");
  });
  for (const int64_t id : {int64_t{-1}, int64_t{782}, int64_t{1} << 40}) {
    test::expect_error(ErrorCode::kCorruptFile, {kFile.string(), std::to_string(id)}, [&] {
      tokenizer.token_of(id);
    });
  }
  EXPECT_EQ(tokenizer.decode({111, 9999, 776}), "H<id 9999><sop>");
  EXPECT_EQ(tokenizer.decode({198}), "\ufffd");  // the first of two bytes
}

TEST(BpeTokenizer, MissingFile) {
  test::expect_error(
      ErrorCode::kNotFound, {"nowhere.json"}, [] { BpeTokenizer::load("nowhere.json"); });
}

struct BadFile {
  const char* name;
  std::function<void(Json&)> change;
  ErrorCode code;
  std::vector<std::string> fragments;
};

TEST(BpeTokenizer, RefusesUnsupportedFeatures) {
  constexpr auto kCorrupt = ErrorCode::kCorruptFile;
  constexpr auto kUnsupported = ErrorCode::kUnsupported;
  const auto step = [](Json& j, int i) -> Json& { return j["pre_tokenizer"]["pretokenizers"][i]; };
  const BadFile files[] = {
      {"no model", [](Json& j) { j.erase("model"); }, kCorrupt, {"model"}},
      {"other model", [](Json& j) { j["model"]["type"] = "Unigram"; }, kUnsupported, {"BPE"}},
      {"dropout", [](Json& j) { j["model"]["dropout"] = 0.1; }, kUnsupported, {"dropout"}},
      {"prefix",
       [](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; },
       kUnsupported,
       {"continuing_subword_prefix"}},
      {"normalizer",
       [](Json& j) {
         j["normalizer"] = {{"type", "Lowercase"}};
       },
       kUnsupported,
       {"normalizer.type", "Lowercase"}},
      {"no pre-tokenizer", [](Json& j) { j["pre_tokenizer"] = nullptr; }, kCorrupt, {}},
      {"byte level alone",
       [&](Json& j) { j["pre_tokenizer"] = Json(step(j, 1)); },
       kUnsupported,
       {"pre_tokenizer.type"}},
      {"three steps",
       [&](Json& j) { j["pre_tokenizer"]["pretokenizers"].push_back(Json(step(j, 0))); },
       kUnsupported,
       {"pretokenizers"}},
      {"removed matches",
       [&](Json& j) { step(j, 0)["behavior"] = "Removed"; },
       kUnsupported,
       {"behavior"}},
      {"string pattern",
       [&](Json& j) {
         step(j, 0)["pattern"] = {{"String", " "}};
       },
       kUnsupported,
       {"Regex"}},
      {"bad pattern",
       [&](Json& j) {
         step(j, 0)["pattern"] = {{"Regex", "(a"}};
       },
       kUnsupported,
       {"pattern"}},
      {"prefix space",
       [&](Json& j) { step(j, 1)["add_prefix_space"] = true; },
       kUnsupported,
       {"add_prefix_space"}},
      {"default regex",
       [&](Json& j) { step(j, 1).erase("use_regex"); },
       kUnsupported,
       {"use_regex"}},
      {"template with a special token",
       [](Json& j) {
         j["post_processor"]["single"].push_back({{"SpecialToken", {{"id", "<sop>"}}}});
       },
       kUnsupported,
       {"post_processor.single"}},
      {"other post-processor",
       [](Json& j) { j["post_processor"]["type"] = "BertProcessing"; },
       kUnsupported,
       {"post_processor.type"}},
      {"id of a string",
       [](Json& j) { j["model"]["vocab"]["the"] = "7"; },
       kCorrupt,
       {"vocab", "the"}},
      {"negative id", [](Json& j) { j["model"]["vocab"]["the"] = -1; }, kCorrupt, {"vocab"}},
      {"huge id", [](Json& j) { j["model"]["vocab"]["the"] = 1 << 20; }, kCorrupt, {"1048575"}},
      {"fraction", [](Json& j) { j["model"]["vocab"]["the"] = 7.5; }, kCorrupt, {"vocab"}},
      {"one id, two tokens",
       [](Json& j) { j["model"]["vocab"]["zzzz"] = 292; },
       kCorrupt,
       {"292", "zzzz"}},
      {"empty token", [](Json& j) { j["model"]["vocab"][""] = 790; }, kCorrupt, {"790", "empty"}},
      {"missing byte", [](Json& j) { j["model"]["vocab"].erase("Ġ"); }, kCorrupt, {"byte 32"}},
      {"merge of one", [](Json& j) { j["model"]["merges"][3] = {"a"}; }, kCorrupt, {"merges[3]"}},
      {"merge of three",
       [](Json& j) { j["model"]["merges"][3] = "a b c"; },
       kCorrupt,
       {"merges[3]"}},
      {"merge of nobody",
       [](Json& j) {
         j["model"]["merges"][3] = {"zz", "a"};
       },
       kCorrupt,
       {"merges[3]", "zz"}},
      {"merge into nothing",
       [](Json& j) {
         j["model"]["merges"][3] = {"z", "q"};
       },
       kCorrupt,
       {"merges[3]", "zq"}},
      {"merges of another kind",
       [](Json& j) { j["model"]["merges"] = "a b"; },
       kCorrupt,
       {"model.merges", "list"}},
      {"added token that strips",
       [](Json& j) { j["added_tokens"][2]["lstrip"] = true; },
       kUnsupported,
       {"added_tokens[2]", "lstrip"}},
      {"added token with another id",
       [](Json& j) { j["added_tokens"][2]["id"] = 790; },
       kCorrupt,
       {"added_tokens[2]", "790"}},
      {"added token twice",
       [](Json& j) { j["added_tokens"].push_back(Json(j["added_tokens"][2])); },
       kCorrupt,
       {"added_tokens", "twice"}},
      {"added token without content",
       [](Json& j) { j["added_tokens"][2].erase("content"); },
       kCorrupt,
       {"added_tokens[2]", "content"}},
      {"added token that is no object",
       [](Json& j) { j["added_tokens"][2] = 3; },
       kCorrupt,
       {"added_tokens[2]"}},
  };
  for (const auto& file : files) {
    SCOPED_TRACE(file.name);
    auto fragments = file.fragments;
    fragments.emplace_back("t.json");
    test::expect_error(file.code, fragments, [&] { changed(file.change); });
  }
}

TEST(BpeTokenizer, AcceptsSettingsWithoutEffect) {
  const auto expected = BpeTokenizer::load(kFile).encode("N maana yãmb barka");
  const auto tokenizer = changed([](Json& json) {
    json["truncation"] = {{"max_length", 3}};
    json["padding"] = {{"pad_id", 1}};
    json["decoder"] = nullptr;
    json["pre_tokenizer"]["pretokenizers"][0]["invert"] = true;
    json["post_processor"] = {{"type", "Sequence"},
                              {"processors", {{{"type", "ByteLevel"}, {"trim_offsets", false}}}}};
    json["model"]["dropout"] = 0.0;
    json["model"]["byte_fallback"] = true;
    json["model"]["unk_token"] = "<|endoftext|>";
    json["model"]["end_of_word_suffix"] = "";
  });
  EXPECT_EQ(tokenizer.encode("N maana yãmb barka"), expected);
}

/// Each pattern takes exponential or quadratic time in a backtracking matcher.
TEST(BpeTokenizer, AHostilePatternIsStopped) {
  const std::pair<const char*, std::string> hostile[] = {
      {"(a|aa)+$", std::string(60, 'a') + "b"},
      {"(a*)*b", std::string(5000, 'a')},
      {"a*b", std::string(50000, 'a')},
  };
  for (const auto& [pattern, text] : hostile) {
    SCOPED_TRACE(pattern);
    const auto tokenizer = changed([&, p = pattern](Json& json) {
      json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = p;
    });
    test::expect_error(
        ErrorCode::kUnsupported, {"t.json", "pattern"}, [&, &t = text] { tokenizer.encode(t); });
  }
}

}  // namespace
}  // namespace glm_image::text
