// Weights that were multiplied by rotations are refused: read as they are, they give wrong
// pictures.

#include "quant/rotation.h"

#include "quant/quant_test_support.h"

namespace glm_image::test {
namespace {

using nlohmann::json;

/// A valid weight of each method, with its quantization_config.
struct StoredMethod {
  QuantisedComponent::Tensors tensors;
  json config;
};

StoredMethod stored(const std::string& method) {
  if (method == "sdnq") {
    return {{{"x.weight", at::zeros({32}, at::kByte)}, {"x.scale", at::ones({8, 1})}},
            {{"quant_method", "sdnq"}, {"weights_dtype", "int4"}, {"hadamard_group_size", 256}}};
  }
  if (method == "compressed-tensors") {
    return {{{"x.weight", at::zeros({8, 8}, at::kChar)}, {"x.weight_scale", at::ones({8, 1})}},
            {{"quant_method", method}, {"format", "int-quantized"}}};
  }
  return {{{"x.qweight", at::zeros({1, 8}, at::kInt)},
           {"x.qzeros", at::zeros({1, 1}, at::kInt)},
           {"x.scales", at::ones({1, 8})}},
          {{"quant_method", method}}};
}

TEST(Rotation, IsRefusedByName) {
  const json of_transform = {{"config_groups", {{"R1", {{"type", "hadamard"}}}}}};
  const json of_hadamard = {{"block_size", 32}, {"hadamard_type", "hadamard"}};
  for (const auto& [method, key, value] : std::vector<std::tuple<std::string, std::string, json>>{
           {"compressed-tensors", "transform_config", of_transform},
           {"auto-round", "rotation_config", of_hadamard},
           {"auto-round", "spinquant_config", of_hadamard},
           {"gptq", "rotation", "hadamard"},
           {"gptq", "online_hadamard", true},
           {"sdnq", "use_hadamard", true},
           {"sdnq", "modules_quant_config", {{"x.weight", {{"use_hadamard", true}}}}}}) {
    auto component = stored(method);
    component.config[key] = value;
    QuantisedComponent(component.tensors, component.config)
        .expect_refused(ErrorCode::kUnsupported,
                        {"config.json", key == "modules_quant_config" ? "use_hadamard" : key},
                        8,
                        8);
  }
}

TEST(Rotation, UnusedKeysAreNone) {
  for (const auto& [method, key] :
       std::vector<std::pair<std::string, std::string>>{{"compressed-tensors", "transform_config"},
                                                        {"auto-round", "rotation_config"},
                                                        {"gptq", "rotation"},
                                                        {"sdnq", "use_hadamard"}}) {
    for (const json& unused :
         {json(), json::object(), json({{"config_groups", json::object()}}), json(false)}) {
      auto component = stored(method);
      component.config[key] = unused;
      QuantisedComponent(component.tensors, component.config).unpack(8, 8);
    }
  }
}

/// Without a quantization_config AutoRound writes the key in its place; the weights may be floats.
TEST(Rotation, AlsoOfWeightsThatAreNotQuantised) {
  const QuantisedComponent component({{"x.weight", at::ones({8, 8})}}, json());
  const auto open = [&] {
    const auto set = component.weights();
    return quant::QuantisedWeights::open(component.path(), set);
  };
  EXPECT_EQ(open(), nullptr);
  write_file(component.path() / "config.json", R"({"rotation_config": {"block_size": 32}})");
  expect_error(ErrorCode::kUnsupported, {"rotation_config"}, open);
  write_file(component.path() / "config.json", "{}");
  write_file(component.path() / "quantization_config.json",
             R"({"spinquant_config": {"r1": true}})");
  expect_error(ErrorCode::kUnsupported, {"quantization_config.json", "spinquant_config"}, open);
}

}  // namespace
}  // namespace glm_image::test
