// Adapter files in five spellings, written by code of the test's own, and what is refused.

#include "adapters/adapter_file.h"

#include "io/json_file.h"
#include "models/generator/generation_model.h"
#include "models/transformer/transformer_model.h"
#include "nn/modules.h"
#include "support/adapter_files.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using adapters::AdapterFile;

constexpr const char* kTransformer = "transformer";
constexpr const char* kGenerator = "vision_language_encoder";

models::GlmImageTransformer2DModel tiny_transformer() {
  const auto config = io::JsonFields::load(tiny_model_dir() / kTransformer / "config.json");
  return models::GlmImageTransformer2DModel(models::TransformerConfig::from_json(config),
                                            at::TensorOptions(at::kFloat));
}

models::GlmImageForConditionalGeneration tiny_generator() {
  const auto config = io::JsonFields::load(tiny_model_dir() / kGenerator / "config.json");
  return models::GlmImageForConditionalGeneration(models::VisionLanguageConfig::from_json(config),
                                                  at::TensorOptions(at::kFloat));
}

nn::LinearImpl* find_layer(const torch::nn::Module& module, const std::string& name) {
  for (const auto& [found, layer] : nn::linear_layers(module)) {
    if (found == name) return layer;
  }
  return nullptr;
}

class Adapters : public testing::Test {
 protected:
  Adapters() {
    at::manual_seed(7);
    targets_.set_transformer(kTransformer, *transformer_);
    targets_.set_generator(kGenerator, *generator_);
  }

  TestUpdate update_of(const std::string& component,
                       const std::string& layer,
                       int64_t rank = 3,
                       double scale = 1) const {
    const torch::nn::Module& module = component == kTransformer
                                          ? static_cast<const torch::nn::Module&>(*transformer_)
                                          : static_cast<const torch::nn::Module&>(*generator_);
    const auto* linear = find_layer(module, layer);
    if (linear == nullptr) throw std::runtime_error(layer);
    return random_update(
        component, layer, linear->weight.size(0), linear->weight.size(1), rank, scale);
  }

  AdapterFile open(const fs::path& path) const { return AdapterFile::open(path, targets_); }

  /// Expects the updates, and no others, in the modules after attaching the file.
  void expect_attached(const fs::path& path, const std::vector<TestUpdate>& updates) {
    const auto file = open(path);
    EXPECT_EQ(file.layers().size(), updates.size());
    nn::detach_updates(*transformer_);
    nn::detach_updates(*generator_);
    file.attach_to(*transformer_, kTransformer, 0.5);
    file.attach_to(*generator_, kGenerator, 0.5);
    size_t attached = 0;
    for (torch::nn::Module* module : {static_cast<torch::nn::Module*>(transformer_.get()),
                                      static_cast<torch::nn::Module*>(generator_.get())}) {
      for (const auto& [name, layer] : nn::linear_layers(*module))
        attached += layer->updates.size();
    }
    EXPECT_EQ(attached, updates.size());
    for (const auto& update : updates) {
      SCOPED_TRACE(update.layer);
      const auto& module = update.component == kTransformer
                               ? static_cast<torch::nn::Module&>(*transformer_)
                               : static_cast<torch::nn::Module&>(*generator_);
      const auto& found = find_layer(module, update.layer)->updates;
      ASSERT_EQ(found.size(), 1U);
      EXPECT_TRUE(at::equal(found[0].down, update.down));
      EXPECT_TRUE(at::equal(found[0].up, update.up));
      // Alpha is stored as float32 in one of the spellings.
      EXPECT_NEAR(found[0].scale, 0.5 * update.scale, 1e-6);
    }
  }

  fs::path write(const NamedTensors& tensors,
                 const std::map<std::string, std::string>& metadata = {}) const {
    const auto path = folder_.path() / "adapter.safetensors";
    fs::remove(path);
    io::write_safetensors(path, tensors, metadata);
    return path;
  }

  void expect_refused(ErrorCode code,
                      const std::vector<std::string>& fragments,
                      const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata = {}) const {
    const auto path = write(tensors, metadata);
    auto all = fragments;
    all.emplace_back("adapter.safetensors");
    expect_error(code, all, [&] { open(path); });
  }

  models::GlmImageTransformer2DModel transformer_ = tiny_transformer();
  models::GlmImageForConditionalGeneration generator_ = tiny_generator();
  adapters::AdapterTargets targets_;
  const TemporaryDirectory folder_;
};

class AdapterSpellings : public Adapters, public testing::WithParamInterface<Spelling> {};

TEST_P(AdapterSpellings, NameTheLayersOfTheTransformer) {
  const auto spelling = GetParam();
  const double scale = has_alpha(spelling) ? 2.5 : 1;
  std::vector<TestUpdate> updates;
  for (const char* layer : {"attn1.to_q", "attn1.to_out.0", "ff.net.0.proj", "ff.net.2"}) {
    updates.push_back(
        update_of(kTransformer, concat("transformer_blocks.1.", layer), /*rank=*/4, scale));
  }
  updates.push_back(update_of(kTransformer, "glyph_projector.net.2", /*rank=*/4, scale));
  const auto path = write_adapter(folder_.path(), "style", updates, spelling);
  expect_attached(path, updates);
  const auto file = open(path);
  EXPECT_EQ(file.name(), "style");
  EXPECT_TRUE(file.changes(kTransformer));
  EXPECT_FALSE(file.changes(kGenerator));
}

INSTANTIATE_TEST_SUITE_P(Spellings,
                         AdapterSpellings,
                         testing::Values(Spelling::kDiffusers,
                                         Spelling::kPeft,
                                         Spelling::kDiffSynth,
                                         Spelling::kComfy,
                                         Spelling::kKohya),
                         [](const auto& tested) {
                           return std::string(spelling_name(tested.param));
                         });

TEST_F(Adapters, NameTheLayersOfTheGenerator) {
  const std::string layer = "model.language_model.layers.0.";
  const std::vector<TestUpdate> updates = {update_of(kGenerator, layer + "self_attn.q_proj", 3, 2),
                                           update_of(kGenerator, layer + "mlp.down_proj", 3, 2)};
  for (const auto spelling :
       {Spelling::kDiffusers, Spelling::kPeft, Spelling::kDiffSynth, Spelling::kKohya}) {
    SCOPED_TRACE(spelling_name(spelling));
    auto expected = updates;
    if (!has_alpha(spelling)) {
      for (auto& update : expected) update.scale = 1;
    }
    const auto folder = folder_.path() / spelling_name(spelling);
    fs::create_directory(folder);
    expect_attached(write_adapter(folder, "words", updates, spelling), expected);
    // Trained on the language model alone.
    auto alone = updates;
    for (auto& update : alone) update.layer.erase(0, std::string("model.language_model.").size());
    expect_attached(write_adapter(folder, "alone", alone, spelling), expected);
  }
}

TEST_F(Adapters, OneFileMayChangeBothParts) {
  const std::vector<TestUpdate> updates = {
      update_of(kTransformer, "transformer_blocks.0.attn1.to_k", 3, 0.5),
      update_of(kGenerator, "model.language_model.layers.1.self_attn.o_proj", 3, 0.5)};
  for (const auto spelling : {Spelling::kDiffusers, Spelling::kKohya}) {
    expect_attached(write_adapter(folder_.path(), "both", updates, spelling), updates);
  }
}

TEST_F(Adapters, TypesOtherThanTheLayersAreConverted) {
  const auto update = update_of(kTransformer, "transformer_blocks.0.attn1.to_k", 3, 1);
  for (const auto type : {at::kHalf, at::kBFloat16}) {
    auto expected = update;
    expected.down = update.down.to(type).to(at::kFloat);
    expected.up = update.up.to(type).to(at::kFloat);
    expect_attached(write_adapter(folder_.path(), "narrow", {update}, Spelling::kComfy, type),
                    {expected});
  }
}

TEST_F(Adapters, UpdatesOfZerosAreLeftOut) {
  auto update = update_of(kTransformer, "transformer_blocks.0.attn1.to_k");
  update.up.zero_();
  const auto file = open(write_adapter(folder_.path(), "zero", {update}, Spelling::kKohya));
  file.attach_to(*transformer_, kTransformer, 1);
  EXPECT_TRUE(find_layer(*transformer_, update.layer)->updates.empty());
}

TEST_F(Adapters, FactorsOfTheLayersTypeAreViewsOfTheFile) {
  const auto update = update_of(kTransformer, "transformer_blocks.0.attn1.to_k");
  const auto file = open(write_adapter(folder_.path(), "view", {update}, Spelling::kComfy));
  const auto first = file.update(file.layers()[0], 1, at::TensorOptions(at::kFloat));
  const auto second = file.update(file.layers()[0], 1, at::TensorOptions(at::kFloat));
  EXPECT_EQ(first.down.data_ptr(), second.down.data_ptr());
}

TEST_F(Adapters, SettingsOfVariantsAreRefusedByName) {
  const auto tensors =
      spelled(update_of(kTransformer, "transformer_blocks.0.attn1.to_k"), Spelling::kDiffusers);
  const auto path_with = [&](const char* prefix, const char* name, const nlohmann::json& value) {
    const nlohmann::json settings = {{concat(prefix, name), value}};
    return write(tensors, {{"lora_adapter_metadata", settings.dump()}});
  };
  const auto nothing = nlohmann::json::object();
  const std::vector<std::tuple<const char*, nlohmann::json, const char*>> refused = {
      {"use_dora", true, "the method DoRA"},
      {"peft_type", "LOHA", "the method LoHa"},
      {"peft_type", "LOKR", "the method LoKr"},
      {"peft_type", "IA3", "the method IA3"},
      {"peft_type", "MISS", "the method MISS"},
      {"lora_bias", true, "lora_bias must be"},
      {"fan_in_fan_out", true, "fan_in_fan_out must be"},
      {"bias", "all", "bias must be"},
      {"alora_invocation_tokens", {1, 2}, "alora_invocation_tokens must be"},
      {"layer_replication", {{0, 2}, {1, 3}}, "layer_replication must be"},
      {"modules_to_save", {"proj_out"}, "modules_to_save must be"},
      {"trainable_token_indices", {3}, "trainable_token_indices must be"},
      {"target_parameters", {"to_q.weight"}, "target_parameters must be"},
      {"use_bdlora", {{"nblocks", 2}}, "use_bdlora must be"},
      {"init_lora_weights", "pissa_niter_16", "path_initial_model_for_weight_conversion"},
      {"init_lora_weights", "OLoRA", "init_lora_weights must be"},
      {"init_lora_weights", "corda", "init_lora_weights must be"},
      {"init_lora_weights", "loftq", "init_lora_weights must be"},
      {"init_lora_weights", "lora_ga", "init_lora_weights must be"},
      {"alpha_pattern", {{".*to_k", 2}}, "alpha_pattern..*to_k must be"}};
  for (const char* prefix : {"", "transformer."}) {
    for (const auto& [name, value, words] : refused) {
      SCOPED_TRACE(concat(prefix, name, " ", value.dump()));
      const auto path = path_with(prefix, name, value);
      expect_error(
          ErrorCode::kUnsupported, {"adapter.safetensors", name, words}, [&] { open(path); });
    }
  }
  // What PEFT writes where nothing of this is used.
  for (const char* name : {"modules_to_save", "layer_replication", "alora_invocation_tokens"}) {
    for (const auto& value : {nlohmann::json(), nothing, nlohmann::json::array()}) {
      EXPECT_EQ(open(path_with("", name, value)).layers().at(0).scale, 1) << name;
    }
  }
  for (const nlohmann::json& init : {nlohmann::json(true),
                                     nlohmann::json("eva"),
                                     nlohmann::json("gaussian"),
                                     nlohmann::json("orthogonal")}) {
    EXPECT_EQ(open(path_with("", "init_lora_weights", init)).layers().at(0).scale, 1);
  }
}

/// What PEFT's LoraConfig says beyond lora_alpha.
TEST_F(Adapters, ScalesFollowTheSettings) {
  const std::string layer = "transformer_blocks.0.attn1.to_k";
  const auto update = update_of(kTransformer, layer, /*rank=*/4);
  const auto scale_with = [&](const nlohmann::json& settings) {
    const auto path =
        write(spelled(update, Spelling::kDiffusers), {{"lora_adapter_metadata", settings.dump()}});
    return open(path).layers().at(0).scale;
  };
  EXPECT_EQ(scale_with(nlohmann::json::object()), 1);
  EXPECT_EQ(scale_with({{"lora_alpha", 8}, {"r", 4}}), 2);
  EXPECT_EQ(scale_with({{"transformer.lora_alpha", 8}}), 2);
  EXPECT_EQ(scale_with({{"vision_language_encoder.lora_alpha", 8}}), 1);
  EXPECT_EQ(scale_with({{"lora_alpha", 8}, {"use_rslora", true}}), 4);
  EXPECT_EQ(scale_with({{"lora_alpha", 8}, {"alpha_pattern", {{"to_k", 2}}}}), 0.5);
  EXPECT_EQ(scale_with({{"lora_alpha", 8}, {"alpha_pattern", {{"o_k", 2}, {layer, 12}}}}), 3);
  EXPECT_EQ(scale_with({{"alpha_pattern", {{"to_k", 12}, {layer, 12}}}}), 3);
  expect_error(ErrorCode::kUnsupported, {"adapter.safetensors", "alpha_pattern.to_k", layer}, [&] {
    scale_with({{"alpha_pattern", {{"to_k", 2}, {layer, 12}}}});
  });
  expect_error(ErrorCode::kCorruptFile, {"adapter.safetensors", layer}, [&] {
    scale_with({{"lora_alpha", 1e300}});
  });
  EXPECT_EQ(scale_with({{"alpha_pattern", {{"^" + layer, 12}}}}), 3);
  EXPECT_EQ(scale_with({{"alpha_pattern", {{R"(attn1\.to_k$)", 12}}}}), 3);
  EXPECT_EQ(scale_with({{"alpha_pattern", {{"^attn1.to_k", 12}}}}), 1);
  EXPECT_EQ(scale_with({{"r", 8}, {"rank_pattern", {{"to_k", 4}}}, {"lora_alpha", 8}}), 2);
  for (const nlohmann::json& other :
       {nlohmann::json{{"r", 8}}, nlohmann::json{{"r", 4}, {"rank_pattern", {{"to_k", 8}}}}}) {
    expect_error(ErrorCode::kCorruptFile,
                 {"adapter.safetensors", "gives the rank 8", layer, "is 4"},
                 [&] { scale_with(other); });
  }
  expect_error(ErrorCode::kCorruptFile, {"adapter.safetensors", "lora_alpha"}, [&] {
    scale_with({{"lora_alpha", "8"}});
  });
}

TEST_F(Adapters, AKeyThatFitsNothingIsNamed) {
  const auto update = update_of(kTransformer, "transformer_blocks.0.attn1.to_k");
  const auto good = spelled(update, Spelling::kDiffusers);
  for (const std::string key :
       {"transformer.transformer_blocks.9.attn1.to_k.lora_A.weight",  // the model has 3 blocks
        "transformer.transformer_blocks.0.attn1.to_k.weight",
        "unet.transformer_blocks.0.attn1.to_k.lora_A.weight",
        "transformer.prior_token_embedding.lora_A.weight",  // not a linear layer
        "attn1.to_k.lora_A.weight",                         // of which block?
        "lora_A.weight",
        ".alpha",
        "x"}) {
    auto tensors = good;
    tensors.emplace_back(key, at::ones({2, 2}));
    expect_refused(ErrorCode::kCorruptFile, {"'" + key + "'"}, tensors);
  }
}

TEST_F(Adapters, OtherMethodsAreNamed) {
  const auto update = update_of(kTransformer, "transformer_blocks.0.attn1.to_k");
  const auto good = spelled(update, Spelling::kKohya);
  const std::string name = "lora_unet_transformer_blocks_0_attn1_to_k.";
  for (const auto& [end, method] : std::vector<std::pair<std::string, std::string>>{
           {"dora_scale", "DoRA"},
           {"lora_magnitude_vector", "DoRA"},
           {"lora_magnitude_vector.weight", "DoRA"},
           {"lora_magnitude_vector.default.weight", "DoRA"},
           {"hada_w1_a", "LoHa"},
           {"lokr_w2", "LoKr"},
           {"oft_blocks", "OFT"},
           {"oft_R.weight", "OFT"},
           {"diff", "full-rank"},
           {"diff_b", "full-rank"}}) {
    auto tensors = good;
    // A layer that the model lacks comes first.
    tensors.emplace_back("lora_te_a.lora_down.weight", at::ones({2, 2}));
    tensors.emplace_back(name + end, at::ones({2, 2}));
    expect_refused(
        ErrorCode::kUnsupported, {"the method " + method + ",", "'" + name + end + "'"}, tensors);
  }
}

TEST_F(Adapters, AnAlphaMayBeOfAnyNumberType) {
  const auto update = update_of(kTransformer, "transformer_blocks.0.attn1.to_k", /*rank=*/4);
  auto tensors = spelled(update, Spelling::kKohya);
  for (const auto type : {at::kChar,
                          at::kByte,
                          at::kShort,
                          at::kInt,
                          at::kLong,
                          at::kHalf,
                          at::kBFloat16,
                          at::kFloat,
                          at::kDouble}) {
    for (const std::vector<int64_t>& shape : {std::vector<int64_t>{}, {1}}) {
      tensors[2].second = at::full(shape, 6, type);
      EXPECT_EQ(open(write(tensors)).layers().at(0).scale, 1.5) << at::toString(type);
    }
  }
}

/// As trainers of convolutions store 1x1 kernels.
TEST_F(Adapters, FactorsMayHaveFourDimensions) {
  auto update = update_of(kTransformer, "transformer_blocks.0.attn1.to_k", /*rank=*/3, 2);
  auto tensors = spelled(update, Spelling::kKohya);
  for (size_t factor : {0U, 1U})
    tensors[factor].second = tensors[factor].second.unsqueeze(-1).unsqueeze(-1);
  expect_attached(write(tensors), {update});
}

TEST_F(Adapters, ShapesAreChecked) {
  const std::string key = "transformer_blocks.0.attn1.to_k";
  const int64_t size = find_layer(*transformer_, key)->weight.size(0);
  const auto down = key + ".lora_A.weight", up = key + ".lora_B.weight";
  const auto refused = [&](const std::string& name, const Tensor& a, const Tensor& b) {
    expect_refused(ErrorCode::kCorruptFile, {"'" + name + "'"}, {{down, a}, {up, b}});
  };
  refused(down, at::ones({3, size + 1}), at::ones({size, 3}));
  refused(down, at::ones({size}), at::ones({size, 3}));
  refused(down, at::ones({0, size}), at::ones({size, 0}));
  refused(down, at::ones({3, size}, at::kInt), at::ones({size, 3}));
  refused(down, at::ones({3, size, 1}), at::ones({size, 3}));
  refused(down, at::ones({3, size, 1, 2}), at::ones({size, 3}));
  refused(up, at::ones({3, size}), at::ones({size, 4}));
  refused(up, at::ones({3, size}), at::ones({3, size}));
  refused(up, at::ones({3, size}), at::ones({size, 3, 1}));
}

TEST_F(Adapters, AFileMustBeWhole) {
  const auto update = update_of(kTransformer, "transformer_blocks.0.attn1.to_k");
  const auto whole = spelled(update, Spelling::kKohya);
  for (size_t left_out : {0U, 1U}) {
    auto tensors = whole;
    tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(left_out));
    expect_refused(ErrorCode::kCorruptFile, {"counterpart"}, tensors);
  }
  expect_refused(ErrorCode::kCorruptFile, {"counterpart", whole[2].first}, {whole[2]});
  auto twice = whole;
  for (const auto& tensor : spelled(update, Spelling::kComfy)) twice.push_back(tensor);
  expect_refused(ErrorCode::kCorruptFile, {"same layer", twice[3].first}, twice);
  for (const auto& alpha : {at::ones({2}), at::full({}, std::nan("")), at::ones({}, at::kBool)}) {
    auto tensors = whole;
    tensors[2].second = alpha;
    expect_refused(ErrorCode::kCorruptFile, {"'" + whole[2].first + "'"}, tensors);
  }
  const auto empty = folder_.path() / "empty.safetensors";
  write_file(empty, std::string("\2\0\0\0\0\0\0\0{}", 10));
  expect_error(ErrorCode::kCorruptFile, {"empty.safetensors", "no tensors"}, [&] { open(empty); });
}

TEST_F(Adapters, FilesOfAnotherKind) {
  expect_error(ErrorCode::kNotFound, {"nowhere"}, [&] { open(folder_.path() / "nowhere"); });
  expect_error(ErrorCode::kNotFound, {"no adapter"}, [&] { open(tiny_model_dir()); });
  // A whole model.
  expect_error(ErrorCode::kCorruptFile, {"belongs to no linear layer"}, [&] {
    open(tiny_model_dir() / kTransformer / "diffusion_pytorch_model.safetensors");
  });
  const auto update = update_of(kTransformer, "transformer_blocks.0.attn1.to_k");
  const auto peft = write_adapter(folder_.path(), "peft", {update}, Spelling::kPeft);
  expect_attached(peft / "adapter_model.safetensors", {update});
  EXPECT_EQ(open(peft / "adapter_model.safetensors").name(), "peft");
  fs::remove(peft / "adapter_config.json");
  expect_error(ErrorCode::kNotFound, {"adapter_config.json"}, [&] { open(peft); });
}

/// With the names of the layers in classes of transformers around and inside the generator.
TEST_F(Adapters, NamesMayBeginInsideTheGenerator) {
  const std::string layer = "layers.0.self_attn.q_proj";
  const auto update = update_of(kGenerator, "model.language_model." + layer, /*rank=*/4, 3);
  for (const char* prefix : {"base_model.model.language_model.",
                             "base_model.model.model.",
                             "base_model.model.model.language_model.",
                             "base_model.model.",
                             "model.",
                             "language_model.",
                             ""}) {
    SCOPED_TRACE(prefix);
    const auto folder = folder_.path() / "words";
    fs::remove_all(folder);
    fs::create_directory(folder);
    const auto key = prefix + layer;
    io::write_safetensors(
        folder / "adapter_model.safetensors",
        {{key + ".lora_A.weight", update.down}, {key + ".lora_B.weight", update.up}},
        {});
    const auto plain = key.substr(key.rfind("base_model.model.", 0) == 0 ? 17 : 0);
    for (const std::string& pattern : {"^" + plain, plain, std::string("q_proj")}) {
      const nlohmann::json config = {
          {"r", 4}, {"lora_alpha", 1}, {"alpha_pattern", {{pattern, 12}}}};
      write_file(folder / "adapter_config.json", config.dump());
      expect_attached(folder, {update});
    }
  }
}

TEST_F(Adapters, AConfigBesideTheFileCountsWhateverTheKeys) {
  const auto update = update_of(kTransformer, "transformer_blocks.0.attn1.to_k", /*rank=*/4);
  const auto folder = folder_.path() / "style";
  fs::create_directory(folder);
  const auto scale_of = [&](const fs::path& path) { return open(path).layers().at(0).scale; };
  const auto tensors = spelled(update, Spelling::kDiffSynth);
  io::write_safetensors(folder / "adapter_model.safetensors", tensors, {{"format", "pt"}});
  EXPECT_EQ(scale_of(folder), 1);
  write_file(folder / "adapter_config.json", R"({"peft_type": "LORA", "r": 4, "lora_alpha": 64})");
  EXPECT_EQ(scale_of(folder), 16);
  // Another file beside it has a name of its own, and so no config.
  io::write_safetensors(folder / "other.safetensors", tensors, {{"format", "pt"}});
  EXPECT_EQ(scale_of(folder / "other.safetensors"), 1);
  EXPECT_EQ(scale_of(folder), 16);
  fs::remove(folder / "adapter_model.safetensors");
  EXPECT_EQ(scale_of(folder / "other.safetensors"), 16);
  // The file's own settings come first.
  fs::remove(folder / "other.safetensors");
  io::write_safetensors(folder / "other.safetensors",
                        tensors,
                        {{"lora_adapter_metadata", R"({"transformer.lora_alpha": 8})"}});
  EXPECT_EQ(scale_of(folder / "other.safetensors"), 2);
  // The method is read before the tensors.
  io::write_safetensors(
      folder / "adapter_model.safetensors", {{"unknown.weight", at::ones({2, 2})}}, {});
  write_file(folder / "adapter_config.json", R"({"peft_type": "LOHA", "r": 4, "alpha": 64})");
  expect_error(
      ErrorCode::kUnsupported, {"adapter_config.json", "the method LoHa"}, [&] { open(folder); });
}

TEST_F(Adapters, AFolderListsItsAdapters) {
  const auto update = update_of(kTransformer, "transformer_blocks.0.attn1.to_k");
  write_adapter(folder_.path(), "b", {update}, Spelling::kPeft);
  write_adapter(folder_.path(), "a", {update}, Spelling::kKohya);
  fs::create_directory(folder_.path() / "empty");
  write_file(folder_.path() / "notes.txt", "x");
  write_file(folder_.path() / ".hidden.safetensors", "x");
  std::vector<std::string> names;
  for (const auto& path : adapters::adapters_in(folder_.path())) {
    names.push_back(adapters::adapter_name(path));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
  expect_error(ErrorCode::kNotFound, {"nowhere"}, [&] {
    adapters::adapters_in(folder_.path() / "nowhere");
  });
}

}  // namespace
}  // namespace glm_image::test
