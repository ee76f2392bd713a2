#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/json_file.h"
#include "io/weight_set.h"

namespace glm_image::quant {

/// The stored tensors of one module, "<module>.<part>", as the readers of quantised formats see
/// them. Every fault throws kCorruptFile naming the file, the tensor, what was expected and found.
class ModuleParts {
 public:
  ModuleParts(const io::WeightSet& weights, std::string module)
      : weights_(weights), module_(std::move(module)) {}

  bool has(const std::string& part) const { return entry(part) != nullptr; }
  /// Null without such a tensor.
  const io::TensorEntry* entry(const std::string& part) const;
  /// Whether there is such a tensor and it has this type.
  bool has(const std::string& part, io::ElementType type) const;

  /// The tensor of this type and shape, contiguous on the CPU.
  Tensor tensor(const std::string& part,
                io::ElementType type,
                const std::vector<int64_t>& shape) const;
  /// A floating tensor of this shape, all finite, as float32.
  Tensor floats(const std::string& part, const std::vector<int64_t>& shape) const;
  /// The same in the type that it is stored in.
  Tensor stored_floats(const std::string& part, const std::vector<int64_t>& shape) const;
  /// The bytes of a tensor of any type.
  std::string_view bytes(const std::string& part) const;
  /// The same as a uint8 tensor [n] that keeps the file mapped.
  Tensor mapped_bytes(const std::string& part) const;

  const std::string& module() const { return module_; }
  /// "<file>: the tensor '<module>.<part>'", for messages.
  std::string described(const std::string& part) const;
  [[noreturn]] void refuse(const std::string& part, const std::string& expected) const;

 private:
  const io::WeightSet::Location& location(const std::string& part) const;
  std::string name(const std::string& part) const { return module_ + "." + part; }

  const io::WeightSet& weights_;
  std::string module_;
};

/// Group of each input of a row: from `part` (I32 [in], checked), or input / group_size where there
/// is no such tensor or all of it is −1, as compressed-tensors initialises it.
std::vector<int32_t> group_of_inputs(const ModuleParts& parts,
                                     const std::string& part,
                                     int64_t inputs,
                                     int64_t groups);

/// Whether the groups are those of input / group_size.
bool groups_in_order(const std::vector<int32_t>& group_of, int64_t groups);

/// The fields of a quantization_config, whose messages say so.
io::JsonFields config_fields(const nlohmann::json& config, const std::string& source);

/// Throws kUnsupported: "<source>: quantization_config.<key> = <value> is not read".
[[noreturn]] void refuse_config(const std::string& source,
                                const std::string& key,
                                const nlohmann::json& value);

}  // namespace glm_image::quant
