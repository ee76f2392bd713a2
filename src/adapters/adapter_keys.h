#pragma once

#include <optional>
#include <string>
#include <string_view>

/// What the ends of tensors' names in adapter files mean.
namespace glm_image::adapters {

/// The role of a tensor of an adapter file in its layer.
enum class TensorRole {
  kDown,   ///< A, [rank, in]
  kUp,     ///< B, [out, rank]
  kAlpha,  ///< a number; the scale is alpha/rank
};

/// A tensor's name without its end.
struct KeyParts {
  std::string_view path;  ///< of the layer, with the prefix of the spelling
  TensorRole role = TensorRole::kDown;
};

/// Splits "<path>.lora_A.weight" and the like; empty for other names.
std::optional<KeyParts> split_key(std::string_view key);

/// The method that stores a tensor of this name ("LoHa"), if it is one that computes something else
/// than LoRA; otherwise empty.
std::string_view other_method(std::string_view key);

/// The name of a method of PEFT as its papers spell it: "LoHa" for "LOHA". Unknown names stay.
std::string method_name(const std::string& peft_type);

/// Throws kUnsupported: the file `source` is of this method, as `sign` in it shows.
[[noreturn]] void refuse_method(const std::string& source,
                                std::string_view method,
                                const std::string& sign);

}  // namespace glm_image::adapters
