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

/// A progressive picture is stored in about ten scans. Even a scan of a few bytes costs a pass over
/// all pixels, so a small file with many scans could take hours to decode.
constexpr int64_t kMaxScans = 100;
/// Maximum of scans · pixels of a large picture.
constexpr int64_t kMaxScanPixels = int64_t{1} << 26;
/// The limit on scans is never lower than this.
constexpr int64_t kUsualScans = 16;

/// The marker of Exif and XMP segments.
constexpr int kNotesMarker = JPEG_APP0 + 1;
constexpr unsigned kMaxMarkerBytes = 0xFFFF;
/// libjpeg appends to its list of saved segments by walking to the end, so that a small file with
/// millions of empty ones would take hours. A file rarely has more than a few.
constexpr int64_t kMaxNotes = 1024;

class JpegReader {
 public:
  /// `keeps_notes`: whether Exif and XMP segments are copied.
  JpegReader(std::string_view bytes, const std::string& name, bool keeps_notes) : name_(name) {
    info_.err = errors_.manager();
    run([&] {
      jpeg_create_decompress(&info_);
      jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
      if (keeps_notes) jpeg_save_markers(&info_, kNotesMarker, kMaxMarkerBytes);
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

  const std::string& name_;
  JpegErrors errors_;
  jpeg_decompress_struct info_ = {};
};

/// Counts the segments of a kind in a file without decoding it, by stepping from marker to marker
/// as libjpeg does.
int64_t count_segments(std::string_view bytes, unsigned wanted) {
  constexpr unsigned kStuffing = 0x00, kTemporary = 0x01, kFirstRestart = 0xD0, kStart = 0xD8,
                     kEnd = 0xD9, kFill = 0xFF;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  int64_t count = 0;
  std::size_t i = 0;
  while ((i = bytes.find('\xFF', i)) != std::string_view::npos && i + 3 < bytes.size()) {
    const unsigned marker = at(i + 1);
    if (marker == kEnd) break;
    if (marker == kFill) {
      ++i;
    } else if (marker == kStuffing || marker == kTemporary ||
               (marker >= kFirstRestart && marker <= kStart)) {
      i += 2;
    } else {
      count += marker == wanted ? 1 : 0;
      i += 2 + std::max<std::size_t>(at(i + 2) * 256U + at(i + 3), 2);
    }
  }
  return count;
}

void check_notes(std::string_view bytes, const std::string& name) {
  const auto notes = count_segments(bytes, static_cast<unsigned>(kNotesMarker));
  if (notes <= kMaxNotes) return;
  fail(ErrorCode::kCorruptFile,
       name,
       ": has ",
       notes,
       " segments of Exif and XMP; a JPEG file may have at most ",
       kMaxNotes);
}

void check_scans(std::string_view bytes, const std::string& name, int64_t pixels) {
  constexpr unsigned kScan = 0xDA;
  const auto scans = count_segments(bytes, kScan);
  const auto most = std::clamp(kMaxScanPixels / pixels, kUsualScans, kMaxScans);
  if (scans <= most) return;
  fail(ErrorCode::kCorruptFile,
       name,
       ": has ",
       scans,
       " scans; a JPEG file of ",
       pixels,
       " pixels may have at most ",
       most,
       " scans");
}

MetadataBlocks blocks_of(const jpeg_decompress_struct& info) {
  MetadataBlocks blocks;
  for (const auto* marker = info.marker_list; marker != nullptr; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (data.substr(0, kExifName.size()) == kExifName) {
      blocks.exif += data.substr(kExifName.size());
    } else if (data.substr(0, kXmpName.size()) == kXmpName) {
      blocks.xmp = data.substr(kXmpName.size());
    }
  }
  return blocks;
}

/// a·b/255, rounded, for a and b up to 255.
uint8_t scaled(int a, int b) {
  const int product = a * b + 128;
  return static_cast<uint8_t>((product + (product >> 8)) >> 8);
}

/// CMYK in a JPEG file is stored inverted (Adobe's convention): a byte is the fraction of light
/// that an ink transmits. Each channel is the product with black, in the form that rounds like
/// Pillow: K − (255 − C)·K/255.
void cmyk_to_rgb(const uint8_t* cmyk, uint8_t* rgb, int64_t width) {
  for (int64_t x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int black = cmyk[3];
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<uint8_t>(black - scaled(255 - cmyk[c], black));
  }
}

}  // namespace

Image decode_jpeg(std::string_view bytes, const std::string& name, const ImageLimits& limits) {
  check_notes(bytes, name);
  JpegReader reader(bytes, name, /*keeps_notes=*/true);
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
  check_scans(bytes, name, image.width * image.height);
  // Before jpeg_finish_decompress, which releases the markers.
  const int orientation = orientation_of(blocks_of(info));
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

PictureSize jpeg_header_size(std::string_view bytes, const std::string& name) {
  JpegReader reader(bytes, name, /*keeps_notes=*/false);
  reader.run([&] { jpeg_read_header(&reader.info(), /*require_image=*/TRUE); });
  return {reader.info().image_width, reader.info().image_height};
}

MetadataBlocks read_jpeg_metadata(std::string_view bytes, const std::string& name) {
  check_notes(bytes, name);
  JpegReader reader(bytes, name, /*keeps_notes=*/true);
  reader.run([&] { jpeg_read_header(&reader.info(), /*require_image=*/TRUE); });
  return blocks_of(reader.info());
}

}  // namespace glm_image::image
