// The copy that `glm-image quantize` writes, read by the test's own unpacker, and refused inputs.

#include "pipeline/quantise_checkpoint.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "io/safetensors.h"
#include "io/weight_set.h"
#include "quant/quantised_weights.h"
#include "support/quantised_copy.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool is_layer_part(const std::string& name, const std::string& part, std::string& layer) {
  if (name.size() <= part.size()) return false;
  layer = name.substr(0, name.size() - part.size());
  return name.compare(layer.size(), part.size(), part) == 0;
}

Tensor stored(const io::WeightSet& set, const std::string& name) {
  return set.find(name)->file->tensor(name);
}

/// The integers of a layer, [out, in], read without the project's code for quantised weights.
Tensor integers_of(const io::WeightSet& set, const std::string& layer) {
  if (set.find(layer + ".weight") != nullptr) return stored(set, layer + ".weight").to(at::kInt);
  const auto words = stored(set, layer + ".weight_packed").contiguous();
  const auto shape = stored(set, layer + ".weight_shape");
  const int64_t out = shape[0].item<int64_t>(), in = shape[1].item<int64_t>();
  auto integers = at::empty({out, in}, at::kInt);
  const auto* bytes = static_cast<const uint8_t*>(words.data_ptr());
  auto* to = integers.data_ptr<int32_t>();
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t i = 0; i < in; ++i) {
      const uint8_t byte = bytes[o * words.size(1) * 4 + i / 2];
      to[o * in + i] = (i % 2 == 0 ? byte & 15 : byte >> 4) - 8;
    }
  }
  return integers;
}

Tensor scales_of(const io::WeightSet& set, const std::string& layer, int64_t in) {
  const auto scales = stored(set, layer + ".weight_scale").to(at::kDouble);
  return scales.repeat_interleave(in / scales.size(1), 1);
}

std::set<std::string> quantised_layers(const io::WeightSet& set) {
  std::set<std::string> layers;
  std::string layer;
  for (const auto& [name, location] : set.tensors()) {
    if (is_layer_part(name, ".weight_scale", layer)) layers.insert(layer);
  }
  return layers;
}

class Quantising : public testing::Test {
 protected:
  fs::path output() const { return folder_.path() / "copy"; }
  size_t entries() const {
    return std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator());
  }
  /// A copy of the toy model that a test may modify.
  fs::path changed_model() const {
    const auto model = folder_.path() / "changed";
    fs::copy(tiny_model_dir(), model, fs::copy_options::recursive);
    return model;
  }
  const TemporaryDirectory folder_;
};

class QuantisedCopy : public Quantising, public testing::WithParamInterface<const char*> {};

/// Small shards and rules, so that every code path of the writer runs.
TEST_P(QuantisedCopy, HasTheContentOfTheOriginal) {
  const std::string weights = GetParam();
  write_quantised_copy(tiny_model_dir(), weights, output(), "k_proj=q4:32,v_proj=bf16", 200'000);
  for (const std::string component : {"vision_language_encoder", "transformer"}) {
    const auto before = io::WeightSet::open(tiny_model_dir() / component),
               after = io::WeightSet::open(output() / component);
    const auto layers = quantised_layers(after);
    EXPECT_FALSE(layers.empty()) << component;
    const auto reader = quant::QuantisedWeights::open(output() / component, after);
    ASSERT_NE(reader, nullptr);
    for (const auto& layer : layers) {
      SCOPED_TRACE(layer);
      const auto original = stored(before, layer + ".weight").to(at::kDouble);
      const int64_t in = original.size(1);
      const auto integers = integers_of(after, layer);
      const auto scales = scales_of(after, layer, in);
      ASSERT_EQ(integers.sizes(), original.sizes());
      const auto values = integers.to(at::kDouble) * scales;
      EXPECT_TRUE(
          at::equal(reader->unpack(layer + ".weight", original.sizes(), at::kFloat).to(at::kDouble),
                    values.to(at::kFloat).to(at::kDouble)));
      const auto error = (values - original).abs();
      if (after.find(layer + ".weight") != nullptr) {
        EXPECT_EQ(stored(after, layer + ".weight").scalar_type(), at::kChar);
        // No value exceeds the largest integer, and each is rounded to the nearest.
        EXPECT_TRUE((error <= scales.abs() * 0.5001).all().item<bool>());
        continue;
      }
      // At least as good as the simple rule, which maps the largest magnitude of a group to −8.
      const int64_t groups = stored(after, layer + ".weight_scale").size(1);
      const auto grouped = original.view({original.size(0), groups, in / groups});
      const auto index = grouped.abs().argmax(2, /*keepdim=*/true);
      auto plain_scale = grouped.gather(2, index) / -8;
      plain_scale = at::where(plain_scale == 0, at::ones_like(plain_scale), plain_scale);
      const auto plain = (grouped / plain_scale).round().clamp(-8, 7) * plain_scale;
      const auto squared = error.square().sum().item<double>();
      EXPECT_LT(squared, (plain - grouped).square().sum().item<double>() * 1.001);
      EXPECT_GT(squared, 0);
    }
    std::string layer;
    for (const auto& [name, location] : before.tensors()) {
      const bool is_quantised = is_layer_part(name, ".weight", layer) && layers.count(layer) != 0;
      EXPECT_EQ(layer.find("v_proj") != std::string::npos && is_quantised, false) << name;
      if (is_quantised) continue;
      ASSERT_NE(after.find(name), nullptr) << name;
      EXPECT_EQ(stored(after, name).scalar_type(), stored(before, name).scalar_type());
      EXPECT_TRUE(at::equal(stored(after, name), stored(before, name))) << name;
    }
  }
}

TEST_P(QuantisedCopy, ItsConfigsNameEveryLayerOnce) {
  write_quantised_copy(tiny_model_dir(), GetParam(), output());
  for (const std::string component : {"vision_language_encoder", "transformer"}) {
    auto config = json::parse(read_file(output() / component / "config.json"));
    const auto quantisation = config.at("quantization_config");
    config.erase("quantization_config");
    EXPECT_EQ(config, json::parse(read_file(tiny_model_dir() / component / "config.json")));
    EXPECT_EQ(quantisation.at("quant_method"), "compressed-tensors");
    EXPECT_EQ(quantisation.at("quantization_status"), "compressed");
    const auto set = io::WeightSet::open(output() / component);
    auto expected = quantised_layers(set);
    for (const auto& group : quantisation.at("config_groups")) {
      const auto bits = group.at("weights").at("num_bits").get<int>();
      for (const auto& target : group.at("targets")) {
        const auto layer = target.get<std::string>();
        EXPECT_EQ(expected.erase(layer), 1U) << layer;
        EXPECT_NE(set.find(layer + (bits == 4 ? ".weight_packed" : ".weight")), nullptr) << layer;
      }
    }
    EXPECT_TRUE(expected.empty()) << *expected.begin();
    for (const auto& layer : quantisation.at("ignore")) {
      EXPECT_NE(set.find(layer.get<std::string>() + ".weight"), nullptr) << layer;
    }
  }
  for (const char* same : {"text_encoder/model.safetensors",
                           "vae/diffusion_pytorch_model.safetensors",
                           "processor/tokenizer.json",
                           "model_index.json"}) {
    EXPECT_EQ(read_file(output() / same), read_file(tiny_model_dir() / same)) << same;
  }
}

INSTANTIATE_TEST_SUITE_P(Weights,
                         QuantisedCopy,
                         testing::Values("q8", "q4"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_F(Quantising, AnExistingOutputIsNotReplaced) {
  fs::create_directory(output());
  write_file(output() / "mine.txt", "mine");
  expect_error(ErrorCode::kOutput, {"copy", "already exists"}, [&] {
    write_quantised_copy(tiny_model_dir(), "q8", output());
  });
  EXPECT_EQ(read_file(output() / "mine.txt"), "mine");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Quantising, AnOutputInsideTheModel) {
  const auto model = changed_model();
  for (const auto& inside :
       {model / "q8", model / "sub" / "q8", model / "." / "vae" / ".." / "q8"}) {
    expect_error(ErrorCode::kOutput, {"inside", "changed"}, [&] {
      write_quantised_copy(model, "q8", inside);
    });
  }
  EXPECT_FALSE(fs::exists(model / "sub"));
  // A name with the model's name as prefix is another folder.
  EXPECT_NO_THROW(write_quantised_copy(model, "q8", folder_.path() / "changed-q8"));
}

TEST_F(Quantising, NonFiniteValuesNameTheirLayer) {
  const auto model = changed_model();
  const auto path = model / "transformer" / "diffusion_pytorch_model.safetensors";
  const std::string damaged = "transformer_blocks.1.attn1.to_k";
  std::vector<std::pair<std::string, Tensor>> tensors;
  {
    const auto set = io::WeightSet::open(model / "transformer");
    for (const auto& [name, location] : set.tensors()) {
      tensors.emplace_back(name, stored(set, name).clone());
      if (name == damaged + ".weight") {
        tensors.back().second[0][1] = std::numeric_limits<double>::quiet_NaN();
      }
    }
  }
  fs::remove(path);
  io::write_safetensors(path, tensors, {});
  expect_error(ErrorCode::kCorruptFile, {damaged, "not finite"}, [&] {
    write_quantised_copy(model, "q4", output());
  });
  EXPECT_EQ(entries(), 1U);
}

TEST_F(Quantising, AnInterruptionLeavesNothing) {
  const auto plan =
      pipeline::plan_quantisation(tiny_model_dir(), quant::FormRules("q4", ""), uint64_t{1} << 30);
  uint64_t total = 0;
  for (const auto& component : plan.components) total += component.bytes_after();
  for (const double part : {0.0, 0.4, 1.0}) {
    expect_error(ErrorCode::kCancelled, {"stopped"}, [&] {
      pipeline::write_quantised(plan, output(), 0, [&](uint64_t done, uint64_t all) {
        EXPECT_EQ(all, total);
        if (static_cast<double>(done) >= part * static_cast<double>(all)) {
          fail(ErrorCode::kCancelled, "stopped");
        }
      });
    });
    EXPECT_EQ(entries(), 0U);
  }
}

TEST_F(Quantising, InvalidRules) {
  const auto plan = [&](const std::string& weights, const std::string& rules) {
    pipeline::plan_quantisation(tiny_model_dir(), quant::FormRules(weights, rules), 1 << 30);
  };
  expect_error(
      ErrorCode::kInvalidInput, {"'to_z=q8'", "no linear layer"}, [&] { plan("q8", "to_z=q8"); });
  expect_error(ErrorCode::kInvalidInput, {"no layer"}, [&] { plan("bf16", ""); });
  for (const std::string form : {"q9", "q8:", "q8:16", "q4:-32", "bf16:32", ""}) {
    expect_error(ErrorCode::kInvalidInput, {"'" + form + "'"}, [&] { plan("q8", "to_q=" + form); });
  }
  for (const std::string rule : {"to_q", "=q8", "(=q8"}) {
    EXPECT_THROW(plan("q8", rule), Error) << rule;
  }
  EXPECT_NO_THROW(plan("bf16", "to_q=q8:64,lm_head=q4"));
}

}  // namespace
}  // namespace glm_image::test
