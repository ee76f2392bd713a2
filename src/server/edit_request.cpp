#include "server/edit_request.h"

#include <iterator>
#include <utility>

#include "core/error.h"
#include "core/text_format.h"
#include "glm_image/limits.h"
#include "image/codec.h"
#include "io/shown.h"
#include "server/api_error.h"
#include "server/form_fields.h"
#include "server/picture_reference.h"
#include "server/unsupported_fields.h"
#include "text/unicode.h"

namespace glm_image::server {
namespace {

constexpr size_t kMaxFieldBytes = 256 * 1024;
constexpr int64_t kMaxUploadedSide = 16384;

using Json = nlohmann::json;

[[noreturn]] void refuse_pictures(const std::string& field, const std::string& message) {
  throw ApiError(400, message, field, "invalid_value");
}

[[noreturn]] void refuse_no_picture(const std::string& field) {
  throw ApiError(400, field + " is missing: a picture to start from", field, "missing_value");
}

void refuse_draft(const ImageRequest& wanted) {
  if (!wanted.request.draft) return;
  throw ApiError(400,
                 "draft must be false for edits: the generator writes no preview grid for them",
                 "draft",
                 "invalid_value");
}

void require_utf8(std::string_view text, const std::string& what, const std::string& field) {
  const auto invalid = text::first_invalid_utf8(text);
  if (!invalid) return;
  throw ApiError(400, concat(what, " is not UTF-8, at byte ", *invalid), field, "invalid_value");
}

std::string text_of_part(const FormPart& part) {
  if (part.content.size() > kMaxFieldBytes) {
    throw ApiError(400,
                   concat(part.name,
                          " must have at most ",
                          kMaxFieldBytes,
                          " bytes; found ",
                          part.content.size()),
                   part.name,
                   "invalid_value");
  }
  require_utf8_charset(part.type, part.name);
  require_utf8(part.content, part.name, part.name);
  return std::string(part.content);
}

void add_picture(const FormPart& part, int64_t& bytes_left, EditForm& form) {
  if (!is_url(part.content.substr(0, 16)) || part.has_file_name) {
    form.pictures.push_back(part.content);
    return;
  }
  form.unpacked.push_back(picture_of_data_url(part.content, part.name, part.name, bytes_left));
  bytes_left -= static_cast<int64_t>(form.unpacked.back().size());
  form.pictures.push_back(form.unpacked.back());
}

/// The field of a JSON object that holds its pictures. Throws for several fields, which have no
/// order.
std::string picture_field_of(const Json& fields) {
  std::string found;
  for (const auto& field : fields.items()) {
    const auto& value = field.value();
    const bool is_empty = value.is_null() ||
                          (value.is_string() && value.get_ref<const std::string&>().empty()) ||
                          (value.is_structured() && value.empty());
    if (is_empty || !is_picture_field(field.key())) continue;
    if (!found.empty()) {
      refuse_pictures(field.key(),
                      concat("pictures must be in one field; found them in ",
                             io::shown_name(found),
                             " and ",
                             io::shown_name(field.key())));
    }
    found = field.key();
  }
  return found;
}

/// Calls `action` with the picture's name and reports an invalid picture as an error of `field`.
template <typename Action>
void with_picture(size_t index, const std::string& field, const Action& action) {
  try {
    action("picture " + std::to_string(index + 1));
  } catch (const Error& error) {
    if (!is_bad_input(error.code())) throw;
    throw ApiError(400, error.what(), field, "invalid_image");
  }
}

}  // namespace

EditForm read_edit_form(const std::vector<FormPart>& parts,
                        const RequestLimits& limits,
                        int64_t max_picture_bytes) {
  EditForm form;
  FormFields fields;
  for (const auto& part : parts) {
    if (part.is_left_empty()) continue;
    require_utf8(part.name, "the name of a field", "");
    if (is_picture_field(part.name)) {
      if (form.pictures.size() == limits::kMaxConditionImages) {
        refuse_pictures(part.name,
                        concat("at most ", limits::kMaxConditionImages, " pictures to start from"));
      }
      add_picture(part, max_picture_bytes, form);
    } else if (part.is_file) {
      // Unknown files are ignored, like all unknown fields.
      if (is_unsupported(part.name)) fields.add(part.name, "a file");
    } else {
      fields.add(part.name, text_of_part(part));
    }
  }
  form.wanted = read_image_request(fields.take(), limits, /*fields_are_text=*/true);
  if (form.pictures.empty()) refuse_no_picture("image");
  refuse_draft(form.wanted);
  return form;
}

EditForm read_edit_json(std::string body, const RequestLimits& limits, int64_t max_picture_bytes) {
  auto fields = parse_body(body);
  body = std::string();
  EditForm form;
  const auto field = picture_field_of(fields);
  if (!field.empty()) {
    form.picture_field = field;
    for (auto& picture : pictures_of_field(fields.at(field), field, max_picture_bytes)) {
      form.unpacked.push_back(std::move(picture));
      form.pictures.push_back(form.unpacked.back());
    }
  }
  for (auto it = fields.begin(); it != fields.end();) {
    it = is_picture_field(it.key()) ? fields.erase(it) : std::next(it);
  }
  form.wanted = read_image_request(fields, limits);
  if (form.pictures.empty()) refuse_no_picture("images");
  refuse_draft(form.wanted);
  return form;
}

int64_t max_edit_json_bytes(int64_t max_picture_bytes) {
  constexpr int64_t kOtherFields = int64_t{1} << 20;
  return max_picture_bytes / 3 * 4 + kOtherFields;
}

void check_picture_formats(const std::vector<std::string_view>& pictures,
                           const std::string& field) {
  for (size_t i = 0; i < pictures.size(); ++i) {
    with_picture(
        i, field, [&](const std::string& name) { image::format_from_bytes(pictures[i], name); });
  }
}

int64_t decoded_bytes(const std::vector<std::string_view>& pictures, int64_t max_pixels) {
  constexpr int64_t kBytesPerPixel = 3;
  int64_t pixels = 0;
  for (const auto& picture : pictures) {
    try {
      const auto [width, height] = image::header_size(picture, "a picture");
      const bool fits = width > 0 && height > 0 && width <= (max_pixels - pixels) / height;
      if (!fits) break;
      pixels += width * height;
    } catch (const Error&) {
      break;  // decode_pictures refuses it, and decodes none of those behind it
    }
  }
  return pixels * kBytesPerPixel;
}

void decode_pictures(const std::vector<std::string_view>& pictures,
                     int64_t max_pixels,
                     Request& request,
                     const std::string& field,
                     std::vector<std::string>* warnings,
                     const std::function<bool()>& goes_on) {
  image::ImageLimits limits;
  limits.max_side = kMaxUploadedSide;
  limits.max_pixels = max_pixels;
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (goes_on && !goes_on()) {
      fail(ErrorCode::kCancelled, "cancelled before all pictures were decoded");
    }
    with_picture(i, field, [&](const std::string& name) {
      request.condition_images.push_back(image::decode_image(pictures[i], name, limits, warnings));
    });
    const auto& decoded = request.condition_images.back();
    const auto pixels = decoded.width * decoded.height;
    limits.max_pixels -= pixels;
    limits.shared_pixels += pixels;
  }
}

void rethrow_with_picture_field(const Error& error, const std::string& field) {
  const std::string_view message = error.what();
  const bool is_about_pictures =
      message.rfind("picture ", 0) == 0 || message.rfind("pictures ", 0) == 0;
  if (!is_bad_input(error.code()) || !is_about_pictures) throw;
  throw ApiError(400, error.what(), field, "invalid_image");
}

}  // namespace glm_image::server
