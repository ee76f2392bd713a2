#include "io/json_file.h"

#include "io/json_parse.h"
#include "support/test_support.h"

namespace glm_image::io {
namespace {

using test::expect_error;

JsonFields fields(const std::string& text) {
  return JsonFields(parse_json(text, "part/config.json"), "part/config.json");
}

TEST(JsonFile, ReadsAFileOfTheReferenceCheckpoint) {
  const auto config = JsonFields::load(test::data_dir() / "tiny/model/vae/config.json");
  EXPECT_EQ(config.required_int64("latent_channels", 1, 64), 4);
  EXPECT_EQ(config.required_int64_list("block_out_channels", 1, 4096),
            (std::vector<int64_t>{8, 16, 16, 16}));
  EXPECT_DOUBLE_EQ(config.required_double("scaling_factor"), 0.18215);
  EXPECT_EQ(config.required_double_list("latents_std").size(), 4U);
  EXPECT_EQ(config.required_string("act_fn"), "silu");
  EXPECT_FALSE(config.required_bool("use_quant_conv"));
  EXPECT_EQ(config.required_string_list("down_block_types").at(3), "DownEncoderBlock2D");
}

TEST(JsonFile, MissingFile) {
  const test::TemporaryDirectory directory;
  const auto file = directory.path() / "config.json";
  expect_error(ErrorCode::kNotFound, {file.string()}, [&] { read_json_file(file); });
}

TEST(JsonFile, DirectoryInPlaceOfAFile) {
  const test::TemporaryDirectory directory;
  expect_error(
      ErrorCode::kCorruptFile, {"regular file"}, [&] { read_json_file(directory.path()); });
}

TEST(JsonFile, SizeBound) {
  const test::TemporaryDirectory directory;
  const auto file = directory.path() / "config.json";
  test::write_file(file, "[1, 2, 3]");
  EXPECT_EQ(read_json_file(file, /*max_bytes=*/9).size(), 3U);
  expect_error(
      ErrorCode::kCorruptFile, {file.string(), "9 bytes", "8"}, [&] { read_json_file(file, 8); });
}

TEST(JsonFile, NamesTheLineAndTheByteOfASyntaxError) {
  const test::TemporaryDirectory directory;
  const auto file = directory.path() / "config.json";
  test::write_file(file, "{\n \"a\": 1,\n \"b\": oops}\n");
  expect_error(
      ErrorCode::kCorruptFile, {file.string(), "line 3", "byte 18"}, [&] { read_json_file(file); });
}

TEST(JsonFile, NamesTheByteAloneInALineOfAFile) {
  try {
    parse_json_line("  {\"a\": oops}", "rows.jsonl, line 7");
    ADD_FAILURE() << "was read";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "rows.jsonl, line 7: not valid JSON at byte 9");
  }
  EXPECT_EQ(parse_json_line("  {\"a\": 1} ", "rows.jsonl, line 1").at("a"), 1);
}

// A file that a user writes cannot be downloaded again.
TEST(JsonFile, SaysThatAUsersFileIsEmpty) {
  for (const char* text : {"", " \n\t\r\n"}) {
    try {
      parse_user_json(text, "own.json");
      ADD_FAILURE() << "was read";
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "own.json: is empty; it must hold a JSON object");
    }
  }
  expect_error(ErrorCode::kCorruptFile, {"own.json: not valid JSON at line 1, byte 1"}, [] {
    parse_user_json("<html></html>", "own.json");
  });
  expect_error(ErrorCode::kCorruptFile, {"f.json: is empty: download it again"}, [] {
    parse_json("", "f.json");
  });
}

TEST(JsonFile, RefusesInvalidJson) {
  for (const std::string text : {"", "{", "{\"a\":1}x", "\"\xff\"", "[1,]", "nul", "[1e999]"}) {
    SCOPED_TRACE(text);
    expect_error(ErrorCode::kCorruptFile, {"f.json"}, [&] { parse_json(text, "f.json"); });
  }
}

TEST(JsonFile, RefusesAKeyThatStandsTwice) {
  for (const char* text : {R"({"steps": 1, "size": 2, "steps": 1})",
                           R"({"steps": null, "steps": 3})",
                           R"([{"a": {"steps": {}, "steps": []}}])"}) {
    expect_error(ErrorCode::kCorruptFile, {"f.json", "'steps'", "is repeated"}, [&] {
      parse_json(text, "f.json");
    });
  }
  expect_error(ErrorCode::kCorruptFile, {"'\\u001b[2J'"}, [&] {
    parse_json("{\"\\u001b[2J\": 1, \"\\u001b[2J\": 2}", "f.json");
  });
  // In different objects it may.
  EXPECT_NO_THROW(parse_json(R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]})", "f.json"));
}

TEST(JsonFile, DepthBound) {
  const auto nested = [](int64_t depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_NO_THROW(parse_json(nested(kMaxJsonDepth), "f.json"));
  expect_error(ErrorCode::kCorruptFile, {"f.json", "nested", "64"}, [&] {
    parse_json(nested(kMaxJsonDepth + 1), "f.json");
  });
  expect_error(
      ErrorCode::kCorruptFile, {"nested"}, [] { parse_json(std::string(1 << 20, '['), "f.json"); });
}

TEST(JsonFile, BracketsInsideStringsAreNotNesting) {
  const std::string brackets(1000, '[');
  EXPECT_EQ(parse_json("[\"\\\"" + brackets + "\", \"\\\\\"]", "f.json").at(0).get<std::string>(),
            "\"" + brackets);
}

TEST(JsonFields, NeedsAnObject) {
  expect_error(ErrorCode::kCorruptFile, {"part/config.json", "object", "list of 2"}, [] {
    fields("[1, 2]");
  });
}

TEST(JsonFields, IntegerRange) {
  const auto config = fields(R"({"low": 1, "high": 8, "big": 9223372036854775808})");
  EXPECT_EQ(config.required_int64("low", 1, 8), 1);
  EXPECT_EQ(config.required_int64("high", 1, 8), 8);
  expect_error(ErrorCode::kCorruptFile,
               {"part/config.json: low must be an integer from 2 to 8, found 1"},
               [&] { config.required_int64("low", 2, 8); });
  expect_error(ErrorCode::kCorruptFile, {"high", "from 1 to 7", "found 8"}, [&] {
    config.required_int64("high", 1, 7);
  });
  expect_error(ErrorCode::kCorruptFile, {"big", "at least 0", "9223372036854775808"}, [&] {
    config.required_int64("big", 0, std::numeric_limits<int64_t>::max());
  });
}

TEST(JsonFields, WrongTypesAndMissingKeys) {
  const auto config = fields(
      R"({"s": "x", "f": 1.5, "i": 3, "b": true, "n": null, "o": {}, "l": [1, "x"], "long": ")" +
      std::string(5000, 'y') + "\"}");
  const auto refused = [&](const std::vector<std::string>& fragments, auto&& read) {
    expect_error(ErrorCode::kCorruptFile, fragments, read);
  };
  refused({"s must be an integer", "found \"x\""}, [&] { config.required_int64("s", 0, 9); });
  refused({"found 1.5"}, [&] { config.required_int64("f", 0, 9); });
  refused({"found true"}, [&] { config.required_int64("b", 0, 9); });
  refused({"none must be an integer", "found nothing"},
          [&] { config.required_int64("none", 0, 9); });
  refused({"n must be", "found nothing"}, [&] { config.required_int64("n", 0, 9); });
  refused({"s must be a number"}, [&] { config.required_double("s"); });
  refused({"f must be a number from 2 to 3", "1.5"}, [&] { config.required_double("f", 2, 3); });
  refused({"i must be true or false"}, [&] { config.required_bool("i"); });
  refused({"o must be a string", "an object"}, [&] { config.required_string("o"); });
  refused({"s must be a list of integers from 1 to 9, found \"x\""},
          [&] { config.required_int64_list("s", 1, 9); });
  refused({"l must be a list of integers from 1 to 9, found \"x\" at index 1"},
          [&] { config.required_int64_list("l", 1, 9); });
  refused({"l must be a list of numbers", "index 1"}, [&] { config.required_double_list("l"); });
  refused({"l must be a list of strings, found 1 at index 0"},
          [&] { config.required_string_list("l"); });
  refused({"s must be an object"}, [&] { config.required_object("s"); });
  refused({"s must be an object"}, [&] { config.optional_object("s"); });
  refused({"a string of 5000 bytes"}, [&] { config.required_int64("long", 0, 9); });
}

TEST(JsonFields, OptionalValues) {
  const auto config = fields(R"({"i": 3, "n": null, "s": "x", "f": 2, "b": false})");
  EXPECT_TRUE(config.has("i"));
  EXPECT_FALSE(config.has("n"));
  EXPECT_FALSE(config.has("none"));
  EXPECT_EQ(config.optional_int64("i", 7, 0, 9), 3);
  EXPECT_EQ(config.optional_int64("n", 7, 0, 9), 7);
  EXPECT_EQ(config.optional_int64("none", 7, 0, 9), 7);
  EXPECT_EQ(config.optional_double("f", 0.5), 2.0);
  EXPECT_EQ(config.optional_double("none", 0.5), 0.5);
  EXPECT_FALSE(config.optional_bool("b", true));
  EXPECT_TRUE(config.optional_bool("none", true));
  EXPECT_EQ(config.optional_string("s", "y"), "x");
  EXPECT_EQ(config.optional_string("none", "y"), "y");
  expect_error(
      ErrorCode::kCorruptFile, {"i must be"}, [&] { config.optional_int64("i", 7, 4, 9); });
}

TEST(JsonFields, NestedObjectsReportTheirPathAndOutliveTheirParent) {
  std::optional<JsonFields> inner;
  {
    const auto outer = fields(R"({"text_config": {"rope": {"theta": "x", "type": "default"}}})");
    inner = outer.required_object("text_config").optional_object("rope");
    EXPECT_FALSE(outer.optional_object("vision_config").has_value());
  }
  ASSERT_TRUE(inner.has_value());
  EXPECT_EQ(inner->required_string("type"), "default");
  expect_error(ErrorCode::kCorruptFile,
               {"part/config.json: text_config.rope.theta must be a number, found \"x\""},
               [&] { inner->required_double("theta"); });
}

TEST(JsonFields, UnreadFieldsAreRefusedByName) {
  const JsonFields fields(Json::parse(R"({"a": 1, "b": {"c": 2, "d": 3}, "e": {"f": 4}})"), "x");
  fields.required_int64("a", 0, 9);
  fields.optional_int64("not_there", 0, 0, 9);
  fields.required_object("b").required_int64("c", 0, 9);
  expect_error(ErrorCode::kCorruptFile, {"x: b.d is not a known key; known keys: c"}, [&] {
    fields.refuse_unread();
  });
  fields.required_object("b").required_int64("d", 0, 9);
  expect_error(ErrorCode::kCorruptFile,
               {"x: e is not a known key; known keys: a, b, not_there"},
               [&] { fields.refuse_unread(); });
  // An object that was read as a whole may contain any key.
  EXPECT_TRUE(fields.has("e"));
  EXPECT_NO_THROW(fields.refuse_unread());
}

TEST(JsonFields, SupportsOnly) {
  const auto config = fields(R"({"hidden_act": "gelu", "dropout": null, "scale": 1.0})");
  EXPECT_NO_THROW(config.supports_only("hidden_act", "gelu"));
  EXPECT_NO_THROW(config.supports_only("dropout", false));
  EXPECT_NO_THROW(config.supports_only("absent", 3));
  EXPECT_NO_THROW(config.supports_only("scale", 1));
  expect_error(ErrorCode::kUnsupported,
               {"part/config.json: hidden_act must be \"silu\", found \"gelu\""},
               [&] { config.supports_only("hidden_act", "silu"); });
}

TEST(JsonFields, MessagesStayAsciiForAnyValue) {
  const auto config = fields("{\"a\": \"é\xf0\x9f\x90\x98\"}");
  expect_error(ErrorCode::kCorruptFile, {"found \"\\u00e9\\ud83d\\udc18\""}, [&] {
    config.required_bool("a");
  });
}

}  // namespace
}  // namespace glm_image::io
