#include "nano/posters/pictograms.h"

#include <algorithm>

#include "image/rgb.h"
#include "nano/posters/data_fields.h"

namespace glm_image::posters {
namespace {

/// The font has bitmaps of 136×128 pixels only. At this size they are not scaled.
constexpr double kBitmapSize = 109;
constexpr int kCanvas = 256;

struct Rectangle {
  int left = kCanvas, top = kCanvas, right = 0, bottom = 0;
};

uint32_t alpha(uint32_t pixel) {
  return pixel >> 24;
}

Rectangle ink_of(const std::vector<uint32_t>& canvas) {
  Rectangle ink;
  for (int y = 0; y < kCanvas; ++y) {
    for (int x = 0; x < kCanvas; ++x) {
      if (alpha(canvas[y * kCanvas + x]) < 8) continue;
      ink.left = std::min(ink.left, x);
      ink.right = std::max(ink.right, x + 1);
      ink.top = std::min(ink.top, y);
      ink.bottom = std::max(ink.bottom, y + 1);
    }
  }
  return ink;
}

/// Fraction of the rim, i.e. of opaque pixels near transparent ones or the edge, whose colour is
/// close to `colour`.
double hidden_share(const Pictogram& pictogram, const Colour& colour) {
  constexpr int64_t kRim = 5;
  constexpr double kClose = 70;
  const auto opaque = [&](int64_t x, int64_t y) {
    return x >= 0 && y >= 0 && x < pictogram.width && y < pictogram.height &&
           alpha(pictogram.pixels[y * pictogram.width + x]) > 250;
  };
  int64_t rim = 0;
  int64_t close = 0;
  for (int64_t y = 0; y < pictogram.height; ++y) {
    for (int64_t x = 0; x < pictogram.width; ++x) {
      if (!opaque(x, y) || (opaque(x - kRim, y) && opaque(x + kRim, y) && opaque(x, y - kRim) &&
                            opaque(x, y + kRim))) {
        continue;
      }
      const uint32_t pixel = pictogram.pixels[y * pictogram.width + x];
      const std::array<uint8_t, 3> rgb{static_cast<uint8_t>(pixel >> 16),
                                       static_cast<uint8_t>(pixel >> 8),
                                       static_cast<uint8_t>(pixel)};
      ++rim;
      close += image::colour_distance(rgb, colour.rgb) < kClose;
    }
  }
  return rim == 0 ? 1 : static_cast<double>(close) / static_cast<double>(rim);
}

}  // namespace

double Pictogram::relative_width() const {
  return static_cast<double>(width) / static_cast<double>(std::max(width, height));
}
double Pictogram::relative_height() const {
  return static_cast<double>(height) / static_cast<double>(std::max(width, height));
}

Pictograms Pictograms::load(const std::filesystem::path& file) {
  const auto fields = io::JsonFields::load(file);
  Pictograms result;
  result.source_ = file.string();
  result.face_.family = fields.required_string("font");
  for (const auto& entry : required_objects(fields, "pictograms", 1, 5000)) {
    Pictogram pictogram;
    pictogram.id = required_id(entry, "id");
    for (const auto& other : result.pictograms_) {
      if (other.id == pictogram.id) entry.refuse("id", "different from those before it");
    }
    pictogram.characters = entry.required_string("characters");
    if (pictogram.characters.empty()) entry.refuse("characters", "an emoji");
    pictogram.french = required_texts(entry, "french");
    pictogram.english = required_texts(entry, "english");
    result.pictograms_.push_back(std::move(pictogram));
  }
  return result;
}

void Pictograms::draw(const FontRoom& room, const Palette& palette) {
  for (auto& pictogram : pictograms_) {
    const auto layout = room.lay_out(pictogram.characters, face_, kBitmapSize);
    std::vector<uint32_t> canvas(kCanvas * kCanvas);
    const SurfaceHandle surface(
        cairo_image_surface_create_for_data(reinterpret_cast<unsigned char*>(canvas.data()),
                                            CAIRO_FORMAT_ARGB32,
                                            kCanvas,
                                            kCanvas,
                                            kCanvas * 4));
    const CairoHandle cairo(cairo_create(surface.get()));
    cairo_move_to(cairo.get(), 40, 40);
    pango_cairo_show_layout(cairo.get(), layout.get());
    cairo_surface_flush(surface.get());
    const auto ink = ink_of(canvas);
    // If the font does not join two characters, it draws them side by side, which is too wide.
    if (pango_layout_get_unknown_glyphs_count(layout.get()) > 0 || ink.right <= ink.left ||
        ink.right - ink.left > 140) {
      fail(ErrorCode::kCorruptFile,
           source_,
           ": the font ",
           face_.family,
           " has no picture of ",
           pictogram.characters,
           " (",
           pictogram.id,
           ")");
    }
    pictogram.width = ink.right - ink.left;
    pictogram.height = ink.bottom - ink.top;
    for (int y = ink.top; y < ink.bottom; ++y) {
      const auto row = canvas.begin() + y * kCanvas;
      pictogram.pixels.insert(pictogram.pixels.end(), row + ink.left, row + ink.right);
    }
    for (const auto& named : palette.colours()) {
      if (hidden_share(pictogram, named.colour) > 0.4) {
        pictogram.hidden_on.push_back(named.colour.id);
      }
    }
  }
}

const Pictogram& Pictograms::named(std::string_view id) const {
  for (const auto& pictogram : pictograms_) {
    if (pictogram.id == id) return pictogram;
  }
  fail(ErrorCode::kInvalidInput, "no pictogram is called ", id);
}

}  // namespace glm_image::posters
