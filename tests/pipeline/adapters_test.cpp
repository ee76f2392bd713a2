// Adapters at inference against a copy of the model whose weights the test itself changed to
// W + scale·B·A, and merging.

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "core/error.h"
#include "io/weight_set.h"
#include "nn/cpu_kernels.h"
#include "pipeline/checkpoint.h"
#include "pipeline/merge_adapters.h"
#include "pipeline/recipe.h"
#include "support/adapter_files.h"
#include "support/quantised_copy.h"
#include "support/reference_run.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGenerator = "vision_language_encoder";

Request adapter_request() {
  Request request;
  request.prompt = "A poster: \"OPEN\"";
  request.width = 96;
  request.height = 64;
  request.steps = 2;
  request.seed = 3;
  return request;
}

Tensor tensor_of(const io::WeightSet& set, const std::string& name) {
  return set.find(name)->file->tensor(name);
}

/// Copies the tiny model, with the updates added to its weights in float64.
void write_changed_model(const fs::path& to, const std::vector<TestUpdate>& updates) {
  fs::copy(tiny_model_dir(), to, fs::copy_options::recursive);
  for (const char* component : {pipeline::kTransformer, kGenerator}) {
    NamedTensors tensors;
    const auto set = io::WeightSet::open(tiny_model_dir() / component);
    for (const auto& [name, location] : set.tensors()) {
      auto values = tensor_of(set, name).to(at::kDouble);
      for (const auto& update : updates) {
        if (update.component != component || update.layer + ".weight" != name) continue;
        values = values +
                 update.scale * at::matmul(update.up.to(at::kDouble), update.down.to(at::kDouble));
      }
      tensors.emplace_back(name, values.to(at::kFloat).contiguous());
    }
    const auto file = set.tensors().begin()->second.file->file().path().filename();
    io::write_safetensors(to / component / file, tensors, {});
  }
}

std::vector<uint8_t> draw(Pipeline& pipeline, const Request& request) {
  return pipeline.generate(request).pictures.at(0).image.pixels;
}

std::vector<uint8_t> draw(const fs::path& model,
                          const std::vector<Adapter>& adapters,
                          const Request& request) {
  PipelineOptions options;
  options.adapters = adapters;
  auto pipeline = Pipeline::load(model, options);
  return draw(pipeline, request);
}

class PipelineAdapters : public testing::Test {
 protected:
  PipelineAdapters() : threads_(at::get_num_threads()) {
    at::manual_seed(11);
    // At toy size, threads cost more than they save.
    at::set_num_threads(1);
  }
  ~PipelineAdapters() override { at::set_num_threads(threads_); }

  static TestUpdate update_of(const std::string& component,
                              const std::string& layer,
                              int64_t rank,
                              double scale) {
    const auto set = io::WeightSet::open(tiny_model_dir() / component);
    const auto weight = tensor_of(set, layer + ".weight");
    return random_update(component, layer, weight.size(0), weight.size(1), rank, scale);
  }

  /// Both parts, a layer of each kind; `scale` is that of the file.
  static std::vector<TestUpdate> some_updates(double scale = 1) {
    std::vector<TestUpdate> updates;
    for (const char* layer : {"transformer_blocks.0.attn1.to_q",
                              "transformer_blocks.1.attn1.to_out.0",
                              "transformer_blocks.2.ff.net.0.proj",
                              "prior_projector.net.2"}) {
      updates.push_back(update_of(pipeline::kTransformer, layer, 4, scale));
    }
    for (const char* layer : {"self_attn.q_proj", "mlp.gate_up_proj"}) {
      updates.push_back(
          update_of(kGenerator, concat("model.language_model.layers.1.", layer), 4, scale));
    }
    return updates;
  }

  fs::path folder(const std::string& name) const { return folder_.path() / name; }
  fs::path write(const std::string& name, const std::vector<TestUpdate>& updates) const {
    return write_adapter(folder_.path(), name, updates, Spelling::kDiffusers);
  }

  const TemporaryDirectory folder_;
  const int threads_;
};

/// Every stage of a run with adapters is that of the changed model, within rounding.
TEST_F(PipelineAdapters, DrawAsTheChangedWeights) {
  auto updates = some_updates(/*scale=*/0.5);
  PipelineOptions options;
  options.adapters = {{write("style", updates), 0.8}};
  for (auto& update : updates) update.scale *= 0.8;
  write_changed_model(folder("changed"), updates);
  Recording found, expected, base;
  const auto request = adapter_request();
  const auto picture =
      draw_recorded(pipeline::Checkpoint::open(tiny_model_dir(), options), request, found);
  const auto wanted =
      draw_recorded(pipeline::Checkpoint::open(folder("changed"), {}), request, expected);
  draw_recorded(pipeline::Checkpoint::open(tiny_model_dir(), {}), request, base);
  for (const char* stage : {"ar.prefill_logits_last", "dit.cond", "dit.uncond", "latents.steps"}) {
    ASSERT_EQ(found[stage].size(), expected[stage].size()) << stage;
    for (size_t i = 0; i < found[stage].size(); ++i) {
      EXPECT_LT(relative_error(found[stage][i], expected[stage][i]), kStageTolerance) << stage;
    }
    EXPECT_GT(relative_error(found[stage][0], base[stage][0]), 100 * kStageTolerance) << stage;
  }
  EXPECT_TRUE(at::equal(found["ar.generated"].at(0), expected["ar.generated"].at(0)));
  EXPECT_LE(largest_difference(picture.pictures[0].image, wanted.pictures[0].image), 1);
}

TEST_F(PipelineAdapters, SeveralAddUp) {
  const std::vector<TestUpdate> first = {
      update_of(pipeline::kTransformer, "transformer_blocks.0.attn1.to_q", 4, 1)};
  const std::vector<TestUpdate> second = {
      update_of(pipeline::kTransformer, "transformer_blocks.0.attn1.to_q", 2, 1),
      update_of(pipeline::kTransformer, "transformer_blocks.0.attn1.to_v", 2, 1)};
  auto all = first;
  for (auto update : second) {
    update.scale = -0.5;
    all.push_back(update);
  }
  write_changed_model(folder("changed"), all);
  Recording found, expected;
  PipelineOptions options;
  options.adapters = {{write("first", first), 1}, {write("second", second), -0.5}};
  draw_recorded(pipeline::Checkpoint::open(tiny_model_dir(), options), adapter_request(), found);
  draw_recorded(pipeline::Checkpoint::open(folder("changed"), {}), adapter_request(), expected);
  EXPECT_LT(relative_error(found["dit.cond"].at(0), expected["dit.cond"].at(0)), kStageTolerance);
}

TEST_F(PipelineAdapters, OfZerosOrOfScaleZeroLeaveEveryBit) {
  auto updates = some_updates();
  const auto style = write("style", updates);
  for (auto& update : updates) update.up.zero_();
  const auto zero = write("zero", updates);
  for (const char* weights : {"", "q8"}) {
    auto model = tiny_model_dir();
    if (*weights != '\0') {
      if (!nn::kHaveKernels) continue;
      model = folder("copy");
      write_quantised_copy(tiny_model_dir(), weights, model);
    }
    const auto base = draw(model, {}, adapter_request());
    EXPECT_EQ(draw(model, {{zero, 1}}, adapter_request()), base) << weights;
    EXPECT_EQ(draw(model, {{style, 0}}, adapter_request()), base) << weights;
    EXPECT_NE(draw(model, {{style, 1}}, adapter_request()), base) << weights;
  }
}

TEST_F(PipelineAdapters, RequestsChooseAmongThem) {
  const auto style = write("style", some_updates());
  fs::create_directory(folder("more"));
  write_adapter(folder("more"), "ink", some_updates(), Spelling::kKohya);
  write_file(folder("more") / "broken.safetensors", "x");
  PipelineOptions options;
  options.residency = Residency::kAll;
  options.adapters = {{style, 0.7}};
  options.adapter_folder = folder("more");
  auto pipeline = Pipeline::load(tiny_model_dir(), options);
  const auto& info = pipeline.info();
  ASSERT_EQ(info.adapters.size(), 2U);
  EXPECT_EQ(info.adapters[0].name, "style");
  EXPECT_EQ(info.adapters[0].default_scale, 0.7);
  EXPECT_EQ(info.adapters[0].components,
            (std::vector<std::string>{pipeline::kTransformer, kGenerator}));
  EXPECT_EQ(info.adapters[0].layers, 6);
  EXPECT_EQ(info.adapters[0].rank, 4);
  EXPECT_EQ(info.adapters[1].name, "ink");
  EXPECT_FALSE(info.adapters[1].default_scale.has_value());
  ASSERT_EQ(info.warnings.size(), 1U);
  EXPECT_NE(info.warnings[0].find("broken.safetensors"), std::string::npos);

  // Each request is as if the pipeline had no other adapters, whatever was drawn before.
  using Uses = std::vector<AdapterUse>;
  const auto with = [&](std::optional<Uses> uses) {
    auto request = adapter_request();
    request.adapters = std::move(uses);
    return draw(pipeline, request);
  };
  const auto ink = folder("more") / "ink.safetensors";
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(with(std::nullopt), draw(tiny_model_dir(), {{style, 0.7}}, adapter_request()));
    EXPECT_EQ(with(Uses{}), draw(tiny_model_dir(), {}, adapter_request()));
    EXPECT_EQ(with(Uses{{"ink", -1}}), draw(tiny_model_dir(), {{ink, -1}}, adapter_request()));
    EXPECT_EQ(with(Uses{{"ink", 1}, {"style", 0.5}}),
              draw(tiny_model_dir(), {{ink, 1}, {style, 0.5}}, adapter_request()));
  }
  const auto refused = [&](Uses uses, const std::string& fragment) {
    auto request = adapter_request();
    request.adapters = std::move(uses);
    expect_error(
        ErrorCode::kInvalidInput, {"adapters", fragment}, [&] { pipeline.check(request); });
  };
  refused({{"oil", 1}}, "'oil'");
  refused({{"../more/ink", 1}}, "'../more/ink'");
  refused({{"ink", 1}, {"ink", 1}}, "twice");
  refused({{"ink", 10.5}}, "10.5");
  refused({{"ink", std::nan("")}}, "'ink'");
  refused(Uses(17, {"ink", 1}), "17");
}

TEST_F(PipelineAdapters, TwoPipelinesHaveTheirOwn) {
  const auto style = write("style", some_updates());
  const std::vector<std::vector<Adapter>> adapters = {{}, {{style, 1}}};
  std::vector<std::vector<uint8_t>> expected, drawn(2);
  for (const auto& own : adapters)
    expected.push_back(draw(tiny_model_dir(), own, adapter_request()));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 2; ++i) {
    threads.emplace_back(
        [&, i] { drawn[i] = draw(tiny_model_dir(), adapters[i], adapter_request()); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(drawn, expected);
  EXPECT_NE(drawn[0], drawn[1]);
}

TEST_F(PipelineAdapters, AreCheckedWhenTheModelLoads) {
  const auto load = [&](const std::vector<Adapter>& adapters) {
    PipelineOptions options;
    options.adapters = adapters;
    Pipeline::load(tiny_model_dir(), options);
  };
  const auto style = write("style", some_updates());
  fs::create_directory(folder("other"));
  const auto other = write_adapter(folder("other"), "style", some_updates(), Spelling::kDiffusers);
  expect_error(ErrorCode::kNotFound, {"nowhere"}, [&] { load({{folder("nowhere"), 1}}); });
  expect_error(ErrorCode::kInvalidInput, {"same name"}, [&] { load({{style, 1}, {other, 1}}); });
  expect_error(ErrorCode::kInvalidInput, {"'style'", "11"}, [&] { load({{style, 11}}); });
  expect_error(ErrorCode::kNotFound, {"nowhere"}, [&] {
    PipelineOptions options;
    options.adapter_folder = folder("nowhere");
    Pipeline::load(tiny_model_dir(), options);
  });
}

TEST_F(PipelineAdapters, ARecipeNamesThem) {
  PipelineOptions options;
  options.adapters = {{write("style", some_updates()), 0.25}};
  auto pipeline = Pipeline::load(tiny_model_dir(), options);
  const auto request = pipeline.check(adapter_request());
  const auto result = pipeline.generate(request);
  const auto recipe = pipeline::recipe_of(request, 0, result.pictures[0], pipeline.info());
  const auto texts = pipeline::recipe_texts(recipe);
  EXPECT_NE(texts[0].second.find("Loras: \"style: 0.25\""), std::string::npos) << texts[0].second;
  const auto read = pipeline::parse_recipe(texts[1].second, "test");
  ASSERT_EQ(read.request.adapters->size(), 1U);
  EXPECT_EQ(read.request.adapters->at(0).name, "style");
  EXPECT_EQ(read.request.adapters->at(0).scale, 0.25);
  auto json = pipeline::recipe_json(recipe);
  json.erase("adapters");
  EXPECT_TRUE(pipeline::parse_recipe(json.dump(), "test").request.adapters->empty());
  for (const auto& bad : {R"(["style"])", R"([{"scale": 1}])", R"([{"name": "a", "scale": 11}])"}) {
    json["adapters"] = nlohmann::json::parse(bad);
    expect_error(ErrorCode::kCorruptFile, {"adapters"}, [&] {
      pipeline::parse_recipe(json.dump(), "test");
    });
  }
}

void merge(const fs::path& model,
           const std::vector<Adapter>& adapters,
           const fs::path& output,
           const pipeline::WriteProgress& progress = {}) {
  pipeline::write_merged(pipeline::plan_merge(model, adapters), output, /*threads=*/0, progress);
}

TEST_F(PipelineAdapters, MergedWeightsAreTheSum) {
  auto updates = some_updates();
  const auto style = write("style", updates);
  merge(tiny_model_dir(), {{style, 0.5}}, folder("merged"));
  for (auto& update : updates) update.scale = 0.5;
  write_changed_model(folder("changed"), updates);
  for (const char* component : {pipeline::kTransformer, kGenerator, "vae", "text_encoder"}) {
    const auto before = io::WeightSet::open(tiny_model_dir() / component);
    const auto expected = io::WeightSet::open(folder("changed") / component);
    const auto merged = io::WeightSet::open(folder("merged") / component);
    ASSERT_EQ(merged.tensors().size(), before.tensors().size());
    size_t changed = 0;
    for (const auto& [name, location] : merged.tensors()) {
      const auto values = tensor_of(merged, name);
      EXPECT_LT(relative_error(values, tensor_of(expected, name)), 1e-6) << name;
      changed += at::equal(values, tensor_of(before, name)) ? 0 : 1;
    }
    EXPECT_EQ(changed, std::count_if(updates.begin(), updates.end(), [&](const auto& update) {
                return update.component == component;
              }));
  }
  for (const char* same : {"model_index.json", "transformer/config.json", "vae/config.json"}) {
    EXPECT_EQ(read_file(folder("merged") / same), read_file(tiny_model_dir() / same));
  }
  Recording found, expected;
  PipelineOptions options;
  options.adapters = {{style, 0.5}};
  draw_recorded(pipeline::Checkpoint::open(folder("merged"), {}), adapter_request(), found);
  draw_recorded(pipeline::Checkpoint::open(tiny_model_dir(), options), adapter_request(), expected);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_LT(relative_error(found["latents.steps"].at(i), expected["latents.steps"].at(i)),
              kStageTolerance);
  }
}

TEST_F(PipelineAdapters, MergingZerosChangesNoByte) {
  auto updates = some_updates();
  for (auto& update : updates) update.up.zero_();
  merge(tiny_model_dir(), {{write("zero", updates), 1}}, folder("merged"));
  for (const char* file : {"transformer/diffusion_pytorch_model.safetensors",
                           "vision_language_encoder/model.safetensors"}) {
    const auto merged = io::SafetensorsFile::open(folder("merged") / file),
               before = io::SafetensorsFile::open(tiny_model_dir() / file);
    EXPECT_EQ(merged->header().metadata, before->header().metadata);
    for (const auto& [name, entry] : before->header().tensors) {
      EXPECT_TRUE(at::equal(merged->tensor(name), before->tensor(name))) << name;
    }
  }
}

TEST_F(PipelineAdapters, AMergeIsWholeOrNothing) {
  const auto style = write("style", some_updates());
  for (const double part : {0.0, 0.5, 1.0}) {
    expect_error(ErrorCode::kCancelled, {"stopped"}, [&] {
      merge(tiny_model_dir(), {{style, 1}}, folder("merged"), [&](uint64_t done, uint64_t total) {
        if (static_cast<double>(done) >= part * static_cast<double>(total)) {
          fail(ErrorCode::kCancelled, "stopped");
        }
      });
    });
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
  }
  auto updates = some_updates();
  updates[0].up[0][0] = std::numeric_limits<float>::infinity();
  const auto infinite = write("infinite", updates);
  expect_error(ErrorCode::kCorruptFile, {updates[0].layer, "not finite"}, [&] {
    merge(tiny_model_dir(), {{infinite, 1}}, folder("merged"));
  });
  EXPECT_FALSE(fs::exists(folder("merged")));
}

TEST_F(PipelineAdapters, AMergeIntoQuantisedWeightsIsRefused) {
  const auto style = write("style", some_updates());
  write_quantised_copy(tiny_model_dir(), "q8", folder("q8"));
  expect_error(ErrorCode::kInvalidInput, {"quantised", "--lora"}, [&] {
    merge(folder("q8"), {{style, 1}}, folder("merged"));
  });
  expect_error(
      ErrorCode::kInvalidInput, {"--lora"}, [&] { merge(tiny_model_dir(), {}, folder("merged")); });
  expect_error(ErrorCode::kOutput, {"already exists"}, [&] {
    merge(tiny_model_dir(), {{style, 1}}, folder("q8"));
  });
}

}  // namespace
}  // namespace glm_image::test
