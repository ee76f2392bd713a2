#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "io/json_file.h"
#include "train/translate.h"

namespace glm_image::train {

/// Shown in the help as the default of a required key.
inline constexpr const char* kRequired = "required";

/// A key of a config file.
struct Key {
  const char* name;
  const char* meaning;
  const char* old_name = nullptr;  ///< former name, accepted with a warning
  /// Shown as the default in place of the value's. kRequired: the file must have the key.
  const char* default_text = nullptr;
};

/// A table of keys is a function that visits each key and the variable that it sets, whose value is
/// the default. The same table parses a file (KeyReader) and makes the help (KeyHelp).
class KeyVisitor {
 public:
  virtual ~KeyVisitor() = default;
  virtual void number(const Key& key, double& value, double least, double most) = 0;
  virtual void integer(const Key& key, int64_t& value, int64_t least, int64_t most) = 0;
  virtual void flag(const Key& key, bool& value) = 0;
  /// Any text. `type` describes it in the help: "folder".
  virtual void text(const Key& key, std::string& value, const char* type) = 0;
  virtual void choice(const Key& key,
                      std::string& value,
                      const std::vector<std::string>& choices) = 0;
  /// A list of texts. `choices`: those that are allowed; empty for any. `type`: of one of them.
  virtual void texts(const Key& key,
                     std::vector<std::string>& values,
                     const char* type,
                     const std::vector<std::string>& choices) = 0;
  /// A value of another type, which `read` takes from the file and checks.
  virtual void other(const Key& key,
                     const char* type,
                     const std::function<void(const io::JsonFields& fields)>& read) = 0;
  /// A key of former versions that `replacement` replaces. Its value has no equivalent, so a file
  /// that has the key is refused.
  virtual void removed(const char* /*name*/, const char* /*replacement*/) {}
};

/// Reads the keys of a table from a JSON object. Throws kCorruptFile naming the key, the allowed
/// values and the value found.
class KeyReader : public KeyVisitor {
 public:
  /// `warnings` receives a sentence for each key with a former name.
  KeyReader(const io::JsonFields& fields, std::vector<std::string>& warnings)
      : fields_(fields), warnings_(warnings) {}

  void number(const Key& key, double& value, double least, double most) override;
  void integer(const Key& key, int64_t& value, int64_t least, int64_t most) override;
  void flag(const Key& key, bool& value) override;
  void text(const Key& key, std::string& value, const char* type) override;
  void choice(const Key& key, std::string& value, const std::vector<std::string>& choices) override;
  void texts(const Key& key,
             std::vector<std::string>& values,
             const char* type,
             const std::vector<std::string>& choices) override;
  void other(const Key& key,
             const char* type,
             const std::function<void(const io::JsonFields& fields)>& read) override;
  void removed(const char* name, const char* replacement) override;

 private:
  /// The name under which the file has the key.
  std::string name_of(const Key& key);

  io::JsonFields fields_;
  std::vector<std::string>& warnings_;
};

/// Writes the keys of tables into a JSON object that KeyReader reads. Values of other types are
/// left out.
class KeyWriter : public KeyVisitor {
 public:
  const io::Json& json() const { return json_; }

  void number(const Key& key, double& value, double least, double most) override;
  void integer(const Key& key, int64_t& value, int64_t least, int64_t most) override;
  void flag(const Key& key, bool& value) override;
  void text(const Key& key, std::string& value, const char* type) override;
  void choice(const Key& key, std::string& value, const std::vector<std::string>& choices) override;
  void texts(const Key& key,
             std::vector<std::string>& values,
             const char* type,
             const std::vector<std::string>& choices) override;
  void other(const Key& key,
             const char* type,
             const std::function<void(const io::JsonFields& fields)>& read) override;

 private:
  io::Json json_ = io::Json::object();
};

/// Describes the keys of tables in lines of name, type, default and meaning.
class KeyHelp : public KeyVisitor {
 public:
  /// `translate` gets titles, types and meanings.
  explicit KeyHelp(Translate translate = untranslated) : translate_(std::move(translate)) {}

  void section(const std::string& title);
  const std::string& text() const { return text_; }

  void number(const Key& key, double& value, double least, double most) override;
  void integer(const Key& key, int64_t& value, int64_t least, int64_t most) override;
  void flag(const Key& key, bool& value) override;
  void text(const Key& key, std::string& value, const char* type) override;
  void choice(const Key& key, std::string& value, const std::vector<std::string>& choices) override;
  void texts(const Key& key,
             std::vector<std::string>& values,
             const char* type,
             const std::vector<std::string>& choices) override;
  void other(const Key& key,
             const char* type,
             const std::function<void(const io::JsonFields& fields)>& read) override;

 private:
  void line(const Key& key, const std::string& type, const std::string& default_value);

  Translate translate_;
  std::string text_;
};

/// Adds the warning about a former name unless it is there already.
void warn_of_old_name(std::vector<std::string>& warnings,
                      const std::string& source,
                      const std::string& old_name,
                      const std::string& name);

}  // namespace glm_image::train
