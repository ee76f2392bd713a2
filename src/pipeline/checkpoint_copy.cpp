#include "pipeline/checkpoint_copy.h"

#include <algorithm>

#include "core/atomic_folder.h"
#include "core/output_error.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBytesAtOnce = int64_t{16} << 20;

void check(const std::error_code& error, const fs::path& from) {
  if (!error) return;
  fail_output(error.value(), "cannot copy ", from.string(), ": ", error.message());
}

}  // namespace

void check_copy_output(const fs::path& model, const fs::path& output) {
  if (output.empty()) fail(ErrorCode::kOutput, "the name of the folder to write is empty");
  std::error_code error;
  if (fs::exists(output, error)) {
    fail(ErrorCode::kOutput, output.string(), ": already exists; name another folder");
  }
  const auto inside = fs::weakly_canonical(output, error);
  const auto outer = fs::canonical(model, error);
  const auto end = std::mismatch(outer.begin(), outer.end(), inside.begin(), inside.end()).first;
  if (end == outer.end()) {
    fail(ErrorCode::kOutput,
         output.string(),
         ": lies inside the model's folder ",
         model.string(),
         "; name a folder outside it");
  }
}

void copy_folder(const fs::path& from,
                 const fs::path& to,
                 const std::function<bool(const fs::path&)>& skip) {
  create_folder(to);
  std::error_code error;
  for (const auto& item : fs::directory_iterator(from, error)) {
    if (skip(item.path())) continue;
    fs::copy(item.path(), to / item.path().filename(), fs::copy_options::recursive, error);
    check(error, item.path());
  }
  check(error, from);
}

void copy_tensor(io::SafetensorsWriter& writer,
                 const io::SafetensorsFile& file,
                 const io::TensorEntry& entry,
                 const std::function<void(uint64_t)>& written) {
  for (uint64_t at = entry.begin; at < entry.end; at += kBytesAtOnce) {
    const uint64_t end = std::min<uint64_t>(at + kBytesAtOnce, entry.end);
    writer.write(file.file().bytes().substr(at, end - at));
    file.file().release(at, end);
    written(end - at);
  }
}

}  // namespace glm_image::pipeline
