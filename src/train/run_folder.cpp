#include "train/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/atomic_file.h"
#include "core/error.h"
#include "image/codec.h"
#include "io/json_file.h"
#include "io/safetensors.h"
#include "train/component_files.h"
#include "train/loss_plot.h"

namespace glm_image::train {
namespace {

constexpr const char* kWindow = "metrics_begun";
constexpr int64_t kMaxMetricsBytes = int64_t{1} << 30;

std::string to_line(const Metrics& metrics) {
  nlohmann::ordered_json line = {{"step", metrics.step}};
  for (const auto& [name, value] : metrics.values) line[name] = value;
  return line.dump() + "\n";
}

}  // namespace

RunFolder::RunFolder(std::filesystem::path folder) : folder_(std::move(folder)) {
  create_folder(folder_ / "samples");
  const auto lock_file = folder_ / ".lock";
  // The lock goes when the process does, however it ends.
  lock_ = ::open(lock_file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (lock_ < 0) {
    fail(ErrorCode::kOutput, "cannot write ", lock_file.string(), ": ", std::strerror(errno));
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    fail(ErrorCode::kInvalidInput, folder_.string(), ": another process is training in this run");
  }
  remove_temporary_files();
}

RunFolder::~RunFolder() {
  ::close(lock_);
}

bool RunFolder::has_checkpoint() const {
  return std::filesystem::exists(folder_ / "checkpoint.safetensors");
}

void RunFolder::save_checkpoint(int64_t next_step,
                                const std::string& identity,
                                const NamedTensors& tensors,
                                const MetricsWindow& window) {
  io::write_safetensors(folder_ / "checkpoint.safetensors",
                        tensors,
                        {{"next_step", std::to_string(next_step)},
                         {"identity", identity},
                         {kWindow, window.to_json().dump()}});
}

int64_t RunFolder::load_checkpoint(const std::string& identity,
                                   const NamedTensors& tensors,
                                   MetricsWindow& window) {
  at::NoGradGuard no_grad;
  const auto path = folder_ / "checkpoint.safetensors";
  const auto file = io::SafetensorsFile::open(path);
  const auto& metadata = file->header().metadata;
  const auto stored = metadata.find("identity");
  if (stored == metadata.end() || stored->second != identity) {
    fail(ErrorCode::kInvalidInput,
         path.string(),
         " was made by a run with other settings (",
         stored == metadata.end() ? "unknown" : stored->second,
         " instead of ",
         identity,
         "); give this run another folder, or restore its settings");
  }
  for (const auto& [name, tensor] : tensors) {
    auto target = tensor;
    const auto source = file->tensor(name);
    if (source.sizes() != target.sizes()) {
      fail(ErrorCode::kCorruptFile, path.string(), ": the tensor '", name, "' has another shape");
    }
    target.copy_(source);
  }
  // One line of metrics is not worth refusing a run for.
  const auto begun = metadata.find(kWindow);
  if (begun != metadata.end()) {
    try {
      window = MetricsWindow::from_json(nlohmann::json::parse(begun->second));
    } catch (const nlohmann::json::exception&) {
      window = {};
    }
  }
  const int64_t next_step = std::stoll(metadata.at("next_step"));
  read_metrics(next_step);
  return next_step;
}

void RunFolder::remove_temporary_files() const {
  std::error_code error;
  for (const auto& folder : {folder_, folder_ / "samples"}) {
    for (const auto& item : std::filesystem::directory_iterator(folder, error)) {
      if (is_temporary_file(item.path())) std::filesystem::remove(item.path(), error);
    }
  }
}

void RunFolder::read_metrics(int64_t before_step) {
  const auto path = folder_ / "metrics.jsonl";
  history_.clear();
  if (!std::filesystem::exists(path)) return;
  std::istringstream lines(io::read_text_file(path, kMaxMetricsBytes));
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    // A run that was killed may have left half a line.
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("step")) continue;
    Metrics metrics;
    metrics.step = json["step"].get<int64_t>();
    if (metrics.step >= before_step) continue;
    for (const auto& [name, value] : json.items()) {
      if (name != "step" && value.is_number()) metrics.values[name] = value.get<double>();
    }
    history_.push_back(metrics);
    kept += line + "\n";
  }
  write_file_atomically(path, kept);
}

void RunFolder::append(const Metrics& metrics) {
  history_.push_back(metrics);
  const auto path = folder_ / "metrics.jsonl";
  std::ofstream file(path, std::ios::app);
  file << to_line(metrics) << std::flush;
  if (!file) fail(ErrorCode::kOutput, "cannot write ", path.string());
}

void RunFolder::write_plot() const {
  if (history_.size() < 2) return;
  image::write_image(folder_ / "loss.png", draw_loss_plot(history_));
}

void RunFolder::write_samples(int64_t step, const Image& sheet) const {
  char name[64];
  std::snprintf(name, sizeof name, "step-%07ld.png", static_cast<long>(step));
  image::write_image(folder_ / "samples" / name, sheet);
}

}  // namespace glm_image::train
