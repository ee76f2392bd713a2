#include "evaluate/word_shape.h"

#include "core/error.h"
#include "nano/posters/poster_data.h"

namespace glm_image::evaluate {

WordShapes::WordShapes(const posters::PosterSource& source)
    : source_(source), room_(source.data().font_files) {}

std::size_t WordShapes::face_count() const {
  return source_.data().lettering.faces().size();
}

InkMap WordShapes::draw(const std::string& word, std::size_t face) const {
  const auto layout = room_.lay_out(word, source_.data().lettering.faces()[face], kSize);
  PangoRectangle ink;
  pango_layout_get_pixel_extents(layout.get(), &ink, nullptr);
  // One more pixel on each side, because antialiased edges may extend beyond the outlines.
  const int width = ink.width + 2, height = ink.height + 2;
  const int stride = cairo_format_stride_for_width(CAIRO_FORMAT_A8, width);
  std::vector<uint8_t> canvas(static_cast<std::size_t>(stride * height));
  {
    const posters::SurfaceHandle surface(
        cairo_image_surface_create_for_data(canvas.data(), CAIRO_FORMAT_A8, width, height, stride));
    const posters::CairoHandle cairo(cairo_create(surface.get()));
    cairo_move_to(cairo.get(), 1 - ink.x, 1 - ink.y);
    pango_cairo_show_layout(cairo.get(), layout.get());
    cairo_surface_flush(surface.get());
    GLM_IMAGE_CHECK(cairo_status(cairo.get()) == CAIRO_STATUS_SUCCESS,
                    cairo_status_to_string(cairo_status(cairo.get())));
  }
  constexpr uint8_t kFaint = 64;
  PixelBox box{width, height, 0, 0};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      if (canvas[static_cast<std::size_t>(y * stride + x)] < kFaint) continue;
      box = {std::min(box.left, x),
             std::min(box.top, y),
             std::max(box.right, x + 1),
             std::max(box.bottom, y + 1)};
    }
  }
  InkMap map;
  if (box.is_empty()) return map;
  map.width = box.width();
  map.height = box.height();
  for (int64_t y = box.top; y < box.bottom; ++y) {
    for (int64_t x = box.left; x < box.right; ++x) {
      map.ink.push_back(static_cast<float>(canvas[static_cast<std::size_t>(y * stride + x)]) / 255);
    }
  }
  return map;
}

}  // namespace glm_image::evaluate
