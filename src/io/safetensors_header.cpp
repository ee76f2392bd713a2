#include "io/safetensors_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/error.h"
#include "io/shown.h"
#include "io/stand_in.h"

namespace glm_image::io {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = uint64_t{100} << 20;  // the format's own limit
constexpr size_t kMaxDimensions = 8;

struct TypeRow {
  ElementType type;
  std::string_view name;
  uint64_t size;
};
constexpr std::array<TypeRow, 15> kTypes = {{
    {ElementType::kFloat64, "F64", 8},
    {ElementType::kFloat32, "F32", 4},
    {ElementType::kFloat16, "F16", 2},
    {ElementType::kBFloat16, "BF16", 2},
    {ElementType::kFloat8E4M3, "F8_E4M3", 1},
    {ElementType::kFloat8E5M2, "F8_E5M2", 1},
    {ElementType::kInt64, "I64", 8},
    {ElementType::kUInt64, "U64", 8},
    {ElementType::kInt32, "I32", 4},
    {ElementType::kUInt32, "U32", 4},
    {ElementType::kInt16, "I16", 2},
    {ElementType::kUInt16, "U16", 2},
    {ElementType::kInt8, "I8", 1},
    {ElementType::kUInt8, "U8", 1},
    {ElementType::kBool, "BOOL", 1},
}};

const TypeRow& row_of(ElementType type) {
  return *std::find_if(
      kTypes.begin(), kTypes.end(), [type](const TypeRow& row) { return row.type == type; });
}

/// Parses the header text. Rejects a repeated key in one object: the JSON library would silently
/// keep one of the two, and another reader might keep the other.
nlohmann::json parse_header(std::string_view text, const std::string& name) {
  std::vector<std::set<std::string>> keys;
  std::optional<std::string> repeated;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > 4) fail(ErrorCode::kCorruptFile, name, ": the header is nested too deeply");
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(parsed.get<std::string>()).second) {
      repeated = parsed.get<std::string>();
    }
    return true;
  };
  nlohmann::json header;
  try {
    header = nlohmann::json::parse(text, watch);
  } catch (const nlohmann::json::parse_error& error) {
    // The parser's own message quotes the text read so far, of any length and in any encoding.
    fail(
        ErrorCode::kCorruptFile, name, ": the header is not JSON (at byte ", error.byte, " of it)");
  } catch (const nlohmann::json::out_of_range&) {
    fail(ErrorCode::kCorruptFile, name, ": the header holds a number that no double can represent");
  }
  if (repeated) {
    fail(ErrorCode::kCorruptFile, name, ": ", shown_name(*repeated), " is named twice");
  }
  if (!header.is_object()) fail(ErrorCode::kCorruptFile, name, ": the header is not a JSON object");
  return header;
}

ElementType parse_type(const nlohmann::json& entry, const std::string& where) {
  const auto found = entry.find("dtype");
  if (found == entry.end() || !found->is_string()) {
    fail(ErrorCode::kCorruptFile, where, ": has no dtype");
  }
  const auto& text = found->get_ref<const std::string&>();
  for (const auto& row : kTypes) {
    if (row.name == text) return row.type;
  }
  std::string known;
  for (const auto& row : kTypes) known.append(known.empty() ? "" : " ").append(row.name);
  fail(ErrorCode::kUnsupported,
       where,
       ": dtype ",
       shown_name(text),
       " is not known (known are ",
       known,
       ")");
}

std::vector<int64_t> parse_shape(const nlohmann::json& entry, const std::string& where) {
  const auto found = entry.find("shape");
  if (found == entry.end() || !found->is_array() || found->size() > kMaxDimensions) {
    fail(ErrorCode::kCorruptFile,
         where,
         ": shape must be a list of at most ",
         kMaxDimensions,
         " sizes");
  }
  std::vector<int64_t> shape;
  for (const auto& size : *found) {
    if (!size.is_number_unsigned() || size.get<uint64_t>() > (uint64_t{1} << 48)) {
      fail(ErrorCode::kCorruptFile, where, ": shape holds the impossible size ", shown(&size));
    }
    shape.push_back(size.get<int64_t>());
  }
  return shape;
}

/// Returns the bytes of a tensor of this shape, or std::nullopt if they exceed `limit`.
std::optional<uint64_t> byte_count(const std::vector<int64_t>& shape,
                                   uint64_t size,
                                   uint64_t limit) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  uint64_t bytes = size;
  for (const int64_t dimension : shape) {
    if (bytes > limit / static_cast<uint64_t>(dimension)) return std::nullopt;
    bytes *= static_cast<uint64_t>(dimension);
  }
  return bytes;
}

TensorEntry parse_entry(const nlohmann::json& json,
                        uint64_t data_begin,
                        uint64_t data_size,
                        const std::string& where) {
  if (!json.is_object()) fail(ErrorCode::kCorruptFile, where, ": is not an object");
  TensorEntry entry;
  entry.type = parse_type(json, where);
  entry.shape = parse_shape(json, where);
  const auto offsets = json.find("data_offsets");
  if (offsets == json.end() || !offsets->is_array() || offsets->size() != 2 ||
      !(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned()) {
    fail(ErrorCode::kCorruptFile, where, ": data_offsets must be two positive numbers");
  }
  const auto begin = (*offsets)[0].get<uint64_t>(), end = (*offsets)[1].get<uint64_t>();
  if (begin > end || end > data_size) {
    fail(ErrorCode::kCorruptFile,
         where,
         ": data_offsets ",
         offsets->dump(),
         " lie outside the file's ",
         data_size,
         " bytes of data (is the file cut short? download it again)");
  }
  const auto expected = byte_count(entry.shape, element_size(entry.type), data_size);
  if (expected != end - begin) {
    fail(ErrorCode::kCorruptFile,
         where,
         ": shape ",
         json["shape"].dump(),
         " of ",
         element_type_name(entry.type),
         " does not fit the ",
         end - begin,
         " bytes of its data_offsets");
  }
  entry.begin = data_begin + begin;
  entry.end = data_begin + end;
  return entry;
}

/// The format allows no overlaps, no gaps and no bytes after the last tensor.
void check_contiguous(const SafetensorsHeader& header,
                      uint64_t data_begin,
                      uint64_t file_size,
                      const std::string& name) {
  std::vector<std::pair<const TensorEntry*, const std::string*>> by_offset;
  for (const auto& [tensor, entry] : header.tensors) by_offset.emplace_back(&entry, &tensor);
  std::sort(by_offset.begin(), by_offset.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first->begin, a.first->end) < std::pair(b.first->begin, b.first->end);
  });
  uint64_t position = data_begin;
  for (const auto& [entry, tensor] : by_offset) {
    if (entry->begin != position) {
      fail(ErrorCode::kCorruptFile,
           name,
           ": tensor ",
           shown_name(*tensor),
           entry->begin < position ? " overlaps another one" : " leaves a gap before it",
           " (it begins at byte ",
           entry->begin,
           ", the one before ends at ",
           position,
           ")");
    }
    position = entry->end;
  }
  if (position != file_size) {
    fail(ErrorCode::kCorruptFile,
         name,
         ": ",
         file_size - position,
         " bytes at the end belong to no tensor");
  }
}

}  // namespace

std::string_view element_type_name(ElementType type) {
  return row_of(type).name;
}

uint64_t element_size(ElementType type) {
  return row_of(type).size;
}

bool is_floating(ElementType type) {
  return type == ElementType::kFloat32 || type == ElementType::kFloat16 ||
         type == ElementType::kBFloat16;
}

SafetensorsHeader parse_safetensors_header(std::string_view file, const std::string& name) {
  if (const auto stand_in = describe_stand_in(file)) {
    fail(ErrorCode::kCorruptFile, name, *stand_in);
  }
  if (file.size() < kLengthBytes) {
    fail(ErrorCode::kCorruptFile,
         name,
         ": is not a safetensors file: ",
         file.size(),
         " bytes are too few for its header");
  }
  uint64_t header_size = 0;
  for (uint64_t i = 0; i < kLengthBytes; ++i) {
    header_size |= uint64_t{static_cast<unsigned char>(file[i])} << (8 * i);
  }
  if (header_size > file.size() - kLengthBytes || header_size > kMaxHeaderBytes) {
    fail(ErrorCode::kCorruptFile,
         name,
         ": is not a safetensors file, or is cut short: its header claims ",
         header_size,
         " bytes of a file of ",
         file.size(),
         "; download it again");
  }
  const uint64_t data_begin = kLengthBytes + header_size;
  const auto json = parse_header(file.substr(kLengthBytes, header_size), name);

  SafetensorsHeader header;
  for (const auto& [key, value] : json.items()) {
    if (key == "__metadata__") {
      if (!value.is_object())
        fail(ErrorCode::kCorruptFile, name, ": __metadata__ is not an object");
      for (const auto& [field, text] : value.items()) {
        if (text.is_string()) header.metadata[field] = text.get<std::string>();
      }
      continue;
    }
    const auto where = concat(name, ": tensor ", shown_name(key));
    header.tensors[key] = parse_entry(value, data_begin, file.size() - data_begin, where);
  }
  check_contiguous(header, data_begin, file.size(), name);
  return header;
}

}  // namespace glm_image::io
