#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "glm_image/error.h"
#include "glm_image/request.h"

namespace glm_image {

/// Data type of the weights and activations.
enum class DataType {
  kAuto,  ///< the checkpoint's type, or float32 where the device is slow in that type
  kFloat32,
  kBFloat16,
};

/// Which stages keep their weights in memory from one request to the next.
enum class Residency {
  kNone,  ///< each stage releases its weights: least memory, but every request reads them again
  kAuto,  ///< as many as fit into max_memory_bytes beside the largest stage that is not kept
  kAll,
};

/// An adapter (LoRA) to load: a safetensors file, or a folder as PEFT writes it. docs/adapters.md
/// names the formats.
struct Adapter {
  std::filesystem::path path;
  double scale = 1;  ///< as in AdapterUse
};

struct PipelineOptions {
  /// "cpu", "cuda", "cuda:1", or a device that the plugin registers ("npu:0").
  std::string device = "cpu";
  /// Shared library of a LibTorch device plugin to load first; empty for none.
  std::string device_plugin;
  DataType dtype = DataType::kAuto;
  /// Number of CPU threads of the whole process; 0 leaves it unchanged.
  int threads = 0;
  /// Draw with fewer threads while other programs keep processors busy. Pictures are the same.
  bool yield_processors = false;
  Residency residency = Residency::kNone;
  /// Bytes of memory that the process may take. On the CPU, a stage whose weights do not fit reads
  /// them block by block each time they are needed; pictures are the same. 0 means seven eighths of
  /// what the machine can give, or the control group. On another device the limit counts for the
  /// weights that Residency::kAuto keeps, and 0 keeps none: LibTorch 1.13 does not report the
  /// device's memory.
  int64_t max_memory_bytes = 0;
  /// Throw, instead of warning, if the checkpoint has weights that no part of the model uses.
  bool strict = false;
  /// Number type of the VAE. kAuto: float32 unless the VAE is stored in bfloat16, the CPU gains
  /// from it, and `dtype` does not ask for float32.
  DataType vae_dtype = DataType::kAuto;
  /// Adapters that requests apply unless they name others. They act beside the weights, which are
  /// neither copied nor changed and may be quantised.
  std::vector<Adapter> adapters;
  /// Reads the texts of pictures for Request::verify. Without one, such a request is refused.
  std::shared_ptr<TextVerifier> verifier;
  /// Folder of further adapters that requests may name; empty for none. An adapter in it that
  /// cannot be used becomes a warning.
  std::filesystem::path adapter_folder;
};

struct Progress {
  Stage stage = Stage::kReadingWeights;
  int64_t step = 0;  ///< steps done so far
  int64_t total = 0;
  int64_t picture = 0;  ///< index of the current picture, in stages that have one
};

/// Called after every step, and about ten times a second during a long one, on the thread that
/// called generate. Return false to stop: generate then throws Error with ErrorCode::kCancelled.
using ProgressCallback = std::function<bool(const Progress&)>;

/// An early version of a picture that is not finished.
struct Preview {
  Image image;
  int64_t picture = 0;  ///< index of the picture
  int64_t index = 0;    ///< index among the previews of that picture
  /// True: made from the generator's preview grid, before the picture's own tokens exist, and
  /// smaller than the picture. False: the denoiser's current prediction of the picture.
  bool is_draft = false;
};

/// Called for every preview, on the thread that called generate.
using PreviewCallback = std::function<void(const Preview&)>;

/// One part of a checkpoint.
struct ComponentInfo {
  std::string name;   ///< name of its folder
  std::string dtype;  ///< stored type of its weights ("BF16"; "F32, BF16" when mixed)
  int64_t parameters = 0;
  int64_t bytes = 0;         ///< on disk
  int64_t memory_bytes = 0;  ///< of its weights while in use, with the pipeline's options
  bool resident = false;     ///< whether its weights stay in memory between requests
};

/// A prompt that the model follows with this seed and size and its default steps and guidance.
struct ExamplePrompt {
  std::string language;  ///< "fr", "en", …
  std::string prompt;
  uint64_t seed = 0;
  PictureSize size;
};

/// What a model was trained for and its default settings, from glm_image.json in its folder. If the
/// file or a field is missing, the published model's values apply.
struct ModelProfile {
  std::vector<PictureSize> sizes;  ///< training sizes; the first is the default
  int64_t steps = 50;              ///< default number of denoising steps
  double guidance = 1.5;           ///< default guidance
  bool edits = true;               ///< whether the model was trained with condition pictures
  std::vector<ExamplePrompt> examples;
};

/// An adapter that requests may name.
struct AdapterInfo {
  std::string name;                     ///< the file's or folder's name, without ".safetensors"
  std::filesystem::path path;           ///< of its safetensors file
  std::vector<std::string> components;  ///< folders of the parts of the checkpoint that it changes
  int64_t layers = 0;                   ///< number of layers that it changes
  int64_t rank = 0;                     ///< the largest of its layers
  int64_t bytes = 0;                    ///< on disk
  /// Set for an adapter of PipelineOptions::adapters.
  std::optional<double> default_scale;
};

/// The memory of one stage of a request, in bytes.
struct StageMemory {
  std::string stage;      ///< "compose", "encode", "spell", "paint" or "decode"
  std::string component;  ///< whose weights it uses
  int64_t weights = 0;    ///< all weights that it uses, as they are in memory
  int64_t resident = 0;   ///< those that are in memory at the same time
  int64_t streamed = 0;   ///< stored bytes that each run through the model reads again
  int64_t working = 0;    ///< upper bound of everything else that it needs
  int64_t total = 0;      ///< resident, working and the program itself
};

/// The predicted memory of a request. The prediction reads no weights.
struct MemoryPlan {
  int64_t allowed = 0;  ///< 0 without a limit
  /// True: PipelineOptions::max_memory_bytes. False: what the machine can give now.
  bool is_given = false;
  int64_t program = 0;  ///< what the program takes before a model runs
  std::vector<StageMemory> stages;
};

struct ModelInfo {
  std::filesystem::path directory;
  /// The folder's name, or the repository's name in a Hugging Face cache.
  std::string name;
  /// One sentence for each fault that load() tolerates: tensors that no part of the model uses,
  /// files in PipelineOptions::adapter_folder that are no adapters of this model.
  std::vector<std::string> warnings;
  std::vector<ComponentInfo> components;
  std::vector<AdapterInfo> adapters;
  ModelProfile profile;
  std::string device;     ///< on which the pipeline computes
  std::string dtype;      ///< in which it computes
  std::string vae_dtype;  ///< in which the VAE computes
};

/// A loaded GLM-Image checkpoint that generates pictures.
///
///   auto pipeline = glm_image::Pipeline::load("models/glm-image");
///   glm_image::Request request;
///   request.prompt = "Une affiche jaune avec le titre « École de Saaba »";
///   auto result = pipeline.generate(request);
///
/// load() reads all configuration and checks every tensor's name and shape. Weights are read when a
/// stage needs them and released after it, unless PipelineOptions::residency keeps them. Peak
/// memory is therefore that of the largest stage, not the sum of all stages.
///
/// All pipelines of a process share the number of CPU threads, loaded device plugins, the precision
/// of float32 products on CUDA, and the counter of peak memory that StageReport reads. Only one
/// thread at a time may generate with a pipeline or unload it; info() and check() may be called
/// from any thread, even during generate().
class Pipeline {
 public:
  /// `directory` is a checkpoint, or the folder of its repository in a Hugging Face cache. Throws
  /// Error: kNotFound or kCorruptFile for an incomplete or damaged checkpoint, kUnsupported for one
  /// that this library cannot run, kInvalidInput or kNotFound for the device. An adapter that is
  /// missing or does not fit the model throws the same codes.
  static Pipeline load(const std::filesystem::path& directory, const PipelineOptions& options = {});

  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  ~Pipeline();

  const ModelInfo& info() const;

  /// Returns the request with all defaults filled in; generates nothing. Throws Error:
  /// kInvalidInput, naming the field, for a request that cannot be met; naming the stage, if it
  /// needs more memory than is allowed.
  Request check(const Request& request) const;

  /// Returns reasons to expect a poor picture: a size far from the training sizes, or condition
  /// pictures for a model that was not trained for editing. Expects a request that check()
  /// returned; a request without a size gets no warning about the size.
  std::vector<Warning> warnings(const Request& request) const;

  /// Returns what memory the request will take, whether it fits or not. Throws Error as check()
  /// does for a request that cannot be met for other reasons.
  MemoryPlan memory_plan(const Request& request) const;

  /// Generates the pictures. Throws Error: as check() does; kCancelled when the progress callback
  /// returned false; kOutOfMemory; kNotFound or kCorruptFile when the weight files, which are read
  /// again for every stage, have changed since load(); kInternal. Exceptions from callbacks pass
  /// through, except those of std::filesystem, of memory and of LibTorch, which become an Error.
  Result generate(const Request& request,
                  const ProgressCallback& progress = {},
                  const PreviewCallback& preview = {});

  /// Releases the weights that stay in memory between requests. The next request reads them again.
  void unload();

  /// Encodes a picture as visual tokens, for Composition::picture. A picture that is generated from
  /// them shows what the tokens preserve. Throws Error: kInvalidInput if the number of bytes does
  /// not match the size, or a side is not a multiple of 32 from 32 to 4096.
  TokenGrid tokens_of(const Image& image);

 private:
  class Implementation;
  explicit Pipeline(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

/// The version of this library, "0.1.0".
const char* version();

}  // namespace glm_image
