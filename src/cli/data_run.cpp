#include "cli/data_run.h"

#include <cstdlib>
#include <iostream>
#include <optional>

#include "cli/interrupt.h"
#include "cli/model_location.h"
#include "cli/status_line.h"
#include "cli/translation.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "image/codec.h"
#include "pipeline/checkpoint.h"
#include "train/data/caption_check.h"
#include "train/data/data_report.h"

namespace glm_image::cli {
namespace {

/// The checkpoint of --model or $GLM_IMAGE_MODEL; nullopt if neither is given. Does not use the
/// model that ships: its context has another length.
std::optional<pipeline::Checkpoint> given_checkpoint(const DataCheckOptions& options) {
  const char* variable = std::getenv("GLM_IMAGE_MODEL");
  if (options.model.empty() && (variable == nullptr || *variable == 0)) return std::nullopt;
  return pipeline::Checkpoint::open(locate_model(options.model), {});
}

}  // namespace

void run_data_check(const DataCheckOptions& options) {
  check_writable(options.sheet);
  StatusLine status;
  train::FolderDataset data({options.folder, options.trigger}, [&](int64_t done, int64_t total) {
    if (interrupted_by() != 0) {
      fail(ErrorCode::kCancelled, "stopped");
    }
    status.show(tr("read %1 of %2 pictures", {std::to_string(done), std::to_string(total)}),
                done == total);
  });
  if (data.contains(options.sheet)) {
    fail(ErrorCode::kInvalidInput,
         options.sheet,
         ": is a picture of the data set; name another file with --output");
  }
  const train::AspectBuckets buckets(options.size);
  const auto checkpoint = given_checkpoint(options);
  if (checkpoint) train::refuse_unreadable_captions(data, buckets, *checkpoint);
  std::cout << train::describe_data(data, buckets, translated);
  if (data.size() == 0) {
    fail(ErrorCode::kInvalidInput, options.folder, ": has no picture that can be used");
  }
  if (!checkpoint) {
    std::cout << '\n'
              << tr("With --model, captions that are too long for the model are found too.")
              << '\n';
  }
  image::write_image(options.sheet, train::data_sheet(data, buckets));
  std::cout << '\n' << tr("The pictures as they are trained: %1", {options.sheet}) << '\n';
}

}  // namespace glm_image::cli
