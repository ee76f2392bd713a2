// The published form of the checkpoint, and the forms that downloads and conversions give it.

#include "image/codec.h"
#include "io/json_file.h"
#include "io/weight_set.h"
#include "pipeline/model_folder.h"
#include "support/reference_run.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using pipeline::Checkpoint;

/// Hand-written JSON as in the published files, with the weights of the toy checkpoint.
fs::path published_model_dir() {
  return data_dir() / "published";
}

constexpr const char* kParts[] = {"vision_language_encoder",
                                  "text_encoder",
                                  "transformer",
                                  "vae",
                                  "scheduler",
                                  "processor",
                                  "tokenizer"};

Checkpoint open_wide(const fs::path& directory, bool strict = false) {
  PipelineOptions options;
  options.dtype = DataType::kFloat32;
  options.strict = strict;
  return Checkpoint::open(directory, options);
}

std::vector<uint8_t> pixels(const Checkpoint& checkpoint, const Request& request) {
  Recording recording;
  return draw_recorded(checkpoint, request, recording).pictures.at(0).image.pixels;
}

/// A copy of the published form that a test may modify.
class PublishedCopy : public testing::Test {
 protected:
  PublishedCopy() { fs::copy(published_model_dir(), model(), fs::copy_options::recursive); }
  fs::path model() const { return folder_.path() / "glm-image"; }

  void change(const std::string& file, const std::function<void(json&)>& edit) const {
    auto content = json::parse(read_file(model() / file));
    edit(content);
    write_file(model() / file, content.dump());
  }
  using Tensors = std::vector<std::pair<std::string, Tensor>>;
  Tensors weights(const std::string& component) const {
    Tensors tensors;
    const auto set = io::WeightSet::open(model() / component);
    for (const auto& [name, location] : set.tensors()) {
      tensors.emplace_back(name, location.file->tensor(name).clone());
    }
    return tensors;
  }
  void write_weights(const std::string& component, const Tensors& tensors) const {
    for (const auto& item : fs::directory_iterator(model() / component)) {
      if (item.path().extension() == ".safetensors") {
        const auto path = item.path();
        fs::remove(path);
        io::write_safetensors(path, tensors, {});
        return;
      }
    }
    FAIL() << component;
  }

  const TemporaryDirectory folder_;
};

class PublishedForm : public testing::TestWithParam<ReferenceCase> {};

TEST_P(PublishedForm, GeneratesThePicturesOfTheResavedForm) {
  const auto request = request_of(GetParam());
  EXPECT_EQ(pixels(open_wide(published_model_dir()), request),
            pixels(open_wide(tiny_model_dir()), request));
}

INSTANTIATE_TEST_SUITE_P(Cases,
                         PublishedForm,
                         testing::ValuesIn(reference_cases()),
                         [](const auto& tested) { return tested.param.name(); });

TEST(PublishedParts, EveryCombinationWithResavedPartsLoads) {
  constexpr size_t kCount = std::size(kParts);
  for (unsigned mask = 0; mask < (1U << kCount); ++mask) {
    const TemporaryDirectory folder;
    for (size_t i = 0; i < kCount; ++i) {
      const auto& form = ((mask >> i) & 1U) != 0 ? published_model_dir() : tiny_model_dir();
      fs::create_directory_symlink(form / kParts[i], folder.path() / kParts[i]);
    }
    const auto checkpoint = open_wide(folder.path(), /*strict=*/true);
    EXPECT_TRUE(checkpoint.info().warnings.empty()) << mask;
    EXPECT_NO_THROW(checkpoint.image_settings()) << mask;
  }
}

TEST_F(PublishedCopy, TextToImageNeedsNoImageSettings) {
  const auto cases = reference_cases();
  const auto is_edit = [](const auto& c) { return c.name().rfind("i2i", 0) == 0; };
  const auto edit = std::find_if(cases.begin(), cases.end(), is_edit);
  const auto generation = std::find_if_not(cases.begin(), cases.end(), is_edit);
  ASSERT_NE(edit, cases.end());
  ASSERT_NE(generation, cases.end());
  fs::remove(model() / "processor" / "preprocessor_config.json");
  const auto checkpoint = open_wide(model());
  EXPECT_FALSE(pixels(checkpoint, request_of(*generation)).empty());
  expect_error(ErrorCode::kNotFound, {"preprocessor_config.json"}, [&] {
    pixels(checkpoint, request_of(*edit));
  });
}

TEST_F(PublishedCopy, UnknownTensorsAreAWarningOrRefused) {
  auto tensors = weights("text_encoder");
  tensors.emplace_back("decoder.block.0.weight", at::ones({3}));
  tensors.emplace_back("decoder.final.position_ids", at::arange(3));
  write_weights("text_encoder", tensors);
  const auto checkpoint = open_wide(model());
  ASSERT_EQ(checkpoint.info().warnings.size(), 1U);
  const auto& warning = checkpoint.info().warnings[0];
  for (const char* fragment : {"text_encoder", "2 tensors", "'decoder.block.0.weight'"}) {
    EXPECT_NE(warning.find(fragment), std::string::npos) << warning;
  }
  EXPECT_EQ(checkpoint.info().components[1].parameters,
            open_wide(published_model_dir()).info().components[1].parameters);
  expect_error(ErrorCode::kCorruptFile, {"'decoder.block.0.weight'"}, [&] {
    open_wide(model(), /*strict=*/true);
  });
}

TEST_F(PublishedCopy, TensorsThatInferenceDoesNotUseMayBeMissing) {
  auto tensors = weights("vision_language_encoder");
  const auto count = tensors.size();
  const auto is_way_back = [](const auto& tensor) {
    return tensor.first.find("post_quant_conv") != std::string::npos;
  };
  tensors.erase(std::remove_if(tensors.begin(), tensors.end(), is_way_back), tensors.end());
  ASSERT_EQ(tensors.size(), count - 2);
  write_weights("vision_language_encoder", tensors);
  for (const auto& reference : reference_cases()) {
    EXPECT_EQ(pixels(open_wide(model()), request_of(reference)),
              pixels(open_wide(tiny_model_dir()), request_of(reference)));
  }
}

double mean_difference(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b.at(i));
  return sum / static_cast<double>(a.size());
}

/// Symmetric 4-bit AutoRound, as in Intel's copy of the transformer's blocks.
TEST_F(PublishedCopy, QuantisedWeightsDrawWhatTheirValuesDraw) {
  static constexpr int64_t kGroup = 16;
  Tensors packed, plain;
  for (const auto& [name, tensor] : weights("transformer")) {
    const bool is_quantised = name.find("transformer_blocks.") == 0 && tensor.dim() == 2;
    if (!is_quantised) {
      packed.emplace_back(name, tensor);
      plain.emplace_back(name, tensor);
      continue;
    }
    const auto module = name.substr(0, name.rfind('.'));
    const int64_t out = tensor.size(0), in = tensor.size(1);
    const auto grouped = tensor.view({out, in / kGroup, kGroup});
    const auto scales = (grouped.abs().amax(2, true) / 7).to(at::kHalf).to(at::kFloat);
    const auto q = (grouped / scales).round().clamp(-8, 7);
    plain.emplace_back(name, (q * scales).view({out, in}));
    // A word holds eight inputs of one output; the words are transposed.
    const auto u = (q.view({out, in / 8, 8}) + 8).to(at::kLong);
    const auto shifts = at::pow(16, at::arange(8, at::kLong));
    auto words = (u * shifts).sum(2).t().contiguous();
    words = at::where(words >= (int64_t{1} << 31), words - (int64_t{1} << 32), words);
    packed.emplace_back(module + ".qweight", words.to(at::kInt));
    packed.emplace_back(module + ".qzeros", at::full({in / kGroup, out / 8}, 0x77777777, at::kInt));
    packed.emplace_back(module + ".scales", scales.squeeze(2).t().contiguous().to(at::kHalf));
  }
  write_weights("transformer", plain);
  const auto request = request_of(reference_cases().front());
  const auto expected = pixels(open_wide(model()), request);
  EXPECT_NE(expected, pixels(open_wide(published_model_dir()), request));

  write_weights("transformer", packed);
  change("transformer/config.json", [](json& config) {
    config["quantization_config"] = {{"quant_method", "auto-round"},
                                     {"packing_format", "auto_round:auto_gptq"},
                                     {"bits", 4},
                                     {"group_size", kGroup},
                                     {"sym", true}};
  });
  const auto checkpoint = open_wide(model(), /*strict=*/true);
  // The weights stay integers and activations are rounded to 8 bits, which changes far less than
  // rounding weights to 4 bits.
  const auto found = pixels(checkpoint, request);
  const auto original = pixels(open_wide(published_model_dir()), request);
  EXPECT_LT(mean_difference(found, expected), mean_difference(expected, original) / 3);
  EXPECT_EQ(checkpoint.info().components[2].parameters,
            open_wide(published_model_dir()).info().components[2].parameters);

  change("transformer/config.json", [](json& config) {
    config["quantization_config"] = {{"quant_method", "awq"}};
  });
  expect_error(ErrorCode::kUnsupported, {"transformer", "\"awq\""}, [&] { open_wide(model()); });
}

TEST_F(PublishedCopy, AQuantisationConfigOfFloatingWeightsIsIgnored) {
  change("transformer/config.json", [](json& config) {
    config["quantization_config"] = {{"quant_method", "sdnq"}};
  });
  EXPECT_NO_THROW(open_wide(model()));
}

TEST_F(PublishedCopy, MarkersMustAgreeWithTheVocabulary) {
  change("processor/tokenizer_config.json",
         [](json& config) { config["bos_token"] = "<|dit_token_3|>"; });
  expect_error(ErrorCode::kCorruptFile, {"tokenizer_config.json", "bos_token", "64"}, [&] {
    open_wide(model());
  });
}

/// Special tokens in a prompt have the same ids as with a tokenizer.json that lists them.
TEST(PublishedTokenizer, FindsTheTokensThatTheConfigNames) {
  const auto resaved = text::BpeTokenizer::load_processor(tiny_model_dir() / "processor");
  const auto published = text::BpeTokenizer::load_processor(published_model_dir() / "processor");
  for (const char* prompt :
       {"a<sop>b", "<|user|> hi <|dit_token_64|>", "x<|endoftext|>", "<|dit_token_65|><eop>"}) {
    EXPECT_EQ(published.encode(prompt), resaved.encode(prompt)) << prompt;
  }
  // Visual codes have no names, since only the model generates them.
  EXPECT_NE(published.encode("<|dit_token_3|>"), resaved.encode("<|dit_token_3|>"));
}

TEST_F(PublishedCopy, LoadsFromAHuggingFaceCache) {
  const auto repository = folder_.path() / "hub" / "models--zai-org--GLM-Image";
  const auto snapshots = repository / "snapshots";
  const std::string revision = "2c433cc0cbc2";
  fs::create_directories(snapshots);
  fs::rename(model(), snapshots / revision);
  for (const auto& given : {snapshots / revision, snapshots, repository, repository / ""}) {
    const auto checkpoint = open_wide(given);
    EXPECT_EQ(checkpoint.info().name, "GLM-Image") << given;
    EXPECT_TRUE(fs::equivalent(checkpoint.info().directory, snapshots / revision)) << given;
  }
  fs::create_directory(snapshots / "0123456789ab");
  expect_error(ErrorCode::kNotFound, {"2 snapshots", "refs/main"}, [&] { open_wide(repository); });
  write_file(repository / "refs" / "main", revision + "\n");
  EXPECT_EQ(open_wide(repository).info().name, "GLM-Image");
  write_file(repository / "refs" / "main", "../../../somewhere");
  expect_error(ErrorCode::kNotFound, {"snapshots"}, [&] { open_wide(repository); });
}

TEST_F(PublishedCopy, NamesWhatWasSavedInPlaceOfAFile) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\n"
      "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
      "size 9973483320\n";
  const auto refuse = [&](const std::string& file,
                          const std::string& content,
                          const std::vector<std::string>& fragments) {
    const auto path = model() / file;
    const auto before = read_file(path);
    fs::remove(path);
    write_file(path, content);
    expect_error(ErrorCode::kCorruptFile, fragments, [&] { open_wide(model()); });
    write_file(path, before);
  };
  for (const char* file : {"transformer/diffusion_pytorch_model.safetensors",
                           "processor/tokenizer.json",
                           "vae/config.json"}) {
    refuse(file, pointer, {file, "Git LFS pointer", "9973483320", "git lfs pull"});
    refuse(file, "", {file, "empty"});
    refuse(file, std::string(4096, '\0'), {file, "zero bytes", "download was not finished"});
    refuse(file, "<!DOCTYPE html>\n<html><title>Sign in</title>", {file, "web page"});
    refuse(file, "../../blobs/4d7a2146", {file, "text of a link"});
  }
  EXPECT_NO_THROW(open_wide(model()));
}

TEST_F(PublishedCopy, TruncatedFilesAreNamed) {
  for (const char* file : {"transformer/diffusion_pytorch_model.safetensors", "vae/config.json"}) {
    const auto path = model() / file;
    const auto whole = read_file(path);
    for (const size_t length : {size_t{12}, whole.size() / 2, whole.size() - 3}) {
      fs::remove(path);
      write_file(path, whole.substr(0, length));
      expect_error(ErrorCode::kCorruptFile, {file}, [&] { open_wide(model()); });
    }
    write_file(path, whole);
  }
}

}  // namespace
}  // namespace glm_image::test
