#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "train/metrics_window.h"
#include "train/stage.h"

namespace glm_image::train {

/// One line of metrics.jsonl.
struct Metrics {
  int64_t step = 0;
  Measured values;
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
  /// Writes all tensors at once, under a temporary name first. `identity` says what the run is:
  /// resuming with another one is refused. `window`: the line of metrics that is begun.
  void save_checkpoint(int64_t next_step,
                       const std::string& identity,
                       const NamedTensors& tensors,
                       const MetricsWindow& window);
  /// Copies the checkpoint into `tensors` and `window`, drops metrics of later steps, and returns
  /// the step to go on with. Throws kInvalidInput when the run was begun with another identity,
  /// kCorruptFile for a checkpoint that does not fit.
  int64_t load_checkpoint(const std::string& identity,
                          const NamedTensors& tensors,
                          MetricsWindow& window);

  void append(const Metrics& metrics);
  /// Drops the metrics of a run that was stopped before its first checkpoint.
  void forget_metrics() { read_metrics(0); }
  const std::vector<Metrics>& history() const { return history_; }
  /// Draws the curves of the history into loss.png.
  void write_plot() const;
  void write_samples(int64_t step, const Image& sheet) const;
  std::filesystem::path components() const { return folder_ / "components"; }
  const std::filesystem::path& path() const { return folder_; }

 private:
  void read_metrics(int64_t before_step);
  void remove_temporary_files() const;

  std::filesystem::path folder_;
  int lock_ = -1;
  std::vector<Metrics> history_;
};

}  // namespace glm_image::train
