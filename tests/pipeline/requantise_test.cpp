// `glm-image quantize` of models that other programs, or it itself, quantised.

#include <nlohmann/json.hpp>

#include "io/weight_set.h"
#include "nn/cpu_kernels.h"
#include "quant/quantised_weights.h"
#include "support/packed_copy.h"
#include "support/quantised_copy.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Requantising : public testing::Test {
 protected:
  fs::path source() const { return folder_.path() / "source"; }
  fs::path output() const { return folder_.path() / "copy"; }

  /// Quantises the source and returns the warnings.
  std::vector<std::string> quantise(const std::string& weights, const std::string& rules) const {
    const auto plan =
        pipeline::plan_quantisation(source(), quant::FormRules(weights, rules), 200'000);
    pipeline::write_quantised(plan, output(), /*threads=*/0, {});
    return plan.warnings;
  }

  /// The configs of the copy are its own alone.
  void expect_own_configs() const {
    for (const std::string component : {"vision_language_encoder", "transformer"}) {
      const auto folder = output() / component;
      EXPECT_FALSE(fs::exists(folder / "quantization_config.json"));
      const auto config = json::parse(read_file(folder / "config.json"));
      EXPECT_EQ(config.at("quantization_config").at("quant_method"), "compressed-tensors");
      if (component == "transformer") continue;
      EXPECT_FALSE(config.at("text_config").contains("quantization_config"));
    }
  }

  /// check(component, reader, layer, values of the source) for each packed layer.
  template <typename Check>
  void for_each_layer(const LayerValues& values, const Check& check) const {
    for (const std::string component : {"vision_language_encoder", "transformer"}) {
      const auto set = io::WeightSet::open(output() / component);
      const auto reader = quant::QuantisedWeights::open(output() / component, set);
      ASSERT_NE(reader, nullptr);
      for (const auto& [name, of_source] : values) {
        if (name.rfind(component + "/", 0) != 0) continue;
        const auto layer = name.substr(component.size() + 1);
        SCOPED_TRACE(layer);
        check(set, *reader, layer, of_source);
      }
    }
  }

  const TemporaryDirectory folder_;
};

TEST_F(Requantising, IntegersOfTheFormAskedForStay) {
  if (!nn::kHaveKernels) GTEST_SKIP() << "integers are copied only with the CPU kernels";
  const auto values = write_packed_copy(tiny_model_dir(), "gptq", source());
  EXPECT_TRUE(quantise("q4", "norm1=q4").empty());
  expect_own_configs();
  for_each_layer(values, [](const auto& set, const auto& reader, const auto& layer, const auto& v) {
    ASSERT_NE(set.find(layer + ".weight_packed"), nullptr);
    // The scales keep GPTQ's type.
    EXPECT_EQ(set.find(layer + ".weight_scale")->entry->type, io::ElementType::kFloat16);
    EXPECT_TRUE(at::equal(reader.unpack(layer + ".weight", v.sizes(), at::kFloat), v));
  });
}

/// What the rules leave alone stays as it is stored, in the names of the copy.
TEST_F(Requantising, IntegersOfOtherLayersStay) {
  if (!nn::kHaveKernels) GTEST_SKIP() << "integers are copied only with the CPU kernels";
  const auto values = write_packed_copy(tiny_model_dir(), "gptq", source());
  const auto warnings = quantise("bf16", "to_q=q8,k_proj=q8");
  EXPECT_EQ(warnings.size(), 2U);  // one for each component
  expect_own_configs();
  int64_t kept = 0;
  for_each_layer(
      values, [&](const auto& set, const auto& reader, const auto& layer, const auto& v) {
        const bool is_chosen =
            layer.find("to_q") != std::string::npos || layer.find("k_proj") != std::string::npos;
        EXPECT_EQ(set.find(layer + ".weight_packed") == nullptr, is_chosen);
        if (is_chosen) return;
        ++kept;
        EXPECT_TRUE(at::equal(reader.unpack(layer + ".weight", v.sizes(), at::kFloat), v));
      });
  EXPECT_GT(kept, 0);
}

TEST_F(Requantising, ValuesWithoutIntegersAreRoundedAgain) {
  for (const std::string method : {"sdnq", "nf4"}) {
    fs::remove_all(source());
    fs::remove_all(output());
    const auto values = write_packed_copy(tiny_model_dir(), method, source());
    const auto warnings = quantise("q8", "");
    ASSERT_FALSE(warnings.empty());
    for (const auto& warning : warnings) {
      for (const char* const text :
           {method == "sdnq" ? "sdnq, 4 bits, groups of " : "bitsandbytes, 4 bits, groups of 64",
            "rounded a second time"}) {
        EXPECT_NE(warning.find(text), std::string::npos) << warning;
      }
    }
    expect_own_configs();
    for_each_layer(
        values, [](const auto& set, const auto& reader, const auto& layer, const auto& v) {
          ASSERT_NE(set.find(layer + ".weight"), nullptr);
          EXPECT_EQ(set.find(layer + ".weight")->entry->type, io::ElementType::kInt8);
          const auto& location = *set.find(layer + ".weight_scale");
          const auto scale = location.file->tensor(layer + ".weight_scale").to(at::kFloat);
          const auto found = reader.unpack(layer + ".weight", v.sizes(), at::kFloat);
          // Rounded to the nearest multiple of the scale.
          EXPECT_TRUE(((found - v).abs() <= scale * 0.5001).all().template item<bool>());
        });
  }
}

TEST_F(Requantising, OtherLayersWithoutIntegersBecomeBfloat16) {
  const auto values = write_packed_copy(tiny_model_dir(), "sdnq", source());
  quantise("bf16", "to_q=q8,q_proj=q8");
  expect_own_configs();
  int64_t unpacked = 0;
  for_each_layer(values, [&](const auto& set, const auto&, const auto& layer, const auto& v) {
    EXPECT_EQ(set.find(layer + ".scale"), nullptr);
    EXPECT_EQ(set.find(layer + ".zero_point"), nullptr);
    const auto& location = *set.find(layer + ".weight");
    const bool is_chosen =
        layer.find("to_q") != std::string::npos || layer.find("q_proj") != std::string::npos;
    EXPECT_EQ(location.entry->type,
              is_chosen ? io::ElementType::kInt8 : io::ElementType::kBFloat16);
    if (is_chosen) return;
    ++unpacked;
    EXPECT_TRUE(at::equal(location.file->tensor(layer + ".weight"), v.to(at::kBFloat16)));
  });
  EXPECT_GT(unpacked, 0);
}

TEST_F(Requantising, ACopyOfItsOwnFormIsTheSame) {
  if (!nn::kHaveKernels) GTEST_SKIP() << "integers are copied only with the CPU kernels";
  for (const std::string weights : {"q8", "q4"}) {
    fs::remove_all(source());
    fs::remove_all(output());
    write_quantised_copy(tiny_model_dir(), weights, source(), "", 200'000);
    EXPECT_TRUE(quantise(weights, "").empty());
    int64_t files = 0;
    for (const auto& item : fs::recursive_directory_iterator(source())) {
      if (!item.is_regular_file()) continue;
      ++files;
      const auto same = output() / fs::relative(item.path(), source());
      ASSERT_TRUE(fs::exists(same)) << same;
      EXPECT_EQ(read_file(same), read_file(item.path())) << same;
    }
    EXPECT_GT(files, 10);
  }
}

}  // namespace
}  // namespace glm_image::test
