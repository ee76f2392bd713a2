// Options that other checkpoints of this layout have and the toy checkpoint does not, against
// explicit formulas.

#include "core/error.h"
#include "core/work_meter.h"
#include "models/autoencoder/autoencoder_kl.h"
#include "models/autoencoder/operations.h"
#include "models/generator/language_model.h"
#include "models/transformer/patches.h"
#include "models/transformer/transformer_model.h"
#include "nn/parameter.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

template <typename Module>
void fill_with_noise(Module& module, double scale = 0.2) {
  nn::materialize(*module);
  torch::manual_seed(1);
  for (auto& parameter : module->parameters()) parameter.normal_(0, scale);
}

models::AutoencoderConfig autoencoder_config(const nlohmann::json& changes) {
  auto json = nlohmann::json::parse(read_file(tiny_model_dir() / "vae" / "config.json"));
  json.update(changes);
  return models::AutoencoderConfig::from_json(io::JsonFields(json, "vae/config.json"));
}

class Variants : public testing::Test {
  const torch::NoGradGuard no_grad_;
};

TEST_F(Variants, MidBlockAttentionHasTheCheckpointsNames) {
  const models::AutoencoderKL with(autoencoder_config({{"mid_block_add_attention", true},
                                                       {"use_quant_conv", true},
                                                       {"use_post_quant_conv", true}}),
                                   at::TensorOptions(at::kFloat));
  const auto parameters = with->named_parameters();
  for (const std::string part : {"encoder", "decoder"}) {
    const auto prefix = part + ".mid_block.attentions.0.";
    for (const char* name : {"group_norm", "to_q", "to_k", "to_v", "to_out.0"}) {
      EXPECT_NE(parameters.find(prefix + name + ".weight"), nullptr) << prefix << name;
      EXPECT_NE(parameters.find(prefix + name + ".bias"), nullptr) << prefix << name;
    }
  }
  EXPECT_EQ(parameters["quant_conv.weight"].sizes(), at::IntArrayRef({8, 8, 1, 1}));
  EXPECT_EQ(parameters["post_quant_conv.weight"].sizes(), at::IntArrayRef({4, 4, 1, 1}));
}

TEST_F(Variants, MidBlockAttentionIsSingleHeadAttentionOverAllCells) {
  models::MidAttention attention(16, 4, at::TensorOptions(at::kFloat));
  fill_with_noise(attention);
  const auto p = attention->named_parameters();
  const auto x = at::randn({2, 16, 5, 3});
  const auto tokens = at::group_norm(x, 4, p["group_norm.weight"], p["group_norm.bias"], 1e-6)
                          .flatten(2)
                          .transpose(1, 2);
  const auto project = [&](const std::string& name) {
    return at::linear(tokens, p[name + ".weight"], p[name + ".bias"]);
  };
  const auto weights =
      at::softmax(at::matmul(project("to_q"), project("to_k").transpose(1, 2)) / 4.0, -1);
  const auto out =
      at::linear(at::matmul(weights, project("to_v")), p["to_out.0.weight"], p["to_out.0.bias"]);
  EXPECT_LE(relative_error(attention->forward(x), x + out.transpose(1, 2).view({2, 16, 5, 3})),
            1e-5);
}

TEST_F(Variants, QuantConvolutionsStandOutsideTheCoders) {
  models::AutoencoderKL model(
      autoencoder_config({{"use_quant_conv", true}, {"use_post_quant_conv", true}}),
      at::TensorOptions(at::kFloat));
  models::AutoencoderKL without(autoencoder_config(nlohmann::json::object()),
                                at::TensorOptions(at::kFloat));
  fill_with_noise(model);
  nn::materialize(*without);
  const auto p = model->named_parameters();
  for (auto& item : without->named_parameters()) item.value().copy_(p[item.key()]);
  const auto picture = at::randn({1, 3, 32, 32});
  const auto bare = without->encode(picture);
  // The log-variance is clamped after the convolution, so use small values.
  const auto moments = at::conv2d(
      at::cat({bare.mean, bare.log_variance}, 1), p["quant_conv.weight"], p["quant_conv.bias"]);
  EXPECT_LE(relative_error(model->encode(picture).mean, moments.narrow(1, 0, 4)), 1e-4);
  const auto latents = at::randn({1, 4, 4, 4});
  EXPECT_LE(relative_error(model->decode(latents),
                           without->decode(at::conv2d(
                               latents, p["post_quant_conv.weight"], p["post_quant_conv.bias"]))),
            1e-4);
}

TEST_F(Variants, TheVaeReportsTheOperationsOfItsConvolutions) {
  for (const bool has_quant : {false, true}) {
    const auto config =
        autoencoder_config({{"use_quant_conv", has_quant}, {"use_post_quant_conv", has_quant}});
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      models::AutoencoderKL model(config, at::TensorOptions(type));
      nn::materialize(*model);
      double work = 0;
      const WorkMeter meter([&](double operations) { work += operations; });
      const int64_t factor = config.scale_factor(), width = 6 * factor, height = 4 * factor;
      model->encode(at::zeros({1, 3, height, width}));
      EXPECT_DOUBLE_EQ(work, models::encoding_operations(config, width, height));
      work = 0;
      model->decode(at::zeros({1, config.latent_channels, 4, 6}));
      EXPECT_DOUBLE_EQ(work, models::decoding_operations(config, width, height));
    }
  }
}

TEST_F(Variants, AReportThatThrowsStopsTheVae) {
  const auto config = autoencoder_config(nlohmann::json::object());
  models::AutoencoderKL model(config, at::TensorOptions(at::kBFloat16));
  nn::materialize(*model);
  const auto latents = at::zeros({1, config.latent_channels, 16, 16});
  // Counts bands. The number of pieces of a band that the calling thread takes varies.
  int bands = 0;
  {
    const WorkMeter meter([&](double operations) { bands += operations > 0 ? 1 : 0; });
    model->decode(latents);
  }
  for (const int last : {1, bands / 2, bands}) {
    int seen = 0;
    const WorkMeter meter([&](double operations) {
      if (operations > 0 && ++seen == last) throw Error(ErrorCode::kCancelled, "stopped");
    });
    expect_error(ErrorCode::kCancelled, {"stopped"}, [&] { model->decode(latents); });
    EXPECT_EQ(seen, last);
  }
}

models::GeneratorConfig generator_config(const nlohmann::json& changes) {
  auto json = nlohmann::json::parse(
      read_file(tiny_model_dir() / "vision_language_encoder" / "config.json"))["text_config"];
  json.update(changes);
  return models::GeneratorConfig::from_json(io::JsonFields(json, "config.json"));
}

TEST_F(Variants, OneKeyHeadIsAllHeadsSharingIt) {
  const at::TensorOptions options(at::kFloat);
  const auto one = generator_config({{"num_key_value_heads", 1}});
  const auto four = generator_config({{"num_key_value_heads", 4}});
  models::GlmImageTextModel shared(one, options), full(four, options);
  fill_with_noise(shared, 0.05);
  nn::materialize(*full);
  const auto p = shared->named_parameters();
  for (auto& item : full->named_parameters()) {
    auto value = p[item.key()];
    if (value.sizes() != item.value().sizes()) {
      value = value.dim() == 2 ? value.repeat({4, 1}) : value.repeat({4});
    }
    item.value().copy_(value);
  }
  const auto ids = torch::tensor({{5, 9, 700, 3, 64}});
  const auto positions = at::arange(5).expand({3, 1, 5});
  EXPECT_LE(relative_error(shared->forward(ids, positions, nullptr),
                           full->forward(ids, positions, nullptr)),
            1e-5);
}

TEST_F(Variants, ACacheChangesNothing) {
  const auto config = generator_config(nlohmann::json::object());
  models::GlmImageTextModel model(config, at::TensorOptions(at::kFloat));
  fill_with_noise(model, 0.05);
  const auto ids = torch::tensor({{5, 9, 700, 3, 64, 8, 1}});
  const auto positions = at::arange(7).expand({3, 1, 7});
  const auto whole = model->forward(ids, positions, nullptr);
  nn::KeyValueCache cache(
      config.num_hidden_layers, 1, 7, config.num_key_value_heads, config.head_dim, at::kFloat);
  std::vector<Tensor> parts;
  int64_t begin = 0;
  for (const int64_t length : {3, 1, 2, 1}) {
    parts.push_back(
        model->forward(ids.narrow(1, begin, length), positions.narrow(2, begin, length), &cache));
    begin += length;
  }
  EXPECT_LE(relative_error(at::cat(parts, 1), whole), 1e-5);
}

TEST_F(Variants, RotarySectionsAreContiguous) {
  const auto config =
      generator_config(nlohmann::json::object());  // sections 2, 3, 3 of 8 frequencies
  auto positions = at::zeros({3, 1, 1}, at::kLong);
  positions[1][0][0] = 1;  // height only
  const auto sin = models::rotary_angles(positions, config).second.flatten();
  for (int64_t i = 0; i < 16; ++i) {
    const int64_t frequency = i % 8;
    const bool height = frequency >= 2 && frequency < 5;
    EXPECT_EQ(sin[i].item<float>() != 0, height) << i;
  }
}

TEST_F(Variants, PatchesRoundTrip) {
  const auto x = at::randn({2, 3, 6, 4});
  const auto patches = models::patchify(x, 2);
  EXPECT_EQ(patches.sizes(), at::IntArrayRef({2, 6, 12}));
  // Channels come first inside a patch: the second value is the pixel to the right in channel 0.
  EXPECT_EQ(patches[0][0][1].item<float>(), x[0][0][0][1].item<float>());
  EXPECT_EQ(patches[0][0][4].item<float>(), x[0][1][0][0].item<float>());
  EXPECT_TRUE(at::equal(models::unpatchify(patches, 3, 2, 2), x));
}

TEST_F(Variants, PaddedGlyphsChangeNothing) {
  const auto json = io::JsonFields::load(tiny_model_dir() / "transformer" / "config.json");
  models::GlmImageTransformer2DModel model(models::TransformerConfig::from_json(json),
                                           at::TensorOptions(at::kFloat));
  fill_with_noise(model, 0.05);
  models::TransformerInput input;
  input.latents = at::randn({1, 4, 6, 8});
  input.glyphs = at::randn({1, 3, 32});
  input.prior_ids = at::randint(0, 64, {1, 12}, at::kLong);
  input.prior_drop = at::zeros({1}, at::kBool);
  input.timestep = torch::tensor({500.0F});
  input.target_size = torch::tensor({{48.0F, 64.0F}});
  input.crop = at::zeros({1, 2});
  const auto expected = model->forward(input);
  input.glyphs = at::cat({input.glyphs, at::full({1, 2, 32}, 9.0F)}, 1);
  EXPECT_GE(relative_error(model->forward(input), expected), 1e-3)
      << "without a mask the padding is seen";
  input.glyph_mask = torch::tensor({{true, true, true, false, false}});
  EXPECT_LE(relative_error(model->forward(input), expected), 1e-5);
}

}  // namespace
}  // namespace glm_image::test
