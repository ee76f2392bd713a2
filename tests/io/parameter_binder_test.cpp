#include "io/parameter_binder.h"

#include "nn/parameter.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

class ParameterBinding : public testing::Test {
 protected:
  ParameterBinding() {
    io::write_safetensors(
        folder_.path() / "model.safetensors", {{"weight", weight_}, {"bias", bias_}}, {});
    weights_ = io::WeightSet::open(folder_.path());
  }

  const torch::NoGradGuard no_grad_;
  const TemporaryDirectory folder_;
  const Tensor weight_ = at::randn({300, 200}), bias_ = at::randn({300});
  io::WeightSet weights_;
};

TEST_F(ParameterBinding, OneParameterAtATimeAsOftenAsNeeded) {
  nn::Linear layer(200, 300, at::TensorOptions(at::kFloat));
  io::ParameterBinder binder(*layer, weights_, {});
  EXPECT_EQ(binder.names(), (std::vector<std::string>{"weight", "bias"}));
  EXPECT_EQ(binder.stored_bytes("weight"), 4U * 300 * 200);
  EXPECT_TRUE(nn::is_unbound(layer->weight));
  for (const bool drop_cached : {false, true}) {
    binder.read_ahead("weight");
    binder.bind("weight");
    EXPECT_TRUE(at::equal(layer->weight, weight_));
    EXPECT_EQ(layer->weight.data_ptr(), weights_.find("weight")->file->tensor("weight").data_ptr());
    EXPECT_TRUE(nn::is_unbound(layer->bias));
    binder.release("weight", drop_cached);
    EXPECT_TRUE(nn::is_unbound(layer->weight));
    EXPECT_EQ(layer->weight.sizes(), weight_.sizes());
  }
}

TEST_F(ParameterBinding, ConvertedParametersTooAndThoseThatAreWantedAlone) {
  nn::Linear layer(200, 300, at::TensorOptions(at::kBFloat16));
  io::BindingOptions options;
  options.dtype = at::kBFloat16;
  options.wanted = [](const std::string& name) { return name != "bias"; };
  io::ParameterBinder binder(*layer, weights_, options);
  EXPECT_EQ(binder.names(), (std::vector<std::string>{"weight"}));
  for (int i = 0; i < 2; ++i) {
    binder.bind("weight");
    EXPECT_TRUE(at::equal(layer->weight, weight_.to(at::kBFloat16)));
    binder.release("weight", /*drop_cached=*/false);
    EXPECT_TRUE(nn::is_unbound(layer->weight));
    EXPECT_EQ(layer->weight.scalar_type(), at::kBFloat16);
  }
}

TEST_F(ParameterBinding, APartOfTheRowsOrColumns) {
  nn::Linear rows(200, 100, at::TensorOptions(at::kFloat));
  io::BindingOptions options;
  options.cuts["weight"] = {{300, 200}, /*dimension=*/0, {{150, 100}}};
  options.cuts["bias"] = {{300}, /*dimension=*/0, {{0, 40}, {240, 60}}};
  io::ParameterBinder binder(*rows, weights_, options);
  EXPECT_EQ(binder.stored_bytes("weight"), 4U * 100 * 200);
  for (const auto* name : {"weight", "bias"}) {
    binder.read_ahead(name);
    binder.bind(name);
  }
  EXPECT_TRUE(at::equal(rows->weight, weight_.narrow(0, 150, 100)));
  EXPECT_TRUE(at::equal(rows->bias, at::cat({bias_.narrow(0, 0, 40), bias_.narrow(0, 240, 60)})));
  // Rows are where the file is mapped.
  const auto stored = weights_.find("weight")->file->tensor("weight");
  EXPECT_EQ(rows->weight.data_ptr(), stored[150].data_ptr());

  nn::Linear columns(70, 300, at::TensorOptions(at::kBFloat16));
  options.cuts = {{"weight", {{300, 200}, /*dimension=*/1, {{20, 70}}}}};
  options.dtype = at::kBFloat16;
  io::bind_weights(*columns, weights_, options);
  EXPECT_TRUE(at::equal(columns->weight, weight_.narrow(1, 20, 70).to(at::kBFloat16)));
  EXPECT_TRUE(columns->weight.is_contiguous());
}

TEST_F(ParameterBinding, ACutOfAnotherShapeIsRefused) {
  nn::Linear layer(200, 100, at::TensorOptions(at::kFloat));
  io::BindingOptions options;
  options.cuts["weight"] = {{400, 200}, /*dimension=*/0, {{0, 100}}};
  expect_error(ErrorCode::kCorruptFile, {"weight", "[300, 200]", "[400, 200]"}, [&] {
    io::ParameterBinder(*layer, weights_, options);
  });
}

TEST_F(ParameterBinding, WrongWeightsAreRefusedBeforeAnythingIsBound) {
  nn::Linear layer(100, 300, at::TensorOptions(at::kFloat));
  expect_error(ErrorCode::kCorruptFile, {"weight", "[300, 200]", "[300, 100]"}, [&] {
    io::ParameterBinder(*layer, weights_, {});
  });
}

}  // namespace
}  // namespace glm_image::test
