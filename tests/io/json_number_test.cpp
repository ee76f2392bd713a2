// Different spellings of the same JSON number are equal.

#include "io/json_number.h"

#include "core/error.h"
#include "io/json_file.h"
#include "io/json_parse.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using namespace io;

TEST(JsonNumbers, AreIntegersHoweverTheyAreWritten) {
  for (const char* text : {"100", "100.0", "1e2", "1E+2", "1000e-1", "0.1e3", "0.001e5"}) {
    EXPECT_EQ(integer_of(text), Json(100U)) << text;
    EXPECT_EQ(whole_number<int64_t>(parse_json(text, "text")), 100) << text;
  }
  for (const char* zero : {"0", "-0", "0.0", "-0e7", "0e-9"}) {
    EXPECT_EQ(whole_number<uint64_t>(parse_json(zero, "text")), 0U) << zero;
  }
  for (const char* text : {"1.5",
                           "1e-1",
                           "1e20",
                           "18446744073709551616",
                           "-9223372036854775809",
                           "1e99999999999999999999",
                           "1e-99999999999999999999"}) {
    EXPECT_EQ(integer_of(text), std::nullopt) << text;
  }
}

TEST(JsonNumbers, BeyondDoublesStayExact) {
  const auto read = [](const char* text) {
    return whole_number<uint64_t>(parse_json(text, "text"));
  };
  EXPECT_EQ(read("18446744073709551615"), 18446744073709551615U);
  EXPECT_EQ(read("18446744073709551615.0"), 18446744073709551615U);
  EXPECT_EQ(read("1.8446744073709551615e19"), 18446744073709551615U);
  EXPECT_EQ(read("9007199254740993.0"), 9007199254740993U);
  EXPECT_EQ(read("1e20"), std::nullopt);
  EXPECT_EQ(whole_number<int64_t>(parse_json("-9223372036854775808.0", "text")),
            std::numeric_limits<int64_t>::min());
}

TEST(JsonNumbers, FitTheRequestedType) {
  EXPECT_EQ(whole_number<int>(Json(int64_t{1} << 31)), std::nullopt);
  EXPECT_EQ(whole_number<int>(Json(-5)), -5);
  EXPECT_EQ(whole_number<uint64_t>(Json(-1)), std::nullopt);
  EXPECT_EQ(whole_number<int64_t>(Json(std::numeric_limits<uint64_t>::max())), std::nullopt);
  for (const Json& other : {Json("1"), Json(true), Json(), Json::array({1})}) {
    EXPECT_EQ(whole_number<int64_t>(other), std::nullopt) << other;
  }
}

TEST(JsonNumbers, AsTextsHaveNoSurroundingCharacters) {
  EXPECT_EQ(number_from_text("1e2"), Json(100.0));
  EXPECT_EQ(number_from_text("-1"), Json(-1));
  for (const char* text : {"",
                           "010",
                           "+1",
                           " 1",
                           "1 ",
                           "1.",
                           ".5",
                           "0x1",
                           "nan",
                           "1,5",
                           "[1]",
                           "1]",
                           "\"1\"",
                           "--1"}) {
    EXPECT_EQ(number_from_text(text), std::nullopt) << text;
  }
}

TEST(JsonDocuments, WithTooManyValuesAreRefused) {
  EXPECT_EQ(parse_json("[1, {\"a\": 2}]", "text", 4).size(), 2U);
  expect_error(ErrorCode::kCorruptFile, {"more than 3 values"}, [] {
    parse_json("[1, {\"a\": 2}]", "text", 3);
  });
  expect_error(ErrorCode::kCorruptFile, {"text", "byte 3"}, [] {
    parse_json(std::string("{}\0", 3), "text");
  });
}

TEST(JsonDocuments, RoundTrip) {
  const std::string text =
      R"({"a":[1,-2,2.5,"x",true,null,{},[]],"b":{"c":{"d":[[0],{"e":"é"}]}},"f":1e+300})";
  EXPECT_EQ(parse_json(text, "text").dump(), text);
  expect_error(ErrorCode::kCorruptFile, {"text", "'a'", "is repeated"}, [] {
    parse_json("{\"a\": [1, 2], \"a\": {\"b\": 3}}", "text");
  });
}

}  // namespace
}  // namespace glm_image::test
