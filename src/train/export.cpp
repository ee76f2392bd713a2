#include "train/export.h"

#include <map>

#include "core/atomic_folder.h"
#include "core/error.h"
#include "pipeline/checkpoint.h"
#include "train/component_files.h"
#include "train/scene_codes.h"

namespace glm_image::train {
namespace {

namespace fs = std::filesystem;

struct Part {
  const char* stage;
  const char* name;
};

/// What every stage brings. The tokenizer's half of vision_language_encoder is inside the
/// generator's.
constexpr Part kParts[] = {{"vocabulary", "model_index.json"},
                           {"vocabulary", "processor"},
                           {"vocabulary", "tokenizer"},
                           {"vocabulary", "scheduler"},
                           {"vae", "vae"},
                           {"decoder", "transformer"},
                           {"decoder", "text_encoder"},
                           {"generator", "vision_language_encoder"}};

/// What training on needs beside the published layout; a checkpoint of elsewhere has none.
constexpr Part kTeacher = {"tokenizer", kCodeTeacher};

bool is_part(const fs::path& name) {
  if (name == kTeacher.name) return true;
  for (const auto& part : kParts) {
    if (name == part.name) return true;
  }
  return false;
}

void copy_part(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy(from, to, fs::copy_options::recursive, error);
  if (error) {
    fail(ErrorCode::kOutput,
         "cannot copy ",
         from.string(),
         " to ",
         to.string(),
         ": ",
         error.message());
  }
}

fs::path trained_part(const Part& part, const fs::path& runs) {
  return runs / part.stage / "components" / part.name;
}

/// Nothing where neither has it.
fs::path find_part(const Part& part, const fs::path& runs, const fs::path& base) {
  std::error_code error;
  auto trained = trained_part(part, runs);
  if (fs::exists(trained, error)) return trained;
  if (base.empty() || !fs::exists(base / part.name, error)) return {};
  return base / part.name;
}

fs::path source_of(const Part& part, const fs::path& runs, const fs::path& base) {
  auto found = find_part(part, runs, base);
  if (!found.empty()) return found;
  if (!base.empty()) fail(ErrorCode::kNotFound, (base / part.name).string(), ": is not there");
  fail(ErrorCode::kNotFound,
       trained_part(part, runs).string(),
       ": is not there; train the stage '",
       part.stage,
       "' first");
}

}  // namespace

void export_checkpoint(const fs::path& runs, const fs::path& output, const fs::path& base) {
  const auto target = fs::absolute(output / "").lexically_normal().parent_path();
  std::error_code error;
  AtomicFolder::recover(target);
  const bool replaces = fs::exists(target, error);
  if (replaces && !fs::exists(target / "model_index.json", error)) {
    fail(ErrorCode::kOutput,
         output.string(),
         ": is there already and is not a model; name another folder");
  }
  std::map<std::string, fs::path> sources;
  for (const auto& part : kParts) sources[part.name] = source_of(part, runs, base);
  const auto teacher = find_part(kTeacher, runs, base);
  if (!teacher.empty()) sources[kTeacher.name] = teacher;

  AtomicFolder made(target);
  for (const auto& [name, source] : sources) copy_part(source, made.path() / name);
  if (replaces) {
    for (const auto& item : fs::directory_iterator(target)) {
      const auto name = item.path().filename();
      if (!is_part(name)) copy_part(item.path(), made.path() / name);
    }
  }
  pipeline::Checkpoint::open(made.path(), {});
  made.take_place();
}

}  // namespace glm_image::train
