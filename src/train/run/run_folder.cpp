#include "train/run/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "core/atomic_file.h"
#include "core/output_error.h"
#include "image/codec.h"
#include "io/json_file.h"
#include "io/safetensors.h"
#include "io/shown.h"
#include "io/weight_binding.h"
#include "train/config/run_limits.h"
#include "train/config/stage_names.h"
#include "train/weights/component_files.h"
#include "train/weights/finite_weights.h"
#include "train/weights/training_file.h"

namespace glm_image::train {
namespace {

constexpr const char* kNextStep = "next_step";
constexpr const char* kSkipped = "skipped";
constexpr const char* kIdentity = "identity";
constexpr const char* kWindow = "metrics_begun";
constexpr int64_t kMaxMetricsBytes = int64_t{1} << 30;

/// Also true for a dangling link. Opening it then reports the error, and a run does not restart
/// because a disk is not mounted.
bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::symlink_status(path, error).type() !=
         std::filesystem::file_type::not_found;
}

/// An identity begins with its stage, which may have been renamed since the checkpoint was written.
std::string with_present_name(const std::string& identity) {
  const auto end = std::min(identity.find(' '), identity.size());
  return present_stage_name(identity.substr(0, end)) + identity.substr(end);
}

/// The settings of an identity, which are separated by commas.
std::vector<std::string> settings_of(const std::string& identity) {
  constexpr const char* kSeparator = ", ";
  std::vector<std::string> settings;
  for (std::size_t begin = 0; begin < identity.size();) {
    const auto end = std::min(identity.find(kSeparator, begin), identity.size());
    settings.push_back(identity.substr(begin, end - begin));
    begin = end + std::strlen(kSeparator);
  }
  return settings;
}

/// The settings of `identity` that `other` does not have, for a message.
std::string settings_without(const std::string& identity, const std::string& other) {
  const auto others = settings_of(other);
  std::string list;
  for (const auto& setting : settings_of(identity)) {
    if (std::find(others.begin(), others.end(), setting) != others.end()) continue;
    list += (list.empty() ? "" : ", ") + setting;
  }
  return list.empty() ? "nothing" : io::printable(list);
}

/// Validated access to a checkpoint's metadata.
class CheckpointFields {
 public:
  explicit CheckpointFields(const io::SafetensorsFile& file)
      : source_(file.file().path().string()), fields_(file.header().metadata) {}

  bool has(const char* name) const { return fields_.count(name) > 0; }

  const std::string& text(const char* name) const {
    const auto found = fields_.find(name);
    if (found == fields_.end()) {
      fail(ErrorCode::kCorruptFile, source_, ": has no field '", name, "'");
    }
    return found->second;
  }

  int64_t whole_number(const char* name, int64_t most) const {
    const auto& digits = text(name);
    const char* end = digits.data() + digits.size();
    int64_t number = -1;
    const auto read = std::from_chars(digits.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || number < 0 || number > most) {
      const io::Json found = digits;
      fail(ErrorCode::kCorruptFile,
           source_,
           ": ",
           name,
           " must be a whole number from 0 to ",
           most,
           ", found ",
           io::shown(&found));
    }
    return number;
  }

  io::JsonFields object(const char* name) const {
    const auto source = concat(source_, ": ", name);
    return io::JsonFields(io::parse_json(text(name), source), source);
  }

 private:
  std::string source_;
  const std::map<std::string, std::string>& fields_;
};

std::shared_ptr<const io::SafetensorsFile> open_checkpoint(const std::filesystem::path& file) {
  return open_training_file(
      file,
      ": is cut short or damaged, so that the run cannot continue from it; put a copy of it here, "
      "or remove it to start the run again from its first step");
}

/// Throws kInvalidInput if the checkpoint was made with another identity.
void require_identity(const io::SafetensorsFile& file, const std::string& identity) {
  const auto stored = with_present_name(CheckpointFields(file).text(kIdentity));
  if (stored == identity) return;
  fail(ErrorCode::kInvalidInput,
       file.file().path().string(),
       " was made by a run with other settings (",
       settings_without(stored, identity),
       " instead of ",
       settings_without(identity, stored),
       "); name another folder or output for this run, or restore its settings");
}

/// Throws kCorruptFile if the file has a tensor that is not in `tensors`.
void check_names(const io::SafetensorsFile& file, const NamedTensors& tensors) {
  std::set<std::string> expected;
  for (const auto& [name, tensor] : tensors) expected.insert(name);
  for (const auto& [name, entry] : file.header().tensors) {
    if (expected.count(name) > 0) continue;
    fail(ErrorCode::kCorruptFile,
         file.file().path().string(),
         ": the tensor ",
         io::shown_name(name),
         " belongs to no part of this run");
  }
}

void copy_tensor(const io::SafetensorsFile& file, const std::string& name, const Tensor& target) {
  const auto path = file.file().path().string();
  const auto source = file.tensor(name);
  if (source.sizes() != target.sizes() || source.scalar_type() != target.scalar_type()) {
    fail(ErrorCode::kCorruptFile,
         path,
         ": the tensor '",
         name,
         "' must be ",
         c10::toString(target.scalar_type()),
         " ",
         io::shape_text(target.sizes()),
         ", found ",
         c10::toString(source.scalar_type()),
         " ",
         io::shape_text(source.sizes()));
  }
  check_finite(path, name, source);
  target.copy_(source);
}

}  // namespace

RunFolder::RunFolder(std::filesystem::path folder) : folder_(std::move(folder)) {
  create_folder(folder_ / "samples");
  const auto lock_file = folder_ / ".lock";
  // The system releases the lock when the process ends, even if it is killed.
  lock_ = ::open(lock_file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (lock_ < 0) {
    fail_output(errno, "cannot write ", lock_file.string(), ": ", std::strerror(errno));
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
  return is_there(checkpoint_file());
}

void RunFolder::save_checkpoint(const RunProgress& progress,
                                const std::string& identity,
                                const NamedTensors& tensors,
                                const MetricsWindow& window) {
  io::write_safetensors(checkpoint_file(),
                        tensors,
                        {{kNextStep, std::to_string(progress.next_step)},
                         {kSkipped, std::to_string(progress.skipped.value_or(0))},
                         {kIdentity, identity},
                         {kWindow, window.to_json().dump()}});
}

void RunFolder::check_settings(const std::string& identity) const {
  if (has_checkpoint()) require_identity(*open_checkpoint(checkpoint_file()), identity);
}

RunProgress RunFolder::load_checkpoint(const std::string& identity,
                                       const NamedTensors& tensors,
                                       MetricsWindow& window) {
  at::NoGradGuard no_grad;
  const auto file = open_checkpoint(checkpoint_file());
  require_identity(*file, identity);
  const CheckpointFields fields(*file);
  RunProgress progress;
  progress.next_step = fields.whole_number(kNextStep, kMostSteps);
  progress.skipped = std::nullopt;
  if (fields.has(kSkipped)) progress.skipped = fields.whole_number(kSkipped, progress.next_step);
  window = MetricsWindow::from_json(fields.object(kWindow), progress.next_step);
  check_names(*file, tensors);
  for (const auto& [name, tensor] : tensors) copy_tensor(*file, name, tensor);
  return progress;
}

void RunFolder::remove_temporary_files() const {
  for (const auto& folder : {folder_, folder_ / "samples"}) {
    std::error_code error;
    std::filesystem::directory_iterator item(folder, error), end;
    for (; !error && item != end; item.increment(error)) {
      std::error_code ignored;
      if (is_temporary_file(item->path())) std::filesystem::remove(item->path(), ignored);
    }
  }
}

void RunFolder::continue_metrics(int64_t next_step) {
  const auto path = folder_ / "metrics.jsonl";
  history_.clear();
  if (!is_there(path)) return;
  std::string kept;
  for (auto& line : read_metrics_lines(io::read_text_file(path, kMaxMetricsBytes), path.string())) {
    if (line.metrics.step >= next_step) break;
    history_.push_back(std::move(line.metrics));
    kept += line.text + "\n";
  }
  write_file_atomically(path, kept);
}

void RunFolder::append(const Metrics& metrics) {
  history_.push_back(metrics);
  const auto path = folder_ / "metrics.jsonl";
  errno = 0;
  std::ofstream file(path, std::ios::app);
  file << to_line(metrics) << std::flush;
  if (!file) fail_output(errno, "cannot write ", path.string(), ": ", std::strerror(errno));
}

void RunFolder::write_samples(int64_t step, const Image& sheet) const {
  char name[64];
  std::snprintf(name, sizeof name, "step-%07ld.png", static_cast<long>(step));
  image::write_image(folder_ / "samples" / name, sheet);
}

}  // namespace glm_image::train
