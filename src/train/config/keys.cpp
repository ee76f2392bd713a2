#include "train/config/keys.h"

#include <algorithm>
#include <cstring>

#include "core/joined.h"

namespace glm_image::train {
namespace {

bool is_required(const Key& key) {
  return key.default_text != nullptr && std::strcmp(key.default_text, kRequired) == 0;
}

/// 0.001 and 1e-05, not 0.001000.
std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

}  // namespace

void warn_of_old_name(std::vector<std::string>& warnings,
                      const std::string& source,
                      const std::string& old_name,
                      const std::string& name) {
  auto warning = concat(source,
                        ": '",
                        old_name,
                        "' is now called '",
                        name,
                        "'; the next version will not accept the former name");
  if (std::find(warnings.begin(), warnings.end(), warning) == warnings.end()) {
    warnings.push_back(std::move(warning));
  }
}

std::string KeyReader::name_of(const Key& key) {
  // JsonFields::has would add former names to the known keys in messages.
  const auto& json = fields_.json();
  if (key.old_name == nullptr || !json.contains(key.old_name)) return key.name;
  if (fields_.has(key.name)) {
    fields_.refuse(key.old_name, concat("absent beside '", key.name, "', its new name"));
  }
  warn_of_old_name(warnings_, fields_.source(), key.old_name, key.name);
  return key.old_name;
}

void KeyReader::number(const Key& key, double& value, double least, double most) {
  const auto name = name_of(key);
  value = is_required(key) ? fields_.required_double(name, least, most)
                           : fields_.optional_double(name, value, least, most);
}

void KeyReader::integer(const Key& key, int64_t& value, int64_t least, int64_t most) {
  const auto name = name_of(key);
  value = is_required(key) ? fields_.required_int64(name, least, most)
                           : fields_.optional_int64(name, value, least, most);
}

void KeyReader::flag(const Key& key, bool& value) {
  value = fields_.optional_bool(name_of(key), value);
}

void KeyReader::text(const Key& key, std::string& value, const char* /*type*/) {
  const auto name = name_of(key);
  value = is_required(key) ? fields_.required_string(name) : fields_.optional_string(name, value);
}

void KeyReader::choice(const Key& key,
                       std::string& value,
                       const std::vector<std::string>& choices) {
  const auto name = name_of(key);
  value = fields_.optional_string(name, value);
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    fields_.refuse(name, '"' + joined(choices, "\" or \"") + '"');
  }
}

void KeyReader::texts(const Key& key,
                      std::vector<std::string>& values,
                      const char* /*type*/,
                      const std::vector<std::string>& choices) {
  const auto name = name_of(key);
  if (is_required(key) || fields_.has(name)) values = fields_.required_string_list(name);
  for (const auto& value : values) {
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
      fields_.refuse(name, "a list of \"" + joined(choices, "\" or \"") + '"');
    }
  }
}

void KeyReader::other(const Key& /*key*/,
                      const char* /*type*/,
                      const std::function<void(const io::JsonFields& fields)>& read) {
  read(fields_);
}

void KeyReader::removed(const char* name, const char* replacement) {
  if (!fields_.json().contains(name)) return;
  fields_.refuse(name, concat("absent, since '", replacement, "' replaces it"));
}

void KeyWriter::number(const Key& key, double& value, double /*least*/, double /*most*/) {
  json_[key.name] = value;
}

void KeyWriter::integer(const Key& key, int64_t& value, int64_t /*least*/, int64_t /*most*/) {
  json_[key.name] = value;
}

void KeyWriter::flag(const Key& key, bool& value) {
  json_[key.name] = value;
}

void KeyWriter::text(const Key& key, std::string& value, const char* /*type*/) {
  json_[key.name] = value;
}

void KeyWriter::choice(const Key& key,
                       std::string& value,
                       const std::vector<std::string>& /*choices*/) {
  json_[key.name] = value;
}

void KeyWriter::texts(const Key& key,
                      std::vector<std::string>& values,
                      const char* /*type*/,
                      const std::vector<std::string>& /*choices*/) {
  json_[key.name] = values;
}

void KeyWriter::other(const Key& /*key*/,
                      const char* /*type*/,
                      const std::function<void(const io::JsonFields& fields)>& /*read*/) {}

void KeyHelp::section(const std::string& title) {
  text_ += (text_.empty() ? "" : "\n") + translate_(title) + "\n";
}

void KeyHelp::line(const Key& key, const std::string& type, const std::string& default_value) {
  const std::string shown = key.default_text == nullptr ? default_value : key.default_text;
  const auto column = [](const std::string& text, std::size_t width) {
    const auto columns =
        static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
          return (static_cast<unsigned char>(c) & 0xC0) !=
                 0x80;  // not a continuation byte of UTF-8
        }));
    return text + std::string(columns < width ? width - columns : 1, ' ');
  };
  text_ += concat("  ",
                  column(key.name, 29),
                  column(translate_(type), 23),
                  column(translate_(shown.empty() ? "none" : shown), 20),
                  translate_(key.meaning),
                  "\n");
}

void KeyHelp::number(const Key& key, double& value, double least, double most) {
  line(
      key, concat("number ", short_number(least), " to ", short_number(most)), short_number(value));
}

void KeyHelp::integer(const Key& key, int64_t& value, int64_t least, int64_t most) {
  // Bounds that only guard against overflow are not shown.
  constexpr int64_t kShownBound = 1'000'000;
  line(
      key,
      most > kShownBound ? concat("integer from ", least) : concat("integer ", least, " to ", most),
      std::to_string(value));
}

void KeyHelp::flag(const Key& key, bool& value) {
  line(key, "true or false", value ? "true" : "false");
}

void KeyHelp::text(const Key& key, std::string& value, const char* type) {
  line(key, type, value);
}

void KeyHelp::choice(const Key& key, std::string& value, const std::vector<std::string>& choices) {
  line(key, joined(choices, ", "), value);
}

void KeyHelp::texts(const Key& key,
                    std::vector<std::string>& values,
                    const char* type,
                    const std::vector<std::string>& choices) {
  line(key,
       concat("list of ", choices.empty() ? type : joined(choices, ", ")),
       joined(values, ", "));
}

void KeyHelp::other(const Key& key,
                    const char* type,
                    const std::function<void(const io::JsonFields& fields)>& /*read*/) {
  line(key, type, "");
}

}  // namespace glm_image::train
