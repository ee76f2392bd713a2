#include "train/weights/export.h"

#include <algorithm>
#include <map>

#include "core/atomic_folder.h"
#include "core/output_error.h"
#include "models/layout.h"
#include "pipeline/checkpoint.h"
#include "train/config/stage_names.h"
#include "train/weights/component_files.h"

namespace glm_image::train {
namespace {

namespace fs = std::filesystem;

/// The components of a checkpoint and the stages that write them. The generator's
/// vision_language_encoder includes the part of the stage "vq".
const std::vector<ExportedPart> kParts = {{"vocabulary", "model_index.json"},
                                          {"vocabulary", models::kProcessor},
                                          {"vocabulary", models::kTokenizer},
                                          {"vocabulary", models::kScheduler},
                                          {kVaeStage, models::kVae},
                                          {kTransformerStage, models::kTransformer},
                                          {kTransformerStage, models::kTextEncoder},
                                          {kGeneratorStage, models::kVisionLanguage}};

bool is_part(const fs::path& name, const std::vector<ExportedPart>& parts) {
  return std::any_of(
      parts.begin(), parts.end(), [&](const ExportedPart& part) { return name == part.name; });
}

void copy_part(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy(from, to, fs::copy_options::recursive, error);
  if (error) {
    fail_output(
        error.value(), "cannot copy ", from.string(), " to ", to.string(), ": ", error.message());
  }
}

/// The run's folder may have the stage's former name.
fs::path trained_part(const ExportedPart& part, const fs::path& runs) {
  const auto in = [&](const std::string& stage) { return runs / stage / "components" / part.name; };
  const char* old_name = old_stage_name(part.stage);
  std::error_code error;
  if (old_name != nullptr && !fs::exists(in(part.stage), error) &&
      fs::exists(in(old_name), error)) {
    return in(old_name);
  }
  return in(part.stage);
}

/// Returns an empty path if neither folder has the part.
fs::path find_part(const ExportedPart& part, const fs::path& runs, const fs::path& base) {
  std::error_code error;
  auto trained = trained_part(part, runs);
  if (fs::exists(trained, error)) return trained;
  if (base.empty() || !fs::exists(base / part.name, error)) return {};
  return base / part.name;
}

fs::path source_of(const ExportedPart& part, const fs::path& runs, const fs::path& base) {
  auto found = find_part(part, runs, base);
  if (!found.empty()) return found;
  if (!base.empty()) fail(ErrorCode::kNotFound, (base / part.name).string(), ": does not exist");
  fail(ErrorCode::kNotFound,
       trained_part(part, runs).string(),
       ": does not exist; train the stage '",
       part.stage,
       "' first");
}

}  // namespace

void export_checkpoint(const fs::path& runs,
                       const fs::path& output,
                       const fs::path& base,
                       const std::vector<ExportedPart>& optional_parts) {
  const auto target = fs::absolute(output / "").lexically_normal().parent_path();
  std::error_code error;
  AtomicFolder::recover(target);
  const bool replaces = fs::exists(target, error);
  if (replaces && !fs::exists(target / "model_index.json", error)) {
    fail(ErrorCode::kOutput,
         output.string(),
         ": already exists and is not a model; choose another folder");
  }
  std::map<std::string, fs::path> sources;
  for (const auto& part : kParts) sources[part.name] = source_of(part, runs, base);
  for (const auto& part : optional_parts) {
    const auto source = find_part(part, runs, base);
    if (!source.empty()) sources[part.name] = source;
  }

  AtomicFolder made(target);
  for (const auto& [name, source] : sources) copy_part(source, made.path() / name);
  if (replaces) {
    for (const auto& item : fs::directory_iterator(target)) {
      const auto name = item.path().filename();
      if (!is_part(name, kParts) && !is_part(name, optional_parts))
        copy_part(item.path(), made.path() / name);
    }
  }
  pipeline::Checkpoint::open(made.path(), {});
  made.take_place();
}

}  // namespace glm_image::train
