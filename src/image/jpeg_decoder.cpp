#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "core/error.h"
#include "image/exif_orientation.h"
#include "image/jpeg_codec.h"
#include "image/jpeg_session.h"

namespace glm_image::image {
namespace {

using namespace std::string_view_literals;

/// A progressive picture is stored in scans, some ten of them. A scan of a few bytes still costs a
/// walk over all pixels, so that a small file of many scans would keep us busy for hours.
constexpr int kMaxScans = 100;

/// Of Exif and of XMP.
constexpr int kNotesMarker = JPEG_APP0 + 1;
constexpr unsigned kMaxMarkerBytes = 0xFFFF;

class JpegReader {
 public:
  JpegReader(std::string_view bytes, const std::string& name) : name_(name) {
    info_.err = errors_.manager();
    progress_.progress_monitor = on_progress;
    run([&] {
      jpeg_create_decompress(&info_);
      info_.progress = &progress_;
      jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
      jpeg_save_markers(&info_, kNotesMarker, kMaxMarkerBytes);
    });
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  template <typename Body>
  void run(const Body& body) {
    if (errors_.run(body)) return;
    const auto message = errors_.message(common());
    fail(errors_.is_unsupported() ? ErrorCode::kUnsupported : ErrorCode::kCorruptFile,
         name_,
         errors_.is_unsupported() ? ": is a kind of JPEG file that cannot be read: "
                                  : ": is a damaged JPEG file: ",
         message);
  }

  jpeg_decompress_struct& info() { return info_; }

 private:
  j_common_ptr common() { return reinterpret_cast<j_common_ptr>(&info_); }

  static void on_progress(j_common_ptr common) {
    const auto* info = reinterpret_cast<j_decompress_ptr>(common);
    if (info->input_scan_number > kMaxScans) JpegErrors::stop(common, "it has over 100 scans");
  }

  const std::string& name_;
  JpegErrors errors_;
  jpeg_progress_mgr progress_ = {};
  jpeg_decompress_struct info_ = {};
};

/// Of several Exif segments the parts follow one another; of several XMP segments the last counts.
OrientationNotes notes_of(const jpeg_decompress_struct& info) {
  constexpr auto kXmpName = "http://ns.adobe.com/xap/1.0/\0"sv;
  OrientationNotes notes;
  for (const auto* marker = info.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (data.substr(0, kExifName.size()) == kExifName) {
      notes.exif += data.substr(kExifName.size());
    } else if (data.substr(0, kXmpName.size()) == kXmpName) {
      notes.xmp = data.substr(kXmpName.size());
    }
  }
  return notes;
}

/// a·b/255, rounded, for a and b up to 255.
uint8_t scaled(int a, int b) {
  const int product = a * b + 128;
  return static_cast<uint8_t>((product + (product >> 8)) >> 8);
}

/// CMYK in a JPEG file is stored inverted (Adobe's convention): a byte is the light that an ink
/// lets through. So light of ink times light of black, which rounds as Pillow does:
/// K − (255 − C)·K/255.
void cmyk_to_rgb(const uint8_t* cmyk, uint8_t* rgb, int64_t width) {
  for (int64_t x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int black = cmyk[3];
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<uint8_t>(black - scaled(255 - cmyk[c], black));
  }
}

}  // namespace

Image decode_jpeg(std::string_view bytes, const std::string& name, const ImageLimits& limits) {
  JpegReader reader(bytes, name);
  auto& info = reader.info();
  reader.run([&] { jpeg_read_header(&info, /*require_image=*/TRUE); });

  const int channels = info.num_components;
  if (channels != 1 && channels != 3 && channels != 4) {
    fail(ErrorCode::kUnsupported,
         name,
         ": is a JPEG file of ",
         channels,
         " channels; expected 1 (grey), 3 (colour) or 4 (CMYK)");
  }
  const bool is_cmyk = channels == 4;
  info.out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
  Image image = make_image(name, info.image_width, info.image_height, limits);
  // Now, since jpeg_finish_decompress releases the markers.
  const int orientation = orientation_of(notes_of(info));
  std::vector<uint8_t> cmyk_row(is_cmyk ? static_cast<std::size_t>(image.width) * 4 : 0);

  reader.run([&] {
    jpeg_start_decompress(&info);
    auto* row = image.pixels.data();
    for (int64_t y = 0; y < image.height; ++y, row += image.width * 3) {
      auto* target = is_cmyk ? cmyk_row.data() : row;
      jpeg_read_scanlines(&info, &target, 1);
      if (is_cmyk) cmyk_to_rgb(target, row, image.width);
    }
    jpeg_finish_decompress(&info);
  });
  return apply_orientation(std::move(image), orientation);
}

}  // namespace glm_image::image
