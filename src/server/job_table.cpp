#include "server/job_table.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base64.h"
#include "core/text_format.h"
#include "server/api_error.h"
#include "server/picture_answer.h"

namespace glm_image::server {

class JobTable::Record {
 public:
  std::string id;
  int64_t created = 0;
  std::shared_ptr<Job> job;

  // Written by the worker's thread, once.
  std::mutex mutex;
  ImageRequest wanted;
  std::shared_ptr<const std::vector<Warning>> noticed;
  io::OrderedJson answer;                  ///< with the identifiers of its pictures
  std::optional<Clock::time_point> ended;  ///< when this was first seen

  // The other mutex is held for as long as the pictures are encoded.
  std::mutex preview_mutex;
  ImageRequest preview_form;       ///< the format of previews
  std::optional<Preview> preview;  ///< the newest, while the job is not over
  int64_t previews = 0;            ///< how many there have been

  /// Requires preview_mutex.
  void take_previews() {
    for (auto& taken : job->take_previews()) {
      preview = std::move(taken);
      ++previews;
    }
    if (job->is_over()) preview.reset();
  }
};

namespace {

using State = JobStatus::State;

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// OpenAI's words for the states of its own long jobs, and "cancelled".
const char* status_name(State state) {
  switch (state) {
    case State::kWaiting:
      return "queued";
    case State::kRunning:
      return "in_progress";
    case State::kDone:
      return "completed";
    case State::kFailed:
      return "failed";
    case State::kCancelled:
      return "cancelled";
  }
  return "";
}

OrderedJson error_of(Job& job) {
  try {
    job.take_result();
    return nullptr;
  } catch (const std::exception& error) {
    return OrderedJson::parse(api_error(error).json()).at("error");
  }
}

}  // namespace

JobTable::JobTable(const ModelInfo& model, ResultStore& store) : JobTable(model, store, Limits()) {}

JobTable::JobTable(const ModelInfo& model, ResultStore& store, const Limits& limits)
    : model_(model), store_(store), limits_(limits) {}

std::shared_ptr<JobTable::Record> JobTable::prepare(
    ImageRequest wanted, std::shared_ptr<const std::vector<Warning>> noticed) {
  auto record = std::make_shared<Record>();
  record->id = random_id();
  record->created = unix_seconds();
  record->preview_form.format = wanted.format;
  record->preview_form.compression = wanted.compression;
  record->wanted = std::move(wanted);
  record->noticed = std::move(noticed);
  return record;
}

Keep JobTable::keep(const std::shared_ptr<Record>& record) const {
  return [this, record](const Request& request, Result& result) {
    const std::lock_guard lock(record->mutex);
    auto& wanted = record->wanted;
    wanted.request = request;  // the pictures of an edit may decide its size
    wanted.request.condition_images.clear();
    if (record->noticed != nullptr) wanted.warnings = *record->noticed;
    std::vector<std::string> ids;
    for (const auto& picture : result.pictures) {
      auto bytes = std::make_shared<const std::string>(encode_picture(picture, wanted, model_));
      ids.push_back(store_.keep({std::move(bytes), media_type(wanted.format)}));
    }
    record->answer = answer_json(wanted, result, ids);
    // The store has them.
    for (auto& picture : result.pictures) picture.image.pixels = {};
  };
}

std::string JobTable::add(const std::shared_ptr<Record>& record, std::shared_ptr<Job> job) {
  const std::lock_guard lock(mutex_);
  record->job = std::move(job);
  records_.push_back(record);
  drop_the_old();
  return record->id;
}

void JobTable::drop_the_old() {
  const auto now = Clock::now();
  auto surplus = static_cast<int64_t>(records_.size()) - static_cast<int64_t>(limits_.max_jobs);
  for (auto it = records_.begin(); it != records_.end();) {
    auto& record = **it;
    const bool is_over = record.job->is_over();
    if (is_over && !record.ended) record.ended = now;
    const bool goes = is_over && (surplus > 0 || now - *record.ended > limits_.age);
    surplus -= goes ? 1 : 0;
    it = goes ? records_.erase(it) : std::next(it);
  }
}

std::shared_ptr<JobTable::Record> JobTable::find(const std::string& id) {
  const std::lock_guard lock(mutex_);
  drop_the_old();
  const auto found = std::find_if(
      records_.begin(), records_.end(), [&](const auto& record) { return record->id == id; });
  if (found == records_.end()) {
    throw ApiError(404, "there is no such job, or not any more", "", "not_found");
  }
  return *found;
}

OrderedJson JobTable::facts(Record& record) const {
  const std::lock_guard lock(record.preview_mutex);
  record.take_previews();
  const auto status = record.job->status();
  OrderedJson json = {{"id", record.id},
                      {"object", "image.job"},
                      {"created_at", record.created},
                      {"status", status_name(status.state)},
                      {"position", status.position},
                      {"seconds_left", nullptr}};
  if (status.seconds_left) json["seconds_left"] = *status.seconds_left;
  if (status.state == State::kRunning) {
    json["stage"] = stage_name(status.progress.stage);
    json["step"] = status.progress.step;
    json["total"] = status.progress.total;
    json["image_index"] = status.progress.picture;
    json["previews"] = record.previews;
  }
  return json;
}

OrderedJson JobTable::result(const Record& record, const std::string& address) const {
  auto json = record.answer;
  const char* field = record.wanted.as_url ? "url" : "b64_json";
  for (auto& item : json.at("data")) {
    const auto id = item.at(field).get<std::string>();
    const auto picture = store_.find(id);
    if (!picture) {
      throw ApiError(410, "the pictures of this job are no longer kept", "", "expired");
    }
    item[field] =
        record.wanted.as_url ? concat(address, "/v1/images/", id) : base64(*picture->bytes);
  }
  return json;
}

OrderedJson JobTable::list() {
  std::vector<std::shared_ptr<Record>> records;
  {
    const std::lock_guard lock(mutex_);
    drop_the_old();
    records.assign(records_.rbegin(), records_.rend());
  }
  auto data = OrderedJson::array();
  for (const auto& record : records) data.push_back(facts(*record));
  return {{"object", "list"}, {"data", data}};
}

OrderedJson JobTable::describe(const std::string& id, const std::string& address) {
  const auto record = find(id);
  auto json = facts(*record);
  if (!record->job->is_over()) return json;
  // Over by now, even if it was not when the facts were written.
  json = facts(*record);
  if (json.at("status") == "completed") {
    const std::lock_guard lock(record->mutex);
    json["result"] = result(*record, address);
  } else {
    json["error"] = error_of(*record->job);
  }
  return json;
}

std::optional<ResultStore::Picture> JobTable::preview(const std::string& id) {
  const auto record = find(id);
  const std::lock_guard lock(record->preview_mutex);
  record->take_previews();
  if (!record->preview) return std::nullopt;
  auto bytes =
      std::make_shared<const std::string>(encode_preview(*record->preview, record->preview_form));
  return ResultStore::Picture{std::move(bytes), media_type(record->preview_form.format)};
}

void JobTable::cancel(const std::string& id) {
  find(id)->job->cancel();
}

}  // namespace glm_image::server
