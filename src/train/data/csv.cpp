#include "train/data/csv.h"

#include <algorithm>

#include "core/error.h"

namespace glm_image::train {
namespace {

class CsvReader {
 public:
  CsvReader(std::string_view text, const std::string& source) : text_(text), source_(source) {}

  std::vector<CsvRecord> records() {
    std::vector<CsvRecord> records;
    while (at_ < text_.size()) {
      if (text_[at_] == '\n') {
        ++at_, ++line_;
        continue;
      }
      records.push_back(record());
    }
    return records;
  }

 private:
  CsvRecord record() {
    CsvRecord record;
    record.line = line_;
    while (true) {
      const bool quoted = at_ < text_.size() && text_[at_] == '"';
      record.fields.push_back(quoted ? quoted_field() : plain_field());
      if (at_ == text_.size()) return record;
      if (text_[at_++] == '\n') {
        ++line_;
        return record;
      }
    }
  }

  std::string plain_field() {
    const auto end = std::min(text_.find_first_of(",\n", at_), text_.size());
    const auto field = text_.substr(at_, end - at_);
    at_ = end;
    return std::string(field);
  }

  std::string quoted_field() {
    const int64_t first_line = line_;
    std::string field;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        field += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        field += text_[at_++];
      } else {
        ++at_;
        if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n') {
          fail(ErrorCode::kCorruptFile,
               source_,
               ", line ",
               line_,
               ": a closing quotation mark must end its field; write a mark inside a field twice");
        }
        return field;
      }
    }
    fail(ErrorCode::kCorruptFile,
         source_,
         ", line ",
         first_line,
         ": a field begins with a quotation mark that is not closed");
  }

  std::string_view text_;
  const std::string& source_;
  std::size_t at_ = 0;
  int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& source) {
  return CsvReader(text, source).records();
}

}  // namespace glm_image::train
