#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "train/metrics_lines.h"
#include "train/stage.h"

namespace glm_image::train {

/// How far a run is.
struct RunProgress {
  int64_t next_step = 0;
  /// Steps so far that changed nothing; nothing in checkpoints of versions that did not count them.
  std::optional<int64_t> skipped = 0;
};

/// The folder of a run: checkpoint.safetensors, metrics.jsonl, loss.png, samples/, components/.
class RunFolder {
 public:
  /// Creates what is missing, and keeps other processes out for as long as it lives. Throws kOutput
  /// when the folder cannot be made, kInvalidInput when somebody else trains in it.
  explicit RunFolder(std::filesystem::path folder);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  bool has_checkpoint() const;
  std::filesystem::path checkpoint_file() const { return folder_ / "checkpoint.safetensors"; }
  /// Writes all tensors at once, under a temporary name first. `identity` says what the run is:
  /// resuming with another one is refused. `window`: the line of metrics that is begun.
  void save_checkpoint(const RunProgress& progress,
                       const std::string& identity,
                       const NamedTensors& tensors,
                       const MetricsWindow& window);
  /// Copies the checkpoint into `tensors` and `window` and returns how far the run was. Throws
  /// kInvalidInput when the run was begun with another identity. Throws kCorruptFile naming the
  /// file and the field for what a checkpoint of this run never has: a step that is no whole number
  /// from 0 to kMostSteps; a tensor that is missing, surplus, of another shape or type, or has a
  /// value that is not finite; a damaged window.
  RunProgress load_checkpoint(const std::string& identity,
                              const NamedTensors& tensors,
                              MetricsWindow& window);

  void append(const Metrics& metrics);
  /// Reads the metrics of the steps before `next_step` into the history and removes later ones from
  /// the file: a run that was killed had gone beyond its checkpoint. Throws as read_metrics_lines
  /// does; then the file stays as it is.
  void continue_metrics(int64_t next_step);
  const std::vector<Metrics>& history() const { return history_; }
  /// Draws the curves of the history into loss.png.
  void write_plot() const;
  void write_samples(int64_t step, const Image& sheet) const;
  std::filesystem::path components() const { return folder_ / "components"; }
  const std::filesystem::path& path() const { return folder_; }

 private:
  void remove_temporary_files() const;

  std::filesystem::path folder_;
  int lock_ = -1;
  std::vector<Metrics> history_;
};

}  // namespace glm_image::train
