#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "glm_image/error.h"
#include "glm_image/request.h"

namespace glm_image {

/// Number type of the weights and activations. The VAE always computes in float32.
enum class DataType {
  kAuto,  ///< the checkpoint's own, or float32 where the device is slow at it
  kFloat32,
  kBFloat16,
};

/// Which stages keep their weights in memory from one request to the next.
enum class Residency {
  kNone,  ///< each stage lets go of its weights: the smallest memory, and every request reads them
  kAuto,  ///< as many as fit into max_memory_bytes beside the largest that does not stay
  kAll,
};

struct PipelineOptions {
  /// "cpu", "cuda", "cuda:1", or a device that the plugin registers ("npu:0").
  std::string device = "cpu";
  /// Library of a LibTorch device plugin to load first; empty for none.
  std::string device_plugin;
  DataType dtype = DataType::kAuto;
  /// CPU threads, of the whole process; 0 leaves them as they are.
  int threads = 0;
  Residency residency = Residency::kNone;
  /// What the weights in memory may take, for Residency::kAuto. 0: three quarters of the memory
  /// that is free when the model is loaded; on a device other than the CPU, whose memory
  /// LibTorch 1.13 does not tell, nothing stays then.
  int64_t max_memory_bytes = 0;
  /// Refuse weights that no part of the model uses, instead of a warning.
  bool strict = false;
};

struct Progress {
  Stage stage = Stage::kReadingWeights;
  int64_t step = 0;  ///< done so far
  int64_t total = 0;
  int64_t picture = 0;  ///< index of the picture at work, where a stage has one
};

/// Called after every step, on the thread that called generate. Return false to stop: generate then
/// throws Error with ErrorCode::kCancelled.
using ProgressCallback = std::function<bool(const Progress&)>;

/// An early look at a picture that is not finished.
struct Preview {
  Image image;
  int64_t picture = 0;  ///< index of the picture
  int64_t index = 0;    ///< of this look at that picture, from 0
  /// Painted from the generator's preview grid, before the picture's own tokens are written.
  /// Smaller than the picture. Otherwise what the denoiser now expects.
  bool is_draft = false;
};

/// Called for every early look, on the thread that called generate.
using PreviewCallback = std::function<void(const Preview&)>;

/// One part of a checkpoint.
struct ComponentInfo {
  std::string name;   ///< its folder
  std::string dtype;  ///< of its weights, as stored ("BF16"; "F32, BF16" when mixed)
  int64_t parameters = 0;
  int64_t bytes = 0;         ///< on disk
  int64_t memory_bytes = 0;  ///< of its weights while it is in use, with the pipeline's options
  bool resident = false;     ///< whether its weights stay in memory between requests
};

/// Pixels.
struct PictureSize {
  int64_t width = 0;
  int64_t height = 0;
};

/// A prompt that the model draws as it says, with this seed, at this size, and with the model's own
/// steps and guidance.
struct ExamplePrompt {
  std::string language;  ///< "fr", "en", …
  std::string prompt;
  uint64_t seed = 0;
  PictureSize size;
};

/// What a model was trained for and how to ask it, from glm_image.json in its folder. What that
/// file leaves out, or a model without the file, has the published model's values.
struct ModelProfile {
  std::vector<PictureSize> sizes;  ///< at which the model was trained; the first is the default
  int64_t steps = 50;              ///< of a request that leaves them alone
  double guidance = 1.5;           ///< of a request that leaves it alone
  bool edits = true;               ///< whether the model was trained to draw from other pictures
  std::vector<ExamplePrompt> examples;
};

struct ModelInfo {
  std::filesystem::path directory;
  /// What the model is called: its folder's name, or the repository's in a Hugging Face cache.
  std::string name;
  /// What load() noticed and went on with, one sentence each: tensors that no part of the model
  /// uses.
  std::vector<std::string> warnings;
  std::vector<ComponentInfo> components;
  ModelProfile profile;
  std::string device;  ///< where the pipeline computes
  std::string dtype;   ///< in which it computes
};

/// A GLM-Image checkpoint, ready to draw.
///
///   auto pipeline = glm_image::Pipeline::load("models/glm-image");
///   glm_image::Request request;
///   request.prompt = "Une affiche jaune avec le titre « École de Saaba »";
///   auto result = pipeline.generate(request);
///
/// load() reads all configuration and checks every tensor's name and shape; weights are read when a
/// stage needs them and, unless PipelineOptions::residency keeps them, released after it, so that
/// the peak is the largest stage and not the sum.
///
/// Pipelines share what LibTorch and the system keep for a whole process: the number of CPU
/// threads, loaded device plugins, the precision of float32 products on CUDA, and the counter of
/// peak memory that StageReport reads. One pipeline may draw for one thread at a
/// time; info() and check() may be called from any thread, even while it draws.
class Pipeline {
 public:
  /// `directory`: a checkpoint, or the folder of its repository in a Hugging Face cache. Throws
  /// Error: kNotFound or kCorruptFile for a checkpoint that lacks something, kUnsupported
  /// for one that this program cannot compute, kInvalidInput or kNotFound for the device.
  static Pipeline load(const std::filesystem::path& directory, const PipelineOptions& options = {});

  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  ~Pipeline();

  const ModelInfo& info() const;

  /// The request with everything filled in that it leaves to the model. Computes nothing. Throws
  /// Error: kInvalidInput naming the field of a request that cannot be met.
  Request check(const Request& request) const;

  /// Reasons to expect a poor picture: a size far from those that the model was trained at, or
  /// pictures to start from with a model that was not trained for editing. Of a request as check()
  /// returned it; one that leaves its size to the model has no warning about the size.
  std::vector<Warning> warnings(const Request& request) const;

  /// Draws. Throws Error: as check() does; kCancelled when the progress callback returned false;
  /// kOutOfMemory; kNotFound or kCorruptFile when weights, which are read again for every stage,
  /// are no longer what load() saw; kInternal. What a callback throws comes through as it is, but
  /// for exceptions of the file system, of memory and of LibTorch: they become an Error.
  Result generate(const Request& request,
                  const ProgressCallback& progress = {},
                  const PreviewCallback& preview = {});

  /// The visual tokens of a picture, as a Composition's `picture`: painted again they show what the
  /// tokens keep of it. Throws Error: kInvalidInput for a picture that is not whole or whose sides
  /// are not multiples of 32 from 32 to 4096.
  TokenGrid tokens_of(const Image& image);

 private:
  class Implementation;
  explicit Pipeline(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

/// The version of this library, "0.1.0".
const char* version();

}  // namespace glm_image
