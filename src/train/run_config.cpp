#include "train/run_config.h"

#include <algorithm>

namespace glm_image::train {
namespace {

constexpr int64_t kMaxConfigBytes = 1 << 20;
constexpr int64_t kLargestSeed = int64_t{1} << 40;

/// The number of the line that holds the last part of a dotted key, or 0.
int64_t line_of(const std::string& text, const std::string& message, const std::string& source) {
  if (message.compare(0, source.size(), source) != 0) return 0;
  const auto begin = source.size() + 2;  // ": "
  const auto end = message.find(' ', begin);
  if (begin >= message.size() || end == std::string::npos) return 0;
  auto key = message.substr(begin, end - begin);
  key = key.substr(key.rfind('.') + 1);
  key = key.substr(0, key.find('['));
  const auto at = text.find('"' + key + '"');
  return at == std::string::npos
             ? 0
             : 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n');
}

}  // namespace

RunConfig RunConfig::load(const std::filesystem::path& file) {
  RunConfig config{{}, {}, {}, {}, 0, {}, io::JsonFields::load(file)};
  const auto& fields = config.fields;
  const auto path = [&](const std::string& key) {
    return (file.parent_path() / fields.required_string(key)).lexically_normal();
  };
  try {
    config.stage = fields.required_string("stage");
    config.run = path("run");
    config.data = path("data");
    config.model = path("model");
    config.seed = static_cast<uint64_t>(fields.optional_int64("seed", 0, 0, kLargestSeed));
    if (fields.has("start")) config.start = path("start");
  } catch (const Error& error) {
    throw with_line(error, file);
  }
  return config;
}

void RunConfig::refuse_unread() const {
  try {
    fields.refuse_unread();
  } catch (const Error& error) {
    throw with_line(error, fields.source());
  }
}

std::filesystem::path RunConfig::folder(const std::string& key) const {
  return (run / fields.required_object(stage).required_string(key)).lexically_normal();
}

Error with_line(const Error& error, const std::filesystem::path& file) {
  const std::string message = error.what();
  const auto line = line_of(io::read_text_file(file, kMaxConfigBytes), message, file.string());
  if (line == 0) return error;
  return Error(error.code(),
               concat(file.string(), ", line ", line, message.substr(file.string().size())));
}

}  // namespace glm_image::train
