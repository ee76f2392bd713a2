// The VAE in bfloat16 against float32, on pictures and on random latents.

#include "core/memory.h"
#include "image/codec.h"
#include "nn/parameter.h"
#include "pipeline/image_settings.h"
#include "support/reference_run.h"

namespace glm_image::test {
namespace {

using models::AutoencoderKL;
using pipeline::Checkpoint;

AutoencoderKL load_vae(const std::filesystem::path& folder, DataType type) {
  PipelineOptions options;
  options.vae_dtype = type;
  return Checkpoint::open(folder, options).load_autoencoder({});
}

/// Decodes as the pipeline does; values from 0 to 255.
Tensor picture_of(const AutoencoderKL& model, const Tensor& latents) {
  return (model->decode(latents) / 2 + 0.5).clamp(0, 1) * 255;
}

Image part_of(const Image& image, int64_t left, int64_t top, int64_t width, int64_t height) {
  Image part{width, height, {}};
  for (int64_t y = top; y < top + height; ++y) {
    const auto first = image.pixels.begin() + 3 * (y * image.width + left);
    part.pixels.insert(part.pixels.end(), first, first + 3 * width);
  }
  return part;
}

/// Real pictures at a size that the model was trained for.
std::vector<Tensor> pictures(const std::filesystem::path& sheet, int64_t side, int64_t gap) {
  const auto image = image::read_image(sheet);
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < 4 && (i + 1) * (side + gap) <= image.width; ++i) {
    const int64_t place = gap + i * (side + gap);
    parts.push_back(pipeline::picture_tensor(part_of(image, place, place, side, side)));
  }
  return parts;
}

struct Error {
  double mean, largest;
};

Error error_of(const Tensor& found, const Tensor& expected) {
  const auto difference = (found - expected).abs();
  return {difference.mean().item<double>(), difference.max().item<double>()};
}

/// The same model with LibTorch's bfloat16 operators: with gradients, the fused form does not
/// apply.
Tensor picture_by_operators(const AutoencoderKL& model, const Tensor& latents) {
  const torch::AutoGradMode with_gradients(true);
  for (auto& parameter : model->parameters()) parameter.set_requires_grad(true);
  const auto picture = picture_of(model, latents).detach();
  for (auto& parameter : model->parameters()) parameter.set_requires_grad(false);
  return picture;
}

class VaeDtype : public testing::Test {
 protected:
  /// Calls compare(latents) for the latents of the pictures and for random latents. Compares the
  /// encodings of the pictures first.
  template <typename Compare>
  static void for_latents(const AutoencoderKL& narrow,
                          const AutoencoderKL& wide,
                          const std::vector<Tensor>& pictures,
                          const Compare& compare) {
    ASSERT_FALSE(pictures.empty());
    for (const auto& picture : pictures) {
      const auto latents = wide->encode(picture).mean;
      const auto narrow_latents = narrow->encode(picture).mean;
      EXPECT_EQ(narrow_latents.scalar_type(), at::kFloat);
      EXPECT_LE(relative_error(wide->normalise(narrow_latents), wide->normalise(latents)), 0.02);
      compare(latents);
    }
    at::manual_seed(3);
    for (const auto& [height, width] :
         std::vector<std::pair<int64_t, int64_t>>{{16, 16}, {5, 24}}) {
      compare(wide->denormalise(at::randn({1, wide->config().latent_channels, height, width})));
    }
  }

  /// Random weights with eight channels amplify rounding: even a network that computes in float32
  /// and rounds only the inputs of its convolutions differs by up to 8 of 255. The fused form must
  /// be at least as close to float32 as the separate operators.
  static void expect_as_near_as_operators(const AutoencoderKL& narrow,
                                          const AutoencoderKL& wide,
                                          const std::vector<Tensor>& pictures) {
    std::vector<Error> fused, operators;
    for_latents(narrow, wide, pictures, [&](const Tensor& latents) {
      const auto expected = picture_of(wide, latents);
      fused.push_back(error_of(picture_of(narrow, latents), expected));
      operators.push_back(error_of(picture_by_operators(narrow, latents), expected));
    });
    for (size_t i = 0; i < fused.size(); ++i) {
      EXPECT_LE(fused[i].mean, 1.1 * operators[i].mean);
      EXPECT_LE(fused[i].largest, 1.5 * operators[i].largest);
    }
  }

 private:
  const at::NoGradGuard no_grad_;
};

TEST_F(VaeDtype, ToyWeights) {
  const auto wide = load_vae(tiny_model_dir(), DataType::kFloat32);
  for (auto& parameter : wide->parameters()) parameter.copy_(parameter.to(at::kBFloat16));
  expect_as_near_as_operators(load_vae(tiny_model_dir(), DataType::kBFloat16),
                              wide,
                              pictures(tiny_dir() / "t2i_square.png", 128, 0));
}

TEST_F(VaeDtype, Nano) {
  const auto nano = project_dir() / "models" / "nano";
  const auto narrow = load_vae(nano, DataType::kBFloat16);
  const auto wide = load_vae(nano, DataType::kFloat32);
  for_latents(
      narrow, wide, pictures(nano / "contact_sheet.png", 256, 4), [&](const Tensor& latents) {
        // The bounds that the bfloat16 VAE guarantees for a trained model.
        const auto error = error_of(picture_of(narrow, latents), picture_of(wide, latents));
        EXPECT_LE(error.mean, 0.5);
        EXPECT_LE(error.largest, 4);
      });
}

TEST_F(VaeDtype, WithAttentionAndQuantConvolutions) {
  auto json = nlohmann::json::parse(read_file(tiny_model_dir() / "vae" / "config.json"));
  json.update(
      {{"mid_block_add_attention", true}, {"use_quant_conv", true}, {"use_post_quant_conv", true}});
  const auto config = models::AutoencoderConfig::from_json(io::JsonFields(json, "config.json"));
  AutoencoderKL wide(config, at::TensorOptions(at::kFloat));
  AutoencoderKL narrow(config, at::TensorOptions(at::kBFloat16));
  nn::materialize(*wide);
  nn::materialize(*narrow);
  at::manual_seed(1);
  const auto parameters = narrow->named_parameters();
  for (auto& item : wide->named_parameters()) {
    auto& value = item.value();
    const int64_t inputs = value.dim() > 1 ? value[0].numel() : 1;
    if (value.dim() == 1) {
      value.uniform_(0.5, 1.5);
    } else {
      value.normal_(0, 1 / std::sqrt(static_cast<double>(inputs)));
    }
    value.copy_(value.to(at::kBFloat16));
    parameters[item.key()].copy_(value);
  }
  expect_as_near_as_operators(narrow, wide, pictures(tiny_dir() / "t2i_square.png", 128, 0));
}

TEST_F(VaeDtype, AutoIsWhatTheCheckpointStores) {
  const auto type = [](const std::filesystem::path& folder, DataType dtype, DataType vae_dtype) {
    PipelineOptions options;
    options.dtype = dtype;
    options.vae_dtype = vae_dtype;
    return Checkpoint::open(folder, options).info().vae_dtype;
  };
  const auto nano = project_dir() / "models" / "nano";
  const auto fast = nn::bfloat16_convolution_pays() ? "bfloat16" : "float32";
  EXPECT_EQ(type(nano, DataType::kAuto, DataType::kAuto), fast);
  EXPECT_EQ(type(nano, DataType::kBFloat16, DataType::kAuto), fast);
  EXPECT_EQ(type(nano, DataType::kFloat32, DataType::kAuto), "float32");
  EXPECT_EQ(type(nano, DataType::kAuto, DataType::kFloat32), "float32");
  EXPECT_EQ(type(nano, DataType::kFloat32, DataType::kBFloat16), "bfloat16");
  EXPECT_EQ(type(tiny_model_dir(), DataType::kAuto, DataType::kAuto), "float32");
  EXPECT_EQ(type(tiny_model_dir(), DataType::kAuto, DataType::kBFloat16), "bfloat16");
}

TEST_F(VaeDtype, MemoryIsThatOfTheLargestLayer) {
  if (!nn::bfloat16_convolution_pays()) GTEST_SKIP() << "no fused convolutions in this build";
  reset_peak_resident_bytes();
  if (peak_resident_bytes() == 0) GTEST_SKIP() << "this system does not tell the peak";
  // The largest tensor is the upsampler's output with `wide` channels. The residual of the next
  // block, with `narrow` channels, exists at the same time.
  constexpr int64_t kWide = 64, kNarrow = 16, kSide = 1024, kBytes = 2;
  auto json = nlohmann::json::parse(read_file(tiny_model_dir() / "vae" / "config.json"));
  json.update({{"block_out_channels", {kNarrow, kWide}},
               {"down_block_types", {"DownEncoderBlock2D", "DownEncoderBlock2D"}},
               {"up_block_types", {"UpDecoderBlock2D", "UpDecoderBlock2D"}},
               {"norm_num_groups", 16}});
  AutoencoderKL model(models::AutoencoderConfig::from_json(io::JsonFields(json, "config.json")),
                      at::TensorOptions(at::kBFloat16));
  nn::materialize(*model);
  for (auto& parameter : model->parameters()) parameter.normal_(0, 0.05);
  const auto latents = at::randn({1, model->config().latent_channels, kSide / 2, kSide / 2});
  model->decode(latents.narrow(2, 0, 8).narrow(3, 0, 8));
  reset_peak_resident_bytes();
  const int64_t before = peak_resident_bytes();
  const auto picture = model->decode(latents);
  const int64_t largest = kSide * kSide * (kWide + kNarrow) * kBytes;
  constexpr int64_t kBuffers = int64_t{64} << 20;  // bands, sums, the picture
  EXPECT_LE(peak_resident_bytes() - before, largest + kBuffers);
}

}  // namespace
}  // namespace glm_image::test
