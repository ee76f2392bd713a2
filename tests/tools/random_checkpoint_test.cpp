#include "random_checkpoint/random_checkpoint.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "core/memory.h"
#include "glm_image/pipeline.h"
#include "io/json_file.h"
#include "io/safetensors.h"
#include "io/weight_set.h"
#include "pipeline/quantise_checkpoint.h"
#include "random_checkpoint/random_weights.h"
#include "support/program.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using namespace random_checkpoint;

constexpr uint64_t kOneFile = uint64_t{1} << 40;
const quant::FormRules kAsTheyAre("bf16", "");

ConfigFiles tiny_configs() {
  auto configs = published_configs();
  apply_changes(configs, tiny_changes(), "tiny");
  return configs;
}

void write(const ConfigFiles& configs,
           const fs::path& output,
           uint64_t seed = 1,
           uint64_t shard_bytes = kOneFile,
           const quant::FormRules& rules = kAsTheyAre) {
  write_checkpoint(configs, plan_components(configs, rules, shard_bytes), seed, output, {});
}

std::string program() {
  return std::string(GLM_IMAGE_BINARY_DIR) + "/bin/random_checkpoint";
}

// Numbers of parameters for the sizes of the published configs, written out by hand: matrices,
// biases and norms per layer, and the modules around the stack.
TEST(RandomCheckpoint, PublishedSizesHaveThePublishedParameters) {
  const auto components = plan_components(published_configs(), kAsTheyAre, kOneFile);
  ASSERT_EQ(components.size(), 4U);

  const uint64_t d = 4096, inner = 13696, kv = 2 * 128;
  const uint64_t generator_layer =
      d * d + 2 * d * kv + (d + 2 * kv) + d * d + 3 * d * inner + 4 * d;
  const uint64_t generator = 168064 * d + 40 * generator_layer + d + 16512 * d;
  const uint64_t v = 1536, vision_inner = 6144;
  const uint64_t vision_layer =
      3 * v * v + 3 * v + v * v + v + 2 * v * vision_inner + vision_inner + v + 4 * v;
  const uint64_t vision = 128 * 128 * v + (3 * 16 * 16 * v + v) + 40 * vision_layer;
  const uint64_t vq = (v * 2048 + 2048) + (2048 * v + v) + 16384 * 2048;
  EXPECT_EQ(components[0].folder, "vision_language_encoder");
  EXPECT_EQ(components[0].parameters, generator + vision + vq);
  EXPECT_EQ(components[0].tensors(), 1011U);

  const uint64_t t = 1472, t_inner = 3584, heads = 6 * 64;
  const uint64_t text_layer = 4 * t * heads + 3 * t * t_inner + 2 * t;
  EXPECT_EQ(components[1].parameters, 384 * t + 12 * text_layer + 32 * 6 + t);
  EXPECT_EQ(components[1].type, io::ElementType::kFloat32);

  const auto linear = [](uint64_t in, uint64_t out) { return in * out + out; };
  const uint64_t block =
      linear(512, 12 * d) + 4 * linear(d, d) + linear(d, 4 * d) + linear(4 * d, d);
  const uint64_t around = linear(64, d) + linear(t, d) + linear(d, d) + 16384 * d +
                          2 * linear(d, d) + 2 * linear(512, 512) + linear(1024, 512) +
                          linear(512, 512) + linear(512, 2 * d) + linear(d, 64);
  EXPECT_EQ(components[2].folder, "transformer");
  EXPECT_EQ(components[2].parameters, 30 * block + around);
  EXPECT_EQ(components[2].tensors(), 443U);

  // Published: 10.1 and 6.9 billion parameters, files of 18.84 and 12.90 GiB, 830 and 775 MiB.
  EXPECT_NEAR(static_cast<double>(components[0].parameters), 10.11e9, 0.01e9);
  EXPECT_NEAR(static_cast<double>(components[2].parameters), 6.93e9, 0.01e9);
  const double gib = 1 << 30, mib = 1 << 20;
  EXPECT_NEAR(static_cast<double>(components[0].bytes()) / gib, 18.84, 0.005);
  EXPECT_NEAR(static_cast<double>(components[1].bytes()) / mib, 830.3, 0.05);
  EXPECT_NEAR(static_cast<double>(components[2].bytes()) / gib, 12.90, 0.005);
  EXPECT_NEAR(static_cast<double>(components[3].bytes()) / mib, 774.6, 0.05);
}

TEST(RandomCheckpoint, FilesStayWithinTheShardSizeAndHoldEveryTensorOnce) {
  constexpr uint64_t kShard = 5'000'000'000;
  for (const auto& component : plan_components(published_configs(), kAsTheyAre, kShard)) {
    std::set<std::string> names;
    for (const auto& file : component.files) {
      EXPECT_LE(file.bytes(), kShard);
      for (const auto& tensor : file.tensors) EXPECT_TRUE(names.insert(tensor.name).second);
    }
    EXPECT_EQ(names.size(), component.tensors());
    if (component.folder == "transformer") {
      ASSERT_EQ(component.files.size(), 3U);
      EXPECT_EQ(component.files[1].name, "diffusion_pytorch_model-00002-of-00003.safetensors");
    }
    if (component.folder == "vae") {
      ASSERT_EQ(component.files.size(), 1U);
      EXPECT_EQ(component.files[0].name, "diffusion_pytorch_model.safetensors");
    }
  }
}

TEST(RandomCheckpoint, ATinyCheckpointGeneratesAPicture) {
  const TemporaryDirectory folder;
  write(tiny_configs(), folder.path() / "model", /*seed=*/1, /*shard_bytes=*/100'000);
  for (const auto dtype : {DataType::kFloat32, DataType::kBFloat16}) {
    PipelineOptions options;
    options.dtype = dtype;
    auto pipeline = Pipeline::load(folder.path() / "model", options);
    Request request;
    request.prompt = "A poster that says \"SALAM\"";
    request.width = 96;
    request.height = 64;
    request.steps = 3;
    request.seed = 1;
    const auto picture = pipeline.generate(request).pictures.at(0);
    const auto& visual = picture.composition.picture.tokens;
    const std::set<int64_t> tokens(visual.begin(), visual.end());
    EXPECT_GT(tokens.size(), 2U) << "the generator repeats itself";
    // Not black, uniform or saturated.
    const auto& pixels = picture.image.pixels;
    const auto values =
        torch::from_blob(
            const_cast<uint8_t*>(pixels.data()), {static_cast<int64_t>(pixels.size())}, at::kByte)
            .to(at::kFloat);
    const auto deviation = values.std().item<double>();
    EXPECT_GT(deviation, 15);
    const auto saturated = ((values == 0) | (values == 255)).to(at::kFloat).mean();
    EXPECT_LT(saturated.item<double>(), 0.4);

    request.prompt = "Make it blue";
    request.condition_images = {picture.image};
    EXPECT_NE(pipeline.generate(request).pictures.at(0).image.pixels, pixels);
  }
}

TEST(RandomCheckpoint, TheSeedDecidesTheBytes) {
  const TemporaryDirectory folder;
  const auto weights = [&](const std::string& name, uint64_t seed, uint64_t shard_bytes) {
    write(tiny_configs(), folder.path() / name, seed, shard_bytes);
    const auto set = io::WeightSet::open(folder.path() / name / "transformer");
    std::string bytes;
    for (const auto& [tensor, location] : set.tensors()) {
      const auto stored = location.file->tensor(tensor);
      bytes.append(static_cast<const char*>(stored.data_ptr()), stored.nbytes());
    }
    return bytes;
  };
  const auto first = weights("first", 1, kOneFile);
  EXPECT_EQ(weights("in_shards", 1, 50'000), first);
  EXPECT_NE(weights("other_seed", 2, kOneFile), first);
}

/// The type, shape and bytes of every tensor by name.
std::map<std::string, std::string> stored_tensors(const fs::path& component) {
  std::map<std::string, std::string> tensors;
  const auto set = io::WeightSet::open(component);
  for (const auto& [name, location] : set.tensors()) {
    const auto& entry = *location.entry;
    tensors[name] =
        concat(io::element_type_name(entry.type),
               at::IntArrayRef(entry.shape),
               location.file->file().bytes().substr(entry.begin, entry.end - entry.begin));
  }
  return tensors;
}

TEST(RandomCheckpoint, QuantisedWeightsAreThoseThatQuantizeWrites) {
  const TemporaryDirectory folder;
  const auto original = folder.path() / "original";
  write(tiny_configs(), original);
  // No layer of the tiny model has groups of 128 inputs per scale, so a rule sets the group size.
  for (const auto& [weights, rules] : std::vector<std::pair<std::string, std::string>>{
           {"q8", ""}, {"q4", ""}, {"q4", R"(\.ff\.=q4:32,glyph_projector=q8)"}}) {
    const auto copy = folder.path() / "copy", random = folder.path() / "random";
    const quant::FormRules form_rules(weights, rules);
    pipeline::write_quantised(
        pipeline::plan_quantisation(original, form_rules, kOneFile), copy, /*threads=*/1, {});
    write(tiny_configs(), random, /*seed=*/1, /*shard_bytes=*/100'000, form_rules);
    for (const char* component :
         {"vision_language_encoder", "text_encoder", "transformer", "vae"}) {
      EXPECT_EQ(stored_tensors(random / component), stored_tensors(copy / component)) << component;
      EXPECT_EQ(io::read_json_file(random / component / "config.json"),
                io::read_json_file(copy / component / "config.json"));
    }
    fs::remove_all(copy);
    fs::remove_all(random);
  }
}

TEST(RandomCheckpoint, QuantisedSizesAreThoseOfTheForms) {
  const auto bytes = [](const char* weights) {
    uint64_t sum = 0;
    const quant::FormRules rules(weights, "");
    for (const auto& component : plan_components(published_configs(), rules, kOneFile)) {
      sum += component.bytes();
    }
    return static_cast<double>(sum);
  };
  // The quantised weights: the matrices of the blocks, counted as in the test above.
  const double d = 4096, inner = 13696, kv = 256, v = 1536;
  const double generator = 40 * (2 * d * d + 2 * d * kv + 3 * d * inner);
  const double vision = 40 * (4 * v * v + 8 * v * v);
  const double modulation = 30 * 512 * 12 * d;
  const double blocks = 30 * (4 * d * d + 8 * d * d);
  const double scales_of_8 = 0.01, scale_of_4 = 2.0 / 128;
  EXPECT_NEAR(bytes("bf16") - bytes("q8"),
              generator + vision + modulation + blocks,
              scales_of_8 * (generator + blocks));
  EXPECT_NEAR(bytes("bf16") - bytes("q4"),
              (generator + blocks) * (1.5 - scale_of_4) + vision + modulation,
              scales_of_8 * (generator + blocks) * 0.1);
}

TEST(RandomCheckpoint, NothingIsLeftAfterAnInterruption) {
  const TemporaryDirectory folder;
  const auto output = folder.path() / "model";
  const auto configs = tiny_configs();
  expect_error(ErrorCode::kCancelled, {"enough"}, [&] {
    write_checkpoint(configs,
                     plan_components(configs, kAsTheyAre, kOneFile),
                     1,
                     output,
                     [](uint64_t done, uint64_t total) {
                       if (2 * done > total) throw Error(ErrorCode::kCancelled, "enough");
                     });
  });
  EXPECT_TRUE(fs::is_empty(folder.path()));

  write(configs, output);
  expect_error(ErrorCode::kOutput, {"model", "already"}, [&] { write(configs, output); });
}

TEST(RandomCheckpoint, MemoryDoesNotGrowWithTheWeights) {
  constexpr int64_t kMebibyte = 1 << 20;
  auto configs = tiny_configs();
  const auto wide = nlohmann::ordered_json::parse(
      R"({"vision_language_encoder/config.json": {"text_config": {"intermediate_size": 100000}}})");
  apply_changes(configs, wide, "wide");
  const auto components = plan_components(configs, kAsTheyAre, kOneFile);
  ASSERT_GT(components[0].bytes(), uint64_t{200 * kMebibyte});
  const TemporaryDirectory folder;
  write(tiny_configs(), folder.path() / "tiny");  // excludes what only the first run allocates
  reset_peak_resident_bytes();
  const int64_t before = peak_resident_bytes();
  write_checkpoint(configs, components, 1, folder.path() / "model", {});
  EXPECT_LT(peak_resident_bytes() - before, 32 * kMebibyte);
}

TEST(RandomCheckpoint, ChangesMustFitAFile) {
  auto configs = published_configs();
  const auto refuse = [&](const char* changes, const std::vector<std::string>& fragments) {
    expect_error(ErrorCode::kInvalidInput, fragments, [&] {
      apply_changes(configs, nlohmann::ordered_json::parse(changes), "my.json");
    });
  };
  refuse("[]", {"my.json", "object"});
  refuse(R"({"unet/config.json": {}})", {"my.json", "unet/config.json", "vae/config.json"});
  refuse(R"({"vae/config.json": 3})", {"my.json", "vae/config.json"});

  const auto ids = nlohmann::ordered_json::parse(
      R"({"vision_language_encoder/config.json": {"text_config": {"pad_token_id": 16600}}})");
  apply_changes(configs, ids, "ids");
  expect_error(ErrorCode::kInvalidInput, {"pad_token_id", "16768", "16600"}, [&] {
    make_tokenizer(configs.at("vision_language_encoder/config.json"));
  });
}

TEST(RandomCheckpoint, LayersChangeEveryStack) {
  auto configs = published_configs();
  set_layers(configs, 2);
  const auto full = plan_components(published_configs(), kAsTheyAre, kOneFile);
  const auto cut = plan_components(configs, kAsTheyAre, kOneFile);
  // The VAE has no stack of layers.
  for (size_t i = 0; i < 3; ++i) EXPECT_LT(cut[i].parameters, full[i].parameters / 3);
  EXPECT_EQ(cut[3].parameters, full[3].parameters);
}

TEST(RandomValues, HaveTheirMeanAndDeviation) {
  constexpr int64_t kCount = 1 << 20;
  for (const auto type : {io::ElementType::kFloat32, io::ElementType::kBFloat16}) {
    auto values = at::empty({kCount}, at::TensorOptions(io::scalar_type(type)));
    const RandomValues random({/*mean=*/0, /*deviation=*/0.25}, type, /*key=*/7);
    random.draw(0, kCount, static_cast<char*>(values.data_ptr()));
    values = values.to(at::kDouble);
    // Five standard errors of the mean, the deviation and the correlation of a million values.
    // bfloat16 rounds by up to a factor of 2⁻⁹.
    EXPECT_NEAR(values.mean().item<double>(), 0, 0.25 * 5e-3);
    EXPECT_NEAR(values.std().item<double>(), 0.25, 0.25 * 4e-3);
    for (const int64_t lag : {1, 2, 4, 4096}) {
      const auto product = values.narrow(0, 0, kCount - lag) * values.narrow(0, lag, kCount - lag);
      EXPECT_NEAR(product.mean().item<double>() / (0.25 * 0.25), 0, 5e-3) << lag;
    }
    // The fourth moment of a normal variable.
    EXPECT_NEAR(values.pow(4).mean().item<double>() / std::pow(0.25, 4), 3, 0.06);
  }
}

TEST(RandomValues, PartsEqualTheWhole) {
  constexpr uint64_t kCount = 300'001;
  const RandomValues random({0, 1}, io::ElementType::kFloat32, 3);
  std::vector<float> whole(kCount), parts(kCount);
  random.draw(0, kCount, reinterpret_cast<char*>(whole.data()));
  for (uint64_t first = 0; first < kCount; first += 1000) {
    random.draw(first,
                std::min<uint64_t>(1000, kCount - first),
                reinterpret_cast<char*>(parts.data() + first));
  }
  EXPECT_EQ(std::memcmp(whole.data(), parts.data(), kCount * sizeof(float)), 0);
}

TEST(RandomCheckpointProgram, PrintsTheSizesWithoutWriting) {
  const auto result = run_program({program(), "--dry-run"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("(35.8 GB)"), std::string::npos) << result.out;
}

TEST(RandomCheckpointProgram, RefusesWhatItCannotWrite) {
  const TemporaryDirectory folder;
  EXPECT_EQ(run_program({program()}).exit_code, 2);
  const auto missing = run_program({program(), "--sizes", "/nowhere.json", "--dry-run"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_NE(missing.err.find("/nowhere.json"), std::string::npos) << missing.err;
  const auto there = run_program({program(), "--sizes", "tiny", "-o", folder.path()});
  EXPECT_EQ(there.exit_code, 2);
  EXPECT_NE(there.err.find("already"), std::string::npos) << there.err;
}

}  // namespace
}  // namespace glm_image::test
