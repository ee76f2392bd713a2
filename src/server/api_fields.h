#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace glm_image::server {

/// Typed access to the fields of a request. Every error throws ApiError 400 with the field's name,
/// the allowed values and the value found.
class ApiFields {
 public:
  /// `fields_are_text`: numbers and booleans may be strings, as in forms, and an empty string
  /// counts as an absent field. The object must outlive this one.
  ApiFields(const nlohmann::json& object, bool fields_are_text)
      : object_(object), fields_are_text_(fields_are_text) {}

  std::optional<std::string> text(const std::string& name) const;
  std::optional<int64_t> whole_number(const std::string& name, int64_t min, int64_t max) const;
  /// From 0 to limits::kMaxSeed. -1 means "random", as with other image servers, and counts as
  /// absent.
  std::optional<uint64_t> seed(const std::string& name) const;
  std::optional<double> number(const std::string& name, double min, double max) const;
  std::optional<bool> truth(const std::string& name) const;
  /// An object. In a form it is JSON in a string.
  std::optional<nlohmann::json> object(const std::string& name) const;
  /// A list. In a form it is JSON in a string.
  std::optional<nlohmann::json> list(const std::string& name) const;
  /// Two numbers, as a list. In a form they are JSON in a string.
  std::optional<std::pair<double, double>> pair(const std::string& name,
                                                double min,
                                                double max) const;
  /// A single string counts as a list of one.
  std::vector<std::string> texts(const std::string& name) const;
  /// One of `choices`. An empty text counts as absent.
  std::optional<std::string> choice(const std::string& name,
                                    const std::vector<std::string>& choices) const;

  [[noreturn]] void refuse(const std::string& name, const std::string& expected) const;

 private:
  const nlohmann::json* find(const std::string& name) const;
  /// A value that is a list or an object.
  std::optional<nlohmann::json> structured(const std::string& name,
                                           const std::string& expected) const;
  /// A number, or the number that a string contains.
  std::optional<nlohmann::json> numeric(const nlohmann::json& value) const;

  const nlohmann::json& object_;
  bool fields_are_text_;
};

}  // namespace glm_image::server
