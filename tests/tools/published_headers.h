#pragma once

#include <fstream>
#include <nlohmann/json.hpp>

#include "quant/quantise.h"
#include "random_checkpoint/random_checkpoint.h"
#include "support/test_support.h"

/// Checkpoints of the published sizes of which only the headers take room on the disk.
namespace glm_image::test {

inline void put_json(const std::filesystem::path& path, const nlohmann::ordered_json& json) {
  std::filesystem::create_directories(path.parent_path());
  write_file(path, json.dump());
}

/// Writes a file with the header of these tensors, whose values take no room on the disk. Only
/// "weight_shape", which readers check, has its values.
inline void write_header(const std::filesystem::path& path,
                         const io::WeightFile& file,
                         const std::map<std::string, std::vector<int64_t>>& shapes) {
  auto header = nlohmann::ordered_json::object();
  uint64_t end = 0;
  std::map<uint64_t, std::vector<int64_t>> values;
  for (const auto& tensor : file.tensors) {
    const uint64_t begin = end;
    end += tensor.bytes();
    header[tensor.name] = {{"dtype", std::string(io::element_type_name(tensor.type))},
                           {"shape", tensor.shape},
                           {"data_offsets", {begin, end}}};
    const auto shape = shapes.find(tensor.name);
    if (shape != shapes.end()) values[begin] = shape->second;
  }
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // else readers would copy what is not aligned
  const auto size = static_cast<uint64_t>(text.size());
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&size), sizeof size) << text;
  for (const auto& [begin, numbers] : values) {
    out.seekp(static_cast<std::streamoff>(sizeof size + size + begin));
    out.write(reinterpret_cast<const char*>(numbers.data()),
              static_cast<std::streamsize>(numbers.size() * sizeof(int64_t)));
  }
  out.close();
  std::filesystem::resize_file(path, sizeof size + size + end);
}

/// A checkpoint of the published sizes without values.
inline void write_headers(const std::filesystem::path& model, const std::string& weights) {
  const auto configs = random_checkpoint::published_configs();
  const auto components =
      random_checkpoint::plan_components(configs, quant::FormRules(weights, ""), uint64_t{1} << 40);
  for (const auto& [path, config] : configs) put_json(model / path, config);
  const auto& vision_language = configs.at("vision_language_encoder/config.json");
  put_json(model / "processor/tokenizer.json", random_checkpoint::make_tokenizer(vision_language));
  put_json(model / "processor/tokenizer_config.json",
           random_checkpoint::make_tokenizer_config(vision_language));
  put_json(model / "tokenizer/tokenizer_config.json",
           random_checkpoint::make_glyph_tokenizer_config());
  for (const auto& component : components) {
    std::map<std::string, std::vector<int64_t>> shapes;
    for (const auto& [first, layer] : component.quantised) {
      shapes[layer.name + ".weight_shape"] = {layer.out, layer.in};
    }
    if (!component.quantised.empty()) {
      auto config = configs.at(component.folder + "/config.json");
      config["quantization_config"] = quant::quantization_config(component.layers);
      put_json(model / component.folder / "config.json", config);
    }
    ASSERT_EQ(component.files.size(), 1U);
    write_header(model / component.folder / component.files[0].name, component.files[0], shapes);
  }
}

}  // namespace glm_image::test
