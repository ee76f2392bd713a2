#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace glm_image::io {

using Json = nlohmann::json;

/// The largest JSON file of the published checkpoint, tokenizer.json, has about 20 MB.
inline constexpr int64_t kMaxJsonBytes = int64_t{64} << 20;
inline constexpr int64_t kMaxJsonDepth = 64;

/// Returns the bytes of a regular file. Throws kNotFound if it cannot be opened, kCorruptFile if it
/// is not a regular file or has more than `max_bytes`.
std::string read_text_file(const std::filesystem::path& file, int64_t max_bytes);

/// Parses JSON of at most kMaxJsonDepth levels. `source` names it in messages. Throws kCorruptFile
/// naming the line and byte of the first error, or what was saved in place of the file
/// (io/stand_in.h).
Json parse_json(std::string_view text, const std::string& source);

/// read_text_file, then parse_json.
Json read_json_file(const std::filesystem::path& file, int64_t max_bytes = kMaxJsonBytes);

/// Typed, checked access to the fields of one JSON object, for config files.
///
/// Every fault of the file (a missing key, a wrong type, a value out of range) throws kCorruptFile
/// with the file, the dotted path of the field, what it must be and what was found:
///   vae/config.json: block_out_channels must be a list of integers from 1 to 65536, found "x"
/// A null counts as absent, as in the Python code that writes these files. Copies are cheap: they
/// share the document and the list of fields read so far. A document is not thread-safe.
class JsonFields {
 public:
  /// Throws as read_json_file does, and kCorruptFile when the document is not an object.
  static JsonFields load(const std::filesystem::path& file);
  JsonFields(Json object, std::string source);

  /// Present and not null.
  bool has(const std::string& name) const;

  int64_t required_int64(const std::string& name, int64_t min, int64_t max) const;
  int64_t optional_int64(const std::string& name, int64_t fallback, int64_t min, int64_t max) const;

  /// Integers are accepted; the result is finite.
  double required_double(const std::string& name,
                         double min = std::numeric_limits<double>::lowest(),
                         double max = std::numeric_limits<double>::max()) const;
  double optional_double(const std::string& name,
                         double fallback,
                         double min = std::numeric_limits<double>::lowest(),
                         double max = std::numeric_limits<double>::max()) const;

  bool required_bool(const std::string& name) const;
  bool optional_bool(const std::string& name, bool fallback) const;

  std::string required_string(const std::string& name) const;
  std::string optional_string(const std::string& name, const std::string& fallback) const;

  /// Lists may be empty; every element is checked like a single value.
  std::vector<int64_t> required_int64_list(const std::string& name, int64_t min, int64_t max) const;
  std::vector<int64_t> optional_int64_list(const std::string& name,
                                           std::vector<int64_t> fallback,
                                           int64_t min,
                                           int64_t max) const;
  std::vector<double> required_double_list(const std::string& name) const;
  std::vector<std::string> required_string_list(const std::string& name) const;

  JsonFields required_object(const std::string& name) const;
  /// Returns std::nullopt if the field is absent.
  std::optional<JsonFields> optional_object(const std::string& name) const;
  /// Returns an empty object if the field is absent.
  JsonFields object_or_empty(const std::string& name) const;

  /// For a field of which one value is implemented. Throws kUnsupported if the field is present
  /// with another value: fields.supports_only("hidden_act", "silu").
  void supports_only(const std::string& name, const Json& value) const;

  /// Throws `code` with "<file>: <path> must be <expected>, found <value>", for checks that go
  /// beyond one field.
  [[noreturn]] void refuse(const std::string& name,
                           const std::string& expected,
                           ErrorCode code = ErrorCode::kCorruptFile) const;

  /// For files that people write: throws kCorruptFile if a field of this object, or of an object
  /// opened from it, was never read. The message names the field and the known ones.
  void refuse_unread() const;

  const Json& json() const { return *object_; }
  /// What messages call the document: the path it was loaded from.
  const std::string& source() const { return source_; }

 private:
  using Names = std::set<std::string>;
  JsonFields(std::shared_ptr<const Json> object,
             std::string source,
             std::string prefix,
             std::shared_ptr<Names> asked);
  const Json* find(const std::string& name) const;
  [[noreturn]] void refuse_list(const std::string& name,
                                const Json* list,
                                std::size_t bad_index,
                                const std::string& expected) const;
  std::string path_of(const std::string& name) const { return prefix_ + name; }

  std::shared_ptr<const Json> object_;
  std::string source_;
  std::string prefix_;            // "text_config." inside a nested object
  std::shared_ptr<Names> asked_;  // dotted paths
};

}  // namespace glm_image::io
