#include "adapters/adapter_keys.h"

#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "core/suffix.h"

namespace glm_image::adapters {
namespace {

/// A row of the table of names. The names are those of PEFT, diffusers, kohya's scripts, LyCORIS
/// and ComfyUI.
struct KeyEnd {
  std::string_view text;                ///< one that ends in '_' begins the last part of a name
  std::string_view method;              ///< empty for LoRA
  TensorRole role = TensorRole::kDown;  ///< for LoRA
};

constexpr KeyEnd kEnds[] = {
    {".lora_A.weight", "", TensorRole::kDown},
    {".lora_B.weight", "", TensorRole::kUp},
    {".lora_down.weight", "", TensorRole::kDown},
    {".lora_up.weight", "", TensorRole::kUp},
    {".lora.down.weight", "", TensorRole::kDown},
    {".lora.up.weight", "", TensorRole::kUp},
    {".alpha", "", TensorRole::kAlpha},
    {".dora_scale", "DoRA"},
    {".lora_magnitude_vector", "DoRA"},
    {".lora_magnitude_vector.weight", "DoRA"},
    {".hada_", "LoHa"},
    {".lokr_", "LoKr"},
    {".oft_", "OFT"},
    {".boft_", "BOFT"},
    {".ia3_l", "IA3"},
    {".lora_E", "AdaLoRA"},
    {".vera_lambda_", "VeRA"},
    {".diff", "full-rank"},
    {".diff_b", "full-rank"},
};

bool matches(std::string_view key, const KeyEnd& end) {
  if (end.text.back() == '_') return key.find(end.text) != std::string_view::npos;
  return ends_with(key, end.text);
}

const KeyEnd* find_end(std::string_view key) {
  const auto* const found = std::find_if(
      std::begin(kEnds), std::end(kEnds), [&](const auto& end) { return matches(key, end); });
  return found == std::end(kEnds) ? nullptr : found;
}

/// PEFT's own state has the adapter's name in it: "<path>.lora_A.default.weight". Returns the key
/// without this name; "" for a key that has no such name.
std::string without_adapter_name(std::string_view key) {
  constexpr std::string_view kWeight = ".weight";
  if (!ends_with(key, kWeight)) return "";
  const auto named = key.substr(0, key.size() - kWeight.size());
  const auto dot = named.rfind('.');
  if (dot == std::string_view::npos) return "";
  return std::string(named.substr(0, dot)).append(kWeight);
}

}  // namespace

std::optional<KeyParts> split_key(std::string_view key) {
  const auto* end = find_end(key);
  if (end == nullptr) {
    const auto plain = without_adapter_name(key);
    end = find_end(plain);
    if (end == nullptr) return std::nullopt;
    key = key.substr(0, plain.size());
  }
  if (!end->method.empty()) return std::nullopt;
  return KeyParts{key.substr(0, key.size() - end->text.size()), end->role};
}

std::string_view other_method(std::string_view key) {
  const auto* end = find_end(key);
  if (end == nullptr) end = find_end(without_adapter_name(key));
  return end == nullptr ? std::string_view() : end->method;
}

std::string method_name(const std::string& peft_type) {
  const auto is_same = [&](std::string_view method) {
    return std::equal(
        method.begin(), method.end(), peft_type.begin(), peft_type.end(), [](char a, char b) {
          return std::toupper(static_cast<unsigned char>(a)) ==
                 std::toupper(static_cast<unsigned char>(b));
        });
  };
  for (const auto& end : kEnds) {
    if (!end.method.empty() && is_same(end.method)) return std::string(end.method);
  }
  return peft_type;
}

void refuse_method(const std::string& source, std::string_view method, const std::string& sign) {
  fail(ErrorCode::kUnsupported,
       source,
       ": is an adapter of the method ",
       method,
       ", which is not supported (it has ",
       sign,
       ")");
}

}  // namespace glm_image::adapters
