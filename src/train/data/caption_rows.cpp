#include "train/data/caption_rows.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/joined.h"
#include "core/prefix.h"
#include "glm_image/limits.h"
#include "io/json_file.h"
#include "io/json_parse.h"
#include "io/shown.h"
#include "io/text_input.h"
#include "pipeline/picture_metadata.h"
#include "text/unicode.h"
#include "train/data/csv.h"

namespace glm_image::train {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxMetadataBytes = int64_t{64} << 20;
constexpr auto kMaxCaptionBytes = static_cast<int64_t>(limits::kMaxPromptBytes);

std::string trimmed(const std::string& text) {
  constexpr const char* kSpace = " \t\n\r\f\v";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

/// Also true for a dangling link: reading it then reports the error.
bool names_an_entry(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

/// A pipe would wait for a writer.
void require_file(const fs::path& file, const std::string& shown) {
  if (!io::is_stream(file.string())) return;
  fail(ErrorCode::kInvalidInput, shown, ": is not a regular file");
}

enum class FileKind { kPicture, kOtherPicture, kOther };

/// Classifies a file by the ending of its name.
FileKind kind_of(const fs::path& file) {
  static const std::set<std::string> kRead = {".png", ".jpg", ".jpeg", ".jfif", ".webp"};
  static const std::set<std::string> kNotRead = {
      ".avif", ".bmp", ".gif", ".heic", ".heif", ".jxl", ".tif", ".tiff"};
  auto extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char letter) {
    return static_cast<char>(std::tolower(letter));
  });
  if (kRead.count(extension) > 0) return FileKind::kPicture;
  return kNotRead.count(extension) > 0 ? FileKind::kOtherPicture : FileKind::kOther;
}

bool is_hidden(const fs::path& file) {
  return file.filename().string().front() == '.';
}

bool has_pictures(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator item(folder, error), end;
  for (; !error && item != end; item.increment(error)) {
    if (!is_hidden(item->path()) && kind_of(item->path()) == FileKind::kPicture) return true;
  }
  return false;
}

bool has_zero_byte(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

/// The position of the first control character of ASCII other than a tab and a line break.
std::optional<std::size_t> first_control(const std::string& text) {
  const auto at = std::find_if(text.begin(), text.end(), [](unsigned char letter) {
    return (letter < ' ' && letter != '\t' && letter != '\n' && letter != '\r') || letter == 0x7f;
  });
  if (at == text.end()) return std::nullopt;
  return at - text.begin();
}

/// "U+001B".
std::string code_point_name(char letter) {
  char name[16];
  std::snprintf(name, sizeof name, "U+%04X", static_cast<unsigned>(letter));
  return name;
}

/// Adds the row if it can be used, otherwise the reason why not.
void add_row(CaptionRow row, CaptionRows& rows) {
  row.caption = trimmed(row.caption);
  const auto refuse = [&](const auto&... reason) {
    rows.refused.push_back(concat(row.source, ": ", reason...));
  };
  if (row.file.empty()) return refuse("file_name is empty");
  // The system would open the file whose name ends at the zero byte.
  if (has_zero_byte(row.file)) return refuse("file_name holds a zero byte");
  for (const auto& file : row.references) {
    if (file.empty()) return refuse("reference has an empty name");
    if (has_zero_byte(file)) return refuse("reference holds a zero byte");
  }
  if (row.caption.empty()) return refuse("the caption is empty");
  if (row.caption.size() > static_cast<std::size_t>(kMaxCaptionBytes)) {
    return refuse("the caption has more than ", kMaxCaptionBytes, " bytes");
  }
  if (const auto at = text::first_invalid_utf8(row.caption)) {
    return refuse("the caption is not UTF-8 at its byte ", *at);
  }
  if (const auto at = first_control(row.caption)) {
    const auto name = code_point_name(row.caption[*at]);
    return refuse("the caption has the control character ", name, " at its byte ", *at);
  }
  rows.rows.push_back(std::move(row));
}

CaptionRow row_of_json(const io::JsonFields& fields) {
  CaptionRow row;
  row.file = fields.required_string("file_name");
  row.caption = fields.required_string("text");
  row.repeats = fields.optional_int64("repeats", 1, 1, kMaxRepeats);
  if (fields.has("reference")) {
    if (fields.json().at("reference").is_array()) {
      row.references = fields.required_string_list("reference");
    } else {
      row.references = {fields.required_string("reference")};
    }
  }
  return row;
}

CaptionRows rows_of_jsonl(const fs::path& file) {
  CaptionRows rows;
  const auto text = io::read_text_input(file.string(), kMaxMetadataBytes);
  int64_t line = 0;
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    ++line;
    // Not trimmed, so that messages give byte positions in the file's line.
    const std::string_view content(text.data() + begin, end - begin);
    if (trimmed(std::string(content)).empty()) continue;
    const auto source = concat(file.filename().string(), ", line ", line);
    try {
      auto row = row_of_json(io::JsonFields(io::parse_json_line(content, source), source));
      row.source = source;
      add_row(std::move(row), rows);
    } catch (const Error& error) {
      rows.refused.push_back(error.what());
    }
  }
  return rows;
}

CaptionRows rows_of_csv(const fs::path& file) {
  CaptionRows rows;
  const auto name = file.filename().string();
  const auto records = parse_csv(io::read_text_input(file.string(), kMaxMetadataBytes), name);
  if (records.empty()) return rows;
  const auto& header = records.front().fields;
  const auto column = [&](const char* title) {
    return static_cast<std::size_t>(std::find(header.begin(), header.end(), title) -
                                    header.begin());
  };
  if (header.size() == 1 && header.front().find_first_of(";\t") != std::string::npos) {
    fail(ErrorCode::kCorruptFile,
         name,
         ", line ",
         records.front().line,
         ": columns must be separated by commas; found ",
         io::shown_name(header.front()));
  }
  for (const char* title : {"file_name", "text", "reference", "repeats"}) {
    if (std::count(header.begin(), header.end(), title) <= 1) continue;
    fail(ErrorCode::kCorruptFile,
         name,
         ", line ",
         records.front().line,
         ": the column ",
         title,
         " is named twice");
  }
  for (const char* title : {"file_name", "text"}) {
    if (column(title) == header.size()) {
      fail(ErrorCode::kCorruptFile,
           name,
           ", line ",
           records.front().line,
           ": the first line must name the columns, among them file_name and text; ",
           title,
           " is missing");
    }
  }
  for (std::size_t i = 1; i < records.size(); ++i) {
    const auto& fields = records[i].fields;
    CaptionRow row;
    row.source = concat(name, ", line ", records[i].line);
    if (fields.size() != header.size()) {
      rows.refused.push_back(concat(row.source,
                                    ": has ",
                                    fields.size(),
                                    " fields, the first line ",
                                    header.size(),
                                    "; a text with a comma needs quotation marks around it"));
      continue;
    }
    const auto field = [&](const char* title) {
      const auto at = column(title);
      return at == header.size() ? std::string() : fields[at];
    };
    row.file = field("file_name");
    row.caption = field("text");
    if (auto reference = field("reference"); !reference.empty()) {
      row.references = {std::move(reference)};
    }
    if (const auto repeats = field("repeats"); !repeats.empty()) {
      const auto* end = repeats.data() + repeats.size();
      const auto read = std::from_chars(repeats.data(), end, row.repeats);
      if (read.ec != std::errc() || read.ptr != end || row.repeats < 1 ||
          row.repeats > kMaxRepeats) {
        rows.refused.push_back(concat(row.source,
                                      ": repeats must be an integer from 1 to ",
                                      kMaxRepeats,
                                      ", found ",
                                      io::shown_name(repeats)));
        continue;
      }
    }
    add_row(std::move(row), rows);
  }
  return rows;
}

/// Returns why an item that is not a picture is not used; empty for items that need no message.
std::string reason_against(const fs::directory_entry& item) {
  std::error_code error;
  if (item.is_directory(error)) {
    if (!has_pictures(item.path())) return {};
    return "is a folder with pictures; only metadata.jsonl or metadata.csv can name these";
  }
  if (kind_of(item.path()) != FileKind::kOtherPicture) return {};
  return "only PNG, JPEG and WebP pictures are read; convert it";
}

fs::path caption_file_of(fs::path picture) {
  return picture.replace_extension(".txt");
}

/// A sentence for each caption file of several pictures, such as a.jpg and a.png.
std::vector<std::string> shared_captions(const std::vector<fs::path>& pictures) {
  std::map<fs::path, std::vector<std::string>> sharing;
  for (const auto& picture : pictures) {
    sharing[caption_file_of(picture)].push_back(picture.filename().string());
  }
  std::vector<std::string> sentences;
  for (const auto& [file, names] : sharing) {
    std::error_code error;
    if (names.size() < 2 || !fs::exists(file, error)) continue;
    sentences.push_back(concat(
        file.filename().string(), ": is the caption of several pictures: ", joined(names, ", ")));
  }
  return sentences;
}

/// Returns the prompt of a picture that this program drew from a prompt alone.
std::optional<std::string> stored_prompt(const fs::path& picture) {
  try {
    const auto recipe = pipeline::read_parameters(picture);
    if (recipe.condition_images == 0) return recipe.request.prompt;
  } catch (const Error&) {
    // Pictures of other programs have no parameters. A damaged file has no caption either.
  }
  return std::nullopt;
}

CaptionRows rows_of_text_files(const fs::path& folder) {
  std::vector<fs::path> pictures;
  CaptionRows rows;
  for (const auto& item : fs::directory_iterator(folder)) {
    if (is_hidden(item.path())) continue;
    if (kind_of(item.path()) == FileKind::kPicture) {
      pictures.push_back(item.path());
    } else if (const auto reason = reason_against(item); !reason.empty()) {
      rows.refused.push_back(item.path().filename().string() + ": " + reason);
    }
  }
  std::sort(pictures.begin(), pictures.end());
  std::sort(rows.refused.begin(), rows.refused.end());
  rows.warnings = shared_captions(pictures);
  for (const auto& picture : pictures) {
    CaptionRow row;
    row.file = row.source = picture.filename().string();
    const auto caption_file = caption_file_of(picture);
    std::error_code error;
    if (!fs::exists(caption_file, error)) {
      if (auto prompt = stored_prompt(picture)) {
        row.caption = std::move(*prompt);
        add_row(std::move(row), rows);
      } else {
        rows.refused.push_back(concat(
            row.source, ": has no caption; write it into ", caption_file.filename().string()));
      }
      continue;
    }
    try {
      require_file(caption_file, caption_file.filename().string());
      row.caption = io::read_text_input(caption_file.string(), kMaxCaptionBytes);
      row.source = caption_file.filename().string();
      add_row(std::move(row), rows);
    } catch (const Error& failure) {
      const bool has_path = failure.source() == caption_file.string();
      const auto name = caption_file.filename().string();
      rows.refused.push_back(has_path ? failure.with_source(name).what() : failure.what());
    }
  }
  return rows;
}

}  // namespace

CaptionRows read_caption_rows(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    fail(ErrorCode::kNotFound, folder.string(), ": there is no such folder");
  }
  const auto jsonl = folder / "metadata.jsonl", csv = folder / "metadata.csv";
  const bool has_jsonl = names_an_entry(jsonl), has_csv = names_an_entry(csv);
  if (has_jsonl && has_csv) {
    fail(ErrorCode::kInvalidInput,
         folder.string(),
         ": has both metadata.jsonl and metadata.csv; keep one of them");
  }
  if (!has_jsonl && !has_csv) return rows_of_text_files(folder);
  const auto& metadata = has_jsonl ? jsonl : csv;
  require_file(metadata, metadata.string());
  auto found = has_jsonl ? rows_of_jsonl(metadata) : rows_of_csv(metadata);
  if (found.rows.empty() && found.refused.empty()) {
    found.refused.push_back(metadata.filename().string() + ": names no picture");
  }
  return found;
}

}  // namespace glm_image::train
