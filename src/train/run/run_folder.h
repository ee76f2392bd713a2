#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "train/run/metrics_lines.h"
#include "train/stage.h"

namespace glm_image::train {

/// Progress of a run.
struct RunProgress {
  int64_t next_step = 0;
  /// Number of skipped steps; nothing for checkpoints of versions that did not store it.
  std::optional<int64_t> skipped = 0;
};

/// The folder of a run: checkpoint.safetensors, metrics.jsonl, samples/, components/.
class RunFolder {
 public:
  /// Creates missing folders and locks the run for the lifetime of this object. Throws kOutput if
  /// the folder cannot be created or locked, kInvalidInput if another process has locked it.
  explicit RunFolder(std::filesystem::path folder);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  bool has_checkpoint() const;
  std::filesystem::path checkpoint_file() const { return folder_ / "checkpoint.safetensors"; }
  /// Writes the checkpoint atomically. `identity` describes the run's settings; resuming with
  /// another identity is refused. `window`: the line of metrics in progress.
  void save_checkpoint(const RunProgress& progress,
                       const std::string& identity,
                       const NamedTensors& tensors,
                       const MetricsWindow& window);
  /// Throws kInvalidInput, with the settings that differ, if there is a checkpoint of another
  /// identity; kCorruptFile for a checkpoint without one. For use before long work.
  void check_settings(const std::string& identity) const;
  /// Copies the checkpoint into `tensors` and `window` and returns the run's progress. Throws as
  /// check_settings does. Throws kCorruptFile naming the file and the field for
  /// - a step that is not an integer from 0 to kMostSteps;
  /// - a tensor that is missing, unexpected, of another shape or type, or not finite;
  /// - an invalid window.
  RunProgress load_checkpoint(const std::string& identity,
                              const NamedTensors& tensors,
                              MetricsWindow& window);

  void append(const Metrics& metrics);
  /// Reads the metrics of steps before `next_step` into the history and deletes later ones from the
  /// file, which a killed run wrote after its last checkpoint. Throws as read_metrics_lines does
  /// and then leaves the file unchanged.
  void continue_metrics(int64_t next_step);
  const std::vector<Metrics>& history() const { return history_; }
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
