#include "io/json_file.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include "core/broken_link.h"
#include "io/json_number.h"
#include "io/shown.h"
#include "io/stand_in.h"

namespace glm_image::io {
namespace {

std::string range_text(int64_t min, int64_t max) {
  constexpr auto kLowest = std::numeric_limits<int64_t>::min();
  constexpr auto kHighest = std::numeric_limits<int64_t>::max();
  if (min == kLowest && max == kHighest) return "";
  if (max == kHighest) return concat(" of at least ", min);
  if (min == kLowest) return concat(" of at most ", max);
  return concat(" from ", min, " to ", max);
}

std::string range_text(double min, double max) {
  const bool any_low = min == std::numeric_limits<double>::lowest();
  const bool any_high = max == std::numeric_limits<double>::max();
  if (any_low && any_high) return "";
  if (any_high) return concat(" of at least ", min);
  if (any_low) return concat(" of at most ", max);
  return concat(" from ", min, " to ", max);
}

std::optional<int64_t> as_int64(const Json& value, int64_t min, int64_t max) {
  const auto number = whole_number<int64_t>(value);
  if (!number || *number < min || *number > max) return std::nullopt;
  return number;
}

std::optional<double> as_double(const Json& value, double min, double max) {
  if (!value.is_number()) return std::nullopt;
  const auto number = value.get<double>();
  if (!std::isfinite(number) || number < min || number > max) return std::nullopt;
  return number;
}

/// Converts a list. Returns std::nullopt if `list` is not a list or an element does not convert,
/// and then sets `bad_index` to the first such element.
template <typename T, typename Convert>
std::optional<std::vector<T>> as_list(const Json* list, std::size_t& bad_index, Convert convert) {
  if (list == nullptr || !list->is_array()) return std::nullopt;
  std::vector<T> values;
  values.reserve(list->size());
  for (const auto& element : *list) {
    std::optional<T> value = convert(element);
    if (!value) {
      bad_index = values.size();
      return std::nullopt;
    }
    values.push_back(std::move(*value));
  }
  return values;
}

std::string found_text(const Json* value) {
  // A literal of its own, so that it can be translated.
  return value == nullptr ? ", found nothing" : ", found " + shown(value);
}

}  // namespace

std::string read_text_file(const std::filesystem::path& file, int64_t max_bytes) {
  std::error_code status_error;
  const auto status = std::filesystem::status(file, status_error);
  if (!std::filesystem::exists(status)) {
    const auto broken = describe_broken_link(file);
    if (!broken.empty()) fail_at(ErrorCode::kNotFound, {file.string()}, ": ", broken);
    fail_at(ErrorCode::kNotFound, {file.string()}, " does not exist or cannot be reached");
  }
  // A pipe or a device would block or never end.
  if (!std::filesystem::is_regular_file(status)) {
    fail_at(ErrorCode::kCorruptFile, {file.string()}, " must be a regular file");
  }
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) {
    fail_at(ErrorCode::kNotFound, {file.string()}, " cannot be opened: ", std::strerror(errno));
  }
  const auto size = static_cast<int64_t>(in.tellg());
  if (size > max_bytes) {
    fail_at(ErrorCode::kCorruptFile,
            {file.string()},
            " holds ",
            size,
            " bytes, more than the ",
            max_bytes,
            " that such a file may have");
  }
  std::string bytes(static_cast<std::size_t>(std::max<int64_t>(size, 0)), '\0');
  in.seekg(0);
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!in) fail_at(ErrorCode::kCorruptFile, {file.string()}, " cannot be read to its end");
  return bytes;
}

Json read_json_file(const std::filesystem::path& file, int64_t max_bytes) {
  return parse_json(read_text_file(file, max_bytes), file.string());
}

JsonFields JsonFields::load(const std::filesystem::path& file) {
  return JsonFields(read_json_file(file), file.string());
}

JsonFields::JsonFields(Json object, std::string source)
    : JsonFields(std::make_shared<const Json>(std::move(object)),
                 std::move(source),
                 /*prefix=*/"",
                 std::make_shared<Names>()) {}

JsonFields::JsonFields(std::shared_ptr<const Json> object,
                       std::string source,
                       std::string prefix,
                       std::shared_ptr<Names> asked)
    : object_(std::move(object)),
      source_(std::move(source)),
      prefix_(std::move(prefix)),
      asked_(std::move(asked)) {
  if (!object_->is_object()) {
    fail_at(ErrorCode::kCorruptFile,
            {source_},
            " must hold a JSON object, found ",
            shown(object_.get()));
  }
}

const Json* JsonFields::find(const std::string& name) const {
  asked_->insert(path_of(name));
  const auto found = object_->find(name);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

void JsonFields::refuse(const std::string& name,
                        const std::string& expected,
                        ErrorCode code) const {
  fail_at(code,
          {source_, path_of(name)},
          ": ",
          path_of(name),
          " must be ",
          expected,
          found_text(find(name)));
}

bool JsonFields::has(const std::string& name) const {
  return find(name) != nullptr;
}

int64_t JsonFields::required_int64(const std::string& name, int64_t min, int64_t max) const {
  const Json* value = find(name);
  const auto number = value == nullptr ? std::nullopt : as_int64(*value, min, max);
  if (!number) refuse(name, "an integer" + range_text(min, max));
  return *number;
}

int64_t JsonFields::optional_int64(const std::string& name,
                                   int64_t fallback,
                                   int64_t min,
                                   int64_t max) const {
  return has(name) ? required_int64(name, min, max) : fallback;
}

double JsonFields::required_double(const std::string& name, double min, double max) const {
  const Json* value = find(name);
  const auto number = value == nullptr ? std::nullopt : as_double(*value, min, max);
  if (!number) refuse(name, "a number" + range_text(min, max));
  return *number;
}

double JsonFields::optional_double(const std::string& name,
                                   double fallback,
                                   double min,
                                   double max) const {
  return has(name) ? required_double(name, min, max) : fallback;
}

bool JsonFields::required_bool(const std::string& name) const {
  const Json* value = find(name);
  if (value == nullptr || !value->is_boolean()) refuse(name, "true or false");
  return value->get<bool>();
}

bool JsonFields::optional_bool(const std::string& name, bool fallback) const {
  return has(name) ? required_bool(name) : fallback;
}

std::string JsonFields::required_string(const std::string& name) const {
  const Json* value = find(name);
  if (value == nullptr || !value->is_string()) refuse(name, "a string");
  return value->get<std::string>();
}

std::string JsonFields::optional_string(const std::string& name,
                                        const std::string& fallback) const {
  return has(name) ? required_string(name) : fallback;
}

std::vector<int64_t> JsonFields::required_int64_list(const std::string& name,
                                                     int64_t min,
                                                     int64_t max) const {
  const Json* list = find(name);
  std::size_t bad_index = 0;
  auto values = as_list<int64_t>(
      list, bad_index, [&](const Json& element) { return as_int64(element, min, max); });
  if (!values) refuse_list(name, list, bad_index, "a list of integers" + range_text(min, max));
  return std::move(*values);
}

std::vector<int64_t> JsonFields::optional_int64_list(const std::string& name,
                                                     std::vector<int64_t> fallback,
                                                     int64_t min,
                                                     int64_t max) const {
  return has(name) ? required_int64_list(name, min, max) : std::move(fallback);
}

std::vector<double> JsonFields::required_double_list(const std::string& name) const {
  const Json* list = find(name);
  std::size_t bad_index = 0;
  auto values = as_list<double>(list, bad_index, [](const Json& element) {
    return as_double(
        element, std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max());
  });
  if (!values) refuse_list(name, list, bad_index, "a list of numbers");
  return std::move(*values);
}

std::vector<std::string> JsonFields::required_string_list(const std::string& name) const {
  const Json* list = find(name);
  std::size_t bad_index = 0;
  auto values = as_list<std::string>(list, bad_index, [](const Json& element) {
    return element.is_string() ? std::optional(element.get<std::string>()) : std::nullopt;
  });
  if (!values) refuse_list(name, list, bad_index, "a list of strings");
  return std::move(*values);
}

void JsonFields::refuse_list(const std::string& name,
                             const Json* list,
                             std::size_t bad_index,
                             const std::string& expected) const {
  const bool is_list = list != nullptr && list->is_array();
  fail_at(ErrorCode::kCorruptFile,
          {source_, path_of(name)},
          ": ",
          path_of(name),
          " must be ",
          expected,
          found_text(is_list ? &list->at(bad_index) : list),
          is_list ? concat(" at index ", bad_index) : "");
}

JsonFields JsonFields::required_object(const std::string& name) const {
  const Json* value = find(name);
  if (value == nullptr || !value->is_object()) refuse(name, "an object");
  return JsonFields(
      std::shared_ptr<const Json>(object_, value), source_, path_of(name) + ".", asked_);
}

std::optional<JsonFields> JsonFields::optional_object(const std::string& name) const {
  if (!has(name)) return std::nullopt;
  return required_object(name);
}

JsonFields JsonFields::object_or_empty(const std::string& name) const {
  if (has(name)) return required_object(name);
  return JsonFields(
      std::make_shared<const Json>(Json::object()), source_, path_of(name) + ".", asked_);
}

void JsonFields::refuse_unread() const {
  const auto asked_under = [&](const std::string& prefix) {
    std::vector<std::string> names;
    for (auto name = asked_->lower_bound(prefix);
         name != asked_->end() && name->compare(0, prefix.size(), prefix) == 0;
         ++name) {
      names.push_back(name->substr(prefix.size()));
    }
    return names;
  };
  for (const auto& field : object_->items()) {
    const auto path = path_of(field.key());
    if (asked_->count(path) == 0) {
      std::string known;
      for (const auto& name : asked_under(prefix_)) {
        // Without the fields of nested objects.
        if (name.find('.') == std::string::npos) known += (known.empty() ? "" : ", ") + name;
      }
      fail_at(ErrorCode::kCorruptFile,
              {source_, path},
              ": ",
              path,
              " is not a known key; known keys: ",
              known);
    }
    const bool was_opened = !asked_under(path + '.').empty();
    if (was_opened && field.value().is_object()) required_object(field.key()).refuse_unread();
  }
}

void JsonFields::supports_only(const std::string& name, const Json& value) const {
  const Json* found = find(name);
  if (found != nullptr && *found != value) refuse(name, shown(&value), ErrorCode::kUnsupported);
}

}  // namespace glm_image::io
