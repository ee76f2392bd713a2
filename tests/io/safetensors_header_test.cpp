#include "io/safetensors_header.h"

#include <nlohmann/json.hpp>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

using nlohmann::json;

std::string length_prefix(uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(length >> (8 * i)));
  return bytes;
}

std::string file_of(const std::string& header, size_t data_bytes) {
  return length_prefix(header.size()) + header + std::string(data_bytes, '\0');
}

json tensor(const std::string& dtype, json shape, json offsets) {
  return {{"dtype", dtype}, {"shape", std::move(shape)}, {"data_offsets", std::move(offsets)}};
}

void expect_refused(const std::string& file,
                    const std::vector<std::string>& fragments,
                    ErrorCode code = ErrorCode::kCorruptFile) {
  auto all = fragments;
  all.emplace_back("weights.safetensors");
  expect_error(code, all, [&] { io::parse_safetensors_header(file, "weights.safetensors"); });
}

TEST(SafetensorsHeader, ReadsNamesTypesShapesAndMetadata) {
  const json header = {{"__metadata__", {{"format", "pt"}}},
                       {"a", tensor("F32", {2, 3}, {0, 24})},
                       {"scalar", tensor("BF16", json::array(), {24, 26})},
                       {"none", tensor("I64", {0, 7}, {26, 26})}};
  const auto text = header.dump();
  const auto parsed = io::parse_safetensors_header(file_of(text, 26), "weights.safetensors");
  EXPECT_EQ(parsed.metadata.at("format"), "pt");
  ASSERT_EQ(parsed.tensors.size(), 3U);
  const auto& a = parsed.tensors.at("a");
  EXPECT_EQ(a.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(a.type, io::ElementType::kFloat32);
  EXPECT_EQ(a.begin, 8 + text.size());
  EXPECT_EQ(a.end, 8 + text.size() + 24);
  EXPECT_TRUE(parsed.tensors.at("scalar").shape.empty());
}

TEST(SafetensorsHeader, RefusesAFileThatIsTooShort) {
  expect_refused("", {"empty"});
  expect_refused("1234567", {"7 bytes"});
}

TEST(SafetensorsHeader, RefusesReservedSpaceOfADownload) {
  for (const std::size_t size : {8, 9, 4096}) {
    expect_refused(std::string(size, '\0'), {"zero bytes", "download was not finished"});
  }
  // Only its beginning has not arrived.
  expect_refused(std::string(8, '\0') + "rest", {"download was not finished"});
}

TEST(SafetensorsHeader, RefusesAHeaderLongerThanTheFile) {
  expect_refused(length_prefix(1000) + "{}", {"header claims 1000 bytes", "cut short"});
  expect_refused(length_prefix(~uint64_t{0}) + "{}", {"header claims"});
}

TEST(SafetensorsHeader, RefusesTextThatIsNotJson) {
  expect_refused(file_of("{nonsense", 0), {"not JSON"});
  expect_refused(file_of("[1]", 0), {"not a JSON object"});
  expect_refused(file_of(std::string(10000, '['), 0), {"nested"});
  expect_refused(file_of("{\"a\xff\": 1}", 0), {"not JSON"});
}

TEST(SafetensorsHeader, RefusesATruncatedFileAtEveryLength) {
  const json header = {{"a", tensor("F32", {2, 3}, {0, 24})}};
  const auto whole = file_of(header.dump(), 24);
  ASSERT_NO_THROW(io::parse_safetensors_header(whole, "weights.safetensors"));
  for (size_t length = 0; length < whole.size(); ++length) {
    expect_refused(whole.substr(0, length), {});
  }
}

TEST(SafetensorsHeader, RefusesOffsetsOutsideTheFile) {
  expect_refused(file_of(json{{"a", tensor("F32", {2}, {0, 8})}}.dump(), 7), {"'a'", "outside"});
  expect_refused(file_of(json{{"a", tensor("F32", {2}, {16, 24})}}.dump(), 8), {"'a'", "outside"});
  expect_refused(file_of(json{{"a", tensor("F32", {2}, {8, 0})}}.dump(), 8), {"'a'", "outside"});
  expect_refused(file_of(json{{"a", tensor("F32", {2}, {-8, 0})}}.dump(), 8), {"'a'", "positive"});
}

TEST(SafetensorsHeader, RefusesOverlapsAndGaps) {
  expect_refused(
      file_of(json{{"a", tensor("F32", {2}, {0, 8})}, {"b", tensor("F32", {2}, {4, 12})}}.dump(),
              12),
      {"'b'", "overlaps"});
  expect_refused(
      file_of(json{{"a", tensor("F32", {1}, {0, 4})}, {"b", tensor("F32", {1}, {8, 12})}}.dump(),
              12),
      {"'b'", "gap"});
  expect_refused(file_of(json{{"a", tensor("F32", {1}, {0, 4})}}.dump(), 9),
                 {"5 bytes", "no tensor"});
}

TEST(SafetensorsHeader, RefusesWrongAndUnknownTypes) {
  expect_refused(file_of(json{{"a", tensor("F99", {1}, {0, 4})}}.dump(), 4),
                 {"'a'", "F99"},
                 ErrorCode::kUnsupported);
  expect_refused(
      file_of(json{{"a", {{"dtype", 3}, {"shape", {1}}, {"data_offsets", {0, 4}}}}}.dump(), 4),
      {"'a'", "dtype"});
  expect_refused(file_of(json{{"a", tensor("F32", {3}, {0, 4})}}.dump(), 4),
                 {"'a'", "does not fit"});
}

TEST(SafetensorsHeader, RefusesAbsurdShapesWithoutAllocating) {
  const int64_t huge = int64_t{1} << 47;
  expect_refused(file_of(json{{"a", tensor("F32", {huge, huge, huge}, {0, 4})}}.dump(), 4),
                 {"'a'", "does not fit"});
  expect_refused(file_of(json{{"a", tensor("F32", {-1}, {0, 4})}}.dump(), 4), {"impossible"});
  expect_refused(file_of(json{{"a", tensor("F32", {1.5}, {0, 4})}}.dump(), 4), {"impossible"});
  expect_refused(
      file_of(json{{"a", tensor("F32", json::array({1, 1, 1, 1, 1, 1, 1, 1, 1}), {0, 4})}}.dump(),
              4),
      {"at most 8"});
}

TEST(SafetensorsHeader, RefusesARepeatedName) {
  const auto one = tensor("F32", {1}, {0, 4}).dump();
  expect_refused(file_of("{\"a\":" + one + ",\"a\":" + one + "}", 4), {"'a'", "twice"});
}

}  // namespace
}  // namespace glm_image::test
