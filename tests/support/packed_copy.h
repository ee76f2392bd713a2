#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/torch.h"
#include "io/safetensors.h"
#include "io/weight_set.h"
#include "support/test_support.h"

/// Copies of the toy model as other programs quantise them, packed here independently of the
/// readers.
namespace glm_image::test {

struct PackedLayer {
  std::vector<std::pair<std::string, Tensor>> tensors;
  Tensor values;  ///< that they stand for, [out, in] float32
};

/// Packs the weight [out, in] float32 of a layer.
using Packer = std::function<PackedLayer(const std::string& layer, const Tensor& weight)>;

/// The largest group of at most `most` that divides `in`.
inline int64_t group_size(int64_t in, int64_t most) {
  while (in % most != 0) most /= 2;
  return most;
}

/// GPTQ: 4 bits, symmetric, groups of at most 128, zero points stored less one.
inline PackedLayer pack_gptq(const std::string& layer, const Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1), group = group_size(in, 128);
  const auto grouped = weight.view({out, in / group, group});
  const auto largest = grouped.abs().amax(2, /*keepdim=*/true);
  const auto scale = at::where(largest > 0, largest / 7, at::ones_like(largest)).to(at::kHalf);
  const auto q = (grouped / scale.to(at::kFloat)).round().clamp(-8, 7);
  const auto shifts = at::pow(16, at::arange(8, at::kLong));
  const auto words = ((q.to(at::kLong) + 8).view({out, in / 8, 8}) * shifts).sum(2).t();
  return {{{layer + ".qweight", words.to(at::kInt).contiguous()},
           {layer + ".qzeros", at::full({in / group, out / 8}, 0x77777777, at::kInt)},
           {layer + ".scales", scale.squeeze(2).t().contiguous()}},
          (q * scale.to(at::kFloat)).view({out, in})};
}

/// SDNQ: uint4, groups of at most 64, with a minimum.
inline PackedLayer pack_sdnq(const std::string& layer, const Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1), group = group_size(in, 64);
  const auto grouped = weight.view({out, in / group, group});
  const auto low = grouped.amin(2, /*keepdim=*/true).to(at::kBFloat16);
  const auto range = grouped.amax(2, /*keepdim=*/true) - grouped.amin(2, /*keepdim=*/true);
  const auto scale = (range / 15 + 1e-6).to(at::kBFloat16);
  const auto q = ((grouped - low.to(at::kFloat)) / scale.to(at::kFloat)).round().clamp(0, 15);
  const auto pairs = q.to(at::kInt).view({-1, 2});
  const auto bytes = (pairs.select(1, 0) + 16 * pairs.select(1, 1)).to(at::kByte);
  return {{{layer + ".weight", bytes}, {layer + ".scale", scale}, {layer + ".zero_point", low}},
          (q * scale.to(at::kFloat) + low.to(at::kFloat)).view({out, in})};
}

/// bitsandbytes: nf4, blocks of 64.
inline PackedLayer pack_nf4(const std::string& layer, const Tensor& weight) {
  const auto map = torch::tensor({-1.0F,
                                  -0.6961928F,
                                  -0.52507305F,
                                  -0.3949175F,
                                  -0.28444138F,
                                  -0.18477343F,
                                  -0.091050036F,
                                  0.0F,
                                  0.0795803F,
                                  0.1609302F,
                                  0.2461123F,
                                  0.33791524F,
                                  0.44070983F,
                                  0.562617F,
                                  0.72295684F,
                                  1.0F});
  const auto blocks = weight.reshape({-1, 64});
  const auto factors = blocks.abs().amax(1) + 1e-6;
  const auto relative = (blocks / factors.unsqueeze(1)).unsqueeze(2);
  const auto codes = (relative - map).abs().argmin(2);
  const auto pairs = codes.view({-1, 2});
  const auto bytes = (16 * pairs.select(1, 0) + pairs.select(1, 1)).to(at::kByte).unsqueeze(1);
  const auto text =
      nlohmann::json{
          {"quant_type", "nf4"}, {"blocksize", 64}, {"shape", {weight.size(0), weight.size(1)}}}
          .dump();
  const std::vector<int64_t> state(text.begin(), text.end());
  return {{{layer + ".weight", bytes},
           {layer + ".weight.absmax", factors},
           {layer + ".weight.quant_map", map},
           {layer + ".weight.quant_state.bitsandbytes__nf4", torch::tensor(state).to(at::kByte)}},
          (map.index_select(0, codes.flatten()).view_as(blocks) * factors.unsqueeze(1))
              .view_as(weight)};
}

/// A packer and the quantization_config of what it packs.
struct PackedMethod {
  Packer pack;
  nlohmann::json config;
};

inline PackedMethod packed_method(const std::string& name) {
  if (name == "gptq") {
    return {pack_gptq, {{"quant_method", "gptq"}, {"bits", 4}, {"sym", true}}};
  }
  if (name == "sdnq") return {pack_sdnq, {{"quant_method", "sdnq"}, {"weights_dtype", "uint4"}}};
  return {pack_nf4, {{"quant_method", "bitsandbytes"}, {"load_in_4bit", true}}};
}

/// Values of the layers of a copy, by "component/layer".
using LayerValues = std::map<std::string, Tensor>;

/// Copies a model with the layers of the language model and of the transformer's blocks packed. The
/// config of the generator is in its text_config, that of the transformer in a file of its own.
inline LayerValues write_packed_copy(const std::filesystem::path& model,
                                     const std::string& method,
                                     const std::filesystem::path& output) {
  namespace fs = std::filesystem;
  fs::copy(model, output, fs::copy_options::recursive);
  const auto packed = packed_method(method);
  LayerValues values;
  for (const std::string component : {"vision_language_encoder", "transformer"}) {
    const auto folder = output / component;
    std::vector<std::pair<std::string, Tensor>> tensors;
    fs::path file;
    {
      const auto set = io::WeightSet::open(folder);
      for (const auto& [name, location] : set.tensors()) {
        file = location.file->file().path();
        const auto tensor = location.file->tensor(name).clone();
        const auto dot = name.rfind(".weight");
        const bool is_layer = tensor.dim() == 2 && dot != std::string::npos &&
                              (name.find("language_model.layers.") != std::string::npos ||
                               name.find("transformer_blocks.") != std::string::npos);
        if (!is_layer) {
          tensors.emplace_back(name, tensor);
          continue;
        }
        const auto layer = packed.pack(name.substr(0, dot), tensor.to(at::kFloat));
        tensors.insert(tensors.end(), layer.tensors.begin(), layer.tensors.end());
        values[component + "/" + name.substr(0, dot)] = layer.values;
      }
    }
    fs::remove(file);
    io::write_safetensors(file, tensors, {});
    if (component == "transformer") {
      write_file(folder / "quantization_config.json", packed.config.dump());
      continue;
    }
    auto config = nlohmann::json::parse(read_file(folder / "config.json"));
    config["text_config"]["quantization_config"] = packed.config;
    write_file(folder / "config.json", config.dump());
  }
  return values;
}

}  // namespace glm_image::test
