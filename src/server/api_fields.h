#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace glm_image::server {

/// Typed access to the fields of a request. Every fault throws ApiError 400 with the field's name,
/// what it must be and what was found.
class ApiFields {
 public:
  /// `fields_are_text`: numbers and truth values may be written as texts, as forms send them, and
  /// an empty text counts as an absent field.
  ApiFields(const nlohmann::json& object, bool fields_are_text)
      : object_(object), fields_are_text_(fields_are_text) {}

  std::optional<std::string> text(const std::string& name) const;
  std::optional<int64_t> whole_number(const std::string& name, int64_t min, int64_t max) const;
  /// From 0 to limits::kMaxSeed. -1 stands for "any", as with other image servers, and counts as
  /// absent.
  std::optional<uint64_t> seed(const std::string& name) const;
  std::optional<double> number(const std::string& name, double min, double max) const;
  std::optional<bool> truth(const std::string& name) const;
  /// One text counts as a list of one.
  std::vector<std::string> texts(const std::string& name) const;
  /// One of `choices`.
  std::optional<std::string> choice(const std::string& name,
                                    const std::vector<std::string>& choices) const;

  [[noreturn]] void refuse(const std::string& name, const std::string& expected) const;

 private:
  const nlohmann::json* find(const std::string& name) const;
  /// The number that a value is, or is written as.
  std::optional<nlohmann::json> numeric(const nlohmann::json& value) const;

  const nlohmann::json& object_;
  bool fields_are_text_;
};

}  // namespace glm_image::server
