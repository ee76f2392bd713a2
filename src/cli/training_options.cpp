#include "cli/training_options.h"

#include <algorithm>

#include "cli/decimal_number.h"
#include "cli/whole_number.h"
#include "glm_image/limits.h"

namespace glm_image::cli {
namespace {

/// A whole_number that is also a multiple of limits::kSizeStep.
CLI::Validator picture_side() {
  const auto whole = whole_number<int64_t>(limits::kSizeStep, limits::kMaxSide);
  const auto check = [whole](std::string& text) -> std::string {
    auto error = whole(text);
    if (!error.empty() || std::stoll(text) % limits::kSizeStep == 0) return error;
    return "must be a multiple of " + std::to_string(limits::kSizeStep) + "; found " + text;
  };
  return CLI::Validator(check, /*validator_desc=*/"");
}

/// "--learning-rate" for "learning_rate".
std::string option_name(const train::Key& key) {
  std::string name = concat("--", key.name);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

}  // namespace

void add_picture_options(CLI::App& command, int64_t& size, std::string& trigger) {
  command.add_option("--size", size, "Pictures have at most SIZE x SIZE pixels; a multiple of 32")
      ->transform(picture_side())
      ->capture_default_str()
      ->type_name("SIZE");
  command
      .add_option("--trigger",
                  trigger,
                  "Word for what is learnt: takes the place of [trigger] in captions, or begins "
                  "those that lack it")
      ->type_name("WORD");
}

bool KeyOptions::exists(const train::Key& key) const {
  return command_.get_option_no_throw(option_name(key)) != nullptr;
}

void KeyOptions::number(const train::Key& key, double& value, double least, double most) {
  if (exists(key)) return;
  command_.add_option(option_name(key), value, key.meaning)
      ->check(decimal_number(least, most))
      ->capture_default_str()
      ->type_name("X");
}

void KeyOptions::integer(const train::Key& key, int64_t& value, int64_t least, int64_t most) {
  if (exists(key)) return;
  command_.add_option(option_name(key), value, key.meaning)
      ->transform(whole_number<int64_t>(least, most))
      ->capture_default_str()
      ->type_name("N");
}

void KeyOptions::flag(const train::Key& key, bool& value) {
  if (!exists(key)) command_.add_flag(option_name(key), value, key.meaning);
}

void KeyOptions::text(const train::Key& key, std::string& value, const char* type) {
  if (!exists(key)) command_.add_option(option_name(key), value, key.meaning)->type_name(type);
}

void KeyOptions::choice(const train::Key& key,
                        std::string& value,
                        const std::vector<std::string>& choices) {
  if (exists(key)) return;
  command_.add_option(option_name(key), value, key.meaning)
      ->check(CLI::IsMember(choices))
      ->capture_default_str()
      ->type_name("T");
}

void KeyOptions::texts(const train::Key& key,
                       std::vector<std::string>& values,
                       const char* type,
                       const std::vector<std::string>& choices) {
  if (exists(key)) return;
  auto* option = command_.add_option(option_name(key), values, key.meaning)->type_name(type);
  if (choices.empty()) {
    option->allow_extra_args(false);
  } else {
    option->delimiter(',')->check(CLI::IsMember(choices))->capture_default_str();
  }
}

void KeyOptions::other(const train::Key& /*key*/,
                       const char* /*type*/,
                       const std::function<void(const io::JsonFields& fields)>& /*read*/) {}

template <typename Value>
void GivenOptions::take(const train::Key& key, Value& value) const {
  const auto* option = command_.get_option_no_throw(option_name(key));
  if (option != nullptr && option->count() > 0) value = option->as<Value>();
}

void GivenOptions::number(const train::Key& key, double& value, double /*least*/, double /*most*/) {
  take(key, value);
}

void GivenOptions::integer(const train::Key& key,
                           int64_t& value,
                           int64_t /*least*/,
                           int64_t /*most*/) {
  take(key, value);
}

void GivenOptions::flag(const train::Key& key, bool& value) {
  take(key, value);
}

void GivenOptions::text(const train::Key& key, std::string& value, const char* /*type*/) {
  take(key, value);
}

void GivenOptions::choice(const train::Key& key,
                          std::string& value,
                          const std::vector<std::string>& /*choices*/) {
  take(key, value);
}

void GivenOptions::texts(const train::Key& key,
                         std::vector<std::string>& values,
                         const char* /*type*/,
                         const std::vector<std::string>& /*choices*/) {
  take(key, values);
}

void GivenOptions::other(const train::Key& /*key*/,
                         const char* /*type*/,
                         const std::function<void(const io::JsonFields& fields)>& /*read*/) {}

}  // namespace glm_image::cli
