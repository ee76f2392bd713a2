#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/json_file.h"

namespace glm_image::adapters {

/// An object of PEFT that gives numbers to layers by the ends of their names, such as
/// `alpha_pattern`: {"attn1.to_q": 8, "^transformer_blocks.0.attn1.to_k": 4}. PEFT reads a key as
/// the regular expression (.*\.)?(key)$. Here a key is a name, in which "^" stands for the
/// beginning, "$" for the end and "\." for a dot.
class LayerPatterns {
 public:
  LayerPatterns() = default;
  /// Throws kUnsupported for a key with other regular expressions, kCorruptFile for a value that is
  /// no number from `least` on.
  LayerPatterns(const io::JsonFields& fields, double least);

  bool empty() const { return patterns_.empty(); }
  /// The number of a layer, if it has one. `path` is its name as the trainer saw it, `name` its
  /// whole name. Throws kUnsupported if two keys fit it and have different numbers: PEFT takes the
  /// first of them, but the order of an object's keys is lost.
  std::optional<double> of(const std::string& path, const std::string& name) const;

 private:
  struct Pattern {
    std::string key, name;
    bool is_whole = false;  ///< the key begins with "^"
    double value = 0;
  };
  std::vector<Pattern> patterns_;
  std::optional<io::JsonFields> fields_;  ///< for messages
};

}  // namespace glm_image::adapters
