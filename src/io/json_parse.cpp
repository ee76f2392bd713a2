#include "io/json_parse.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "io/json_file.h"
#include "io/json_number.h"
#include "io/shown.h"
#include "io/stand_in.h"

namespace glm_image::io {
namespace {

/// nlohmann's parser accepts any depth, but code that walks the document recursively may not.
void check_depth(std::string_view text, const std::string& source) {
  int64_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) {
        fail_at(ErrorCode::kCorruptFile,
                {source},
                " is nested more than ",
                kMaxJsonDepth,
                " levels deep at byte ",
                i);
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
}

enum class Part { kFile, kLine };

/// Names the first byte that is not JSON. The parser's own message would quote the text read so
/// far, of any length and in any encoding.
[[noreturn]] void fail_invalid(std::string_view text,
                               std::size_t byte,
                               const std::string& source,
                               Part part) {
  if (part == Part::kLine) {
    fail_at(ErrorCode::kCorruptFile, {source}, ": not valid JSON at byte ", byte);
  }
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(byte, text.size()));
  const auto line = 1 + std::count(text.begin(), end, '\n');
  fail_at(ErrorCode::kCorruptFile, {source}, ": not valid JSON at line ", line, ", byte ", byte);
}

/// Builds the document from the parser's events. A large whole number that is written with a point
/// or an exponent becomes an integer: a double would round it.
class DocumentBuilder : public nlohmann::json_sax<Json> {
 public:
  explicit DocumentBuilder(int64_t max_values) : values_left_(max_values) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& text) override {
    const auto integer = std::abs(value) > kMaxExactDouble ? integer_of(text) : std::nullopt;
    return add(integer.value_or(value));
  }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& value) override { return add(Json::binary(std::move(value))); }
  bool start_object(std::size_t /*count*/) override { return open(Json::object()); }
  bool key(string_t& name) override {
    const auto [member, is_new] = open_.back()->emplace(name, nullptr);
    member_ = &*member;
    if (!is_new) repeated_key = std::move(name);
    return is_new;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*count*/) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position,
                   const std::string& /*last_token*/,
                   const Json::exception& error) override {
    constexpr int kNumberOverflow = 406;
    error_byte = position;
    is_overflow = error.id == kNumberOverflow;
    return false;
  }

  Json document;
  std::size_t error_byte = 0;
  bool is_overflow = false;
  std::optional<std::string> repeated_key;
  bool has_too_many_values() const { return values_left_ < 0; }

 private:
  Json& place() {
    if (open_.empty()) return document;
    return open_.back()->is_array() ? open_.back()->emplace_back(nullptr) : *member_;
  }
  bool add(Json value) {
    if (--values_left_ < 0) return false;
    place() = std::move(value);
    return true;
  }
  bool open(Json container) {
    if (--values_left_ < 0) return false;
    auto& opened = place();
    opened = std::move(container);
    open_.push_back(&opened);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  int64_t values_left_;
  std::vector<Json*> open_;  // containers around the next value; only the last grows
  Json* member_ = nullptr;   // of the innermost object, for the next value
};

Json parse_part(std::string_view text, const std::string& source, int64_t max_values, Part part) {
  check_depth(text, source);
  // nlohmann's parser would take a zero byte for the end of the text.
  const auto zero = text.find('\0');
  if (zero != std::string_view::npos) fail_invalid(text, zero + 1, source, part);
  DocumentBuilder builder(max_values);
  if (Json::sax_parse(text, &builder)) return std::move(builder.document);
  if (builder.has_too_many_values()) {
    fail_at(ErrorCode::kCorruptFile, {source}, " holds more than ", max_values, " values");
  }
  if (builder.repeated_key) {
    // Which of the two values counts would differ from program to program.
    fail_at(ErrorCode::kCorruptFile,
            {source},
            ": the key ",
            shown_name(*builder.repeated_key),
            " is repeated in one object");
  }
  if (builder.is_overflow) {
    fail_at(ErrorCode::kCorruptFile, {source}, ": holds a number that no double can represent");
  }
  fail_invalid(text, builder.error_byte, source, part);
}

constexpr auto kAnyNumber = std::numeric_limits<int64_t>::max();

/// Parses text of a file that may have been downloaded.
Json parse_downloaded(std::string_view text, const std::string& source, Part part) {
  try {
    return parse_part(text, source, kAnyNumber, part);
  } catch (const Error&) {
    if (const auto stand_in = describe_stand_in(text)) {
      fail_at(ErrorCode::kCorruptFile, {source}, *stand_in);
    }
    throw;
  }
}

}  // namespace

Json parse_json(std::string_view text, const std::string& source, int64_t max_values) {
  return parse_part(text, source, max_values, Part::kFile);
}

Json parse_json(std::string_view text, const std::string& source) {
  return parse_downloaded(text, source, Part::kFile);
}

Json parse_json_line(std::string_view line, const std::string& source) {
  return parse_downloaded(line, source, Part::kLine);
}

Json parse_user_json(std::string_view text, const std::string& source) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    fail_at(ErrorCode::kCorruptFile, {source}, ": is empty; it must hold a JSON object");
  }
  return parse_part(text, source, kAnyNumber, Part::kFile);
}

}  // namespace glm_image::io
