#include "nano/posters/renderer.h"

#include <algorithm>
#include <cmath>

#include "nano/posters/colour_contrast.h"
#include "nano/posters/placing.h"

namespace glm_image::posters {
namespace {

struct Pixels {
  int64_t x, y, width, height;
};

/// A rectangle rounded outwards to whole pixels, clipped to the picture.
Pixels around(const Box& rectangle, int64_t picture_width, int64_t picture_height) {
  const auto low = [](double value) {
    return std::max<int64_t>(0, static_cast<int64_t>(std::floor(value)));
  };
  const auto high = [](double value, int64_t limit) {
    return std::min(limit, static_cast<int64_t>(std::ceil(value)));
  };
  const auto x = low(rectangle.x);
  const auto y = low(rectangle.y);
  return {x,
          y,
          high(rectangle.x + rectangle.width, picture_width) - x,
          high(rectangle.y + rectangle.height, picture_height) - y};
}

}  // namespace

struct Renderer::State {
  PosterSource source;
  FontRoom room;
};

/// A scene at one size.
class Renderer::Drawing {
 public:
  Drawing(const State& state, const Scene& scene, int64_t width, int64_t height)
      : state_(state), scene_(scene), width_(width), height_(height) {
    if (std::min(width, height) < kMinSide || std::max(width, height) > kMaxSide) {
      fail(ErrorCode::kInvalidInput,
           "a poster of ",
           width,
           "×",
           height,
           " pixels: sides must be from ",
           kMinSide,
           " to ",
           kMaxSide);
    }
    unit_ = static_cast<double>(std::min(width, height));
    placed_ = place_scene(
        data(), scene, static_cast<double>(width) / unit_, static_cast<double>(height) / unit_);
    for (std::size_t i = 0; i < scene.texts.size(); ++i) {
      std::size_t offset = 0;
      for (std::size_t line = 0; line < scene.texts[i].lines.size(); ++line) {
        add_line(i, line, offset);
        offset += scene.texts[i].lines[line].size() + 1;
      }
    }
  }

  Layout layout() const {
    Layout layout;
    const auto add = [&](BoxKind kind, std::size_t index, const Box& rectangle) {
      const auto [x, y, width, height] = around(rectangle, width_, height_);
      layout.boxes.push_back({kind, index, x, y, width, height});
    };
    for (std::size_t i = 0; i < placed_.pictograms.size(); ++i) {
      add(BoxKind::kPictogram, i, in_pixels(placed_.pictograms[i]));
    }
    for (std::size_t i = 0; i < scene_.texts.size(); ++i) {
      add(BoxKind::kText, i, ink_of_text(i));
    }
    for (const auto& line : lines_) {
      PangoRectangle logical;
      pango_layout_line_get_extents(
          pango_layout_get_line_readonly(line.layout.get(), 0), nullptr, &logical);
      layout.lines.push_back({line.text,
                              line.number,
                              line.pen_x,
                              line.base_line,
                              pango_units_to_double(logical.width),
                              scene_.texts[line.text].size * unit_});
      add_letters(line, layout.letters);
    }
    return layout;
  }

  Image render(LetterShapes shapes) const {
    std::vector<uint32_t> canvas = background();
    const SurfaceHandle surface(
        cairo_image_surface_create_for_data(reinterpret_cast<unsigned char*>(canvas.data()),
                                            CAIRO_FORMAT_RGB24,
                                            static_cast<int>(width_),
                                            static_cast<int>(height_),
                                            static_cast<int>(width_ * 4)));
    const CairoHandle cairo(cairo_create(surface.get()));
    for (std::size_t i = 0; i < scene_.pictograms.size(); ++i) draw_pictogram(cairo.get(), i);
    for (const auto& line : lines_) {
      const auto& rgb = scene_.texts[line.text].colour.rgb;
      cairo_set_source_rgb(cairo.get(), rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0);
      if (shapes == LetterShapes::kBars) {
        draw_bars(cairo.get(), line);
        continue;
      }
      cairo_move_to(cairo.get(), line.pen_x, line.base_line);
      pango_cairo_show_layout_line(cairo.get(),
                                   pango_layout_get_line_readonly(line.layout.get(), 0));
    }
    cairo_surface_flush(surface.get());
    GLM_IMAGE_CHECK(cairo_status(cairo.get()) == CAIRO_STATUS_SUCCESS,
                    cairo_status_to_string(cairo_status(cairo.get())));
    Image image{width_, height_, std::vector<uint8_t>(canvas.size() * 3)};
    for (std::size_t i = 0; i < canvas.size(); ++i) {
      image.pixels[3 * i] = static_cast<uint8_t>(canvas[i] >> 16);
      image.pixels[3 * i + 1] = static_cast<uint8_t>(canvas[i] >> 8);
      image.pixels[3 * i + 2] = static_cast<uint8_t>(canvas[i]);
    }
    return image;
  }

 private:
  struct Line {
    std::size_t text;
    std::size_t number;  // index into the text's lines
    std::size_t offset;  // of the line's first byte in the text
    ObjectHandle<PangoLayout> layout;
    double pen_x, base_line;  // whole pixels; cairo rounds letters to them anyway
  };

  const PosterData& data() const { return state_.source.data(); }

  Box in_pixels(const Box& box) const {
    return {box.x * unit_, box.y * unit_, box.width * unit_, box.height * unit_};
  }

  void add_line(std::size_t text, std::size_t line, std::size_t offset) {
    const auto& item = scene_.texts[text];
    const auto& box = placed_.texts[text];
    const auto& shape = placed_.shapes[text].lines[line];
    const auto& face = data().lettering.faces()[data().lettering.face_of(item.style, item.font)];
    // Shift the line by whole grid steps from the box, which starts on the grid.
    const double spare = box.width - shape.width * item.size;
    const double x = box.x + std::floor(anchor_of(item.place).x * spare / kGrid + 1e-6) * kGrid;
    const double y = box.y + shape.base_line * item.size;
    lines_.push_back({text,
                      line,
                      offset,
                      state_.room.lay_out(item.lines[line], face, item.size * unit_),
                      std::round(x * unit_),
                      std::round(y * unit_)});
  }

  Box ink_of_text(std::size_t text) const {
    // Letters are drawn at whole pixels, up to half a pixel from their measured position.
    constexpr double kRounding = 1;
    double left = 1e9;
    double top = 1e9;
    double right = -1e9;
    double bottom = -1e9;
    for (const auto& line : lines_) {
      if (line.text != text) continue;
      PangoRectangle ink;
      pango_layout_line_get_extents(
          pango_layout_get_line_readonly(line.layout.get(), 0), &ink, nullptr);
      left = std::min(left, line.pen_x + pango_units_to_double(ink.x));
      top = std::min(top, line.base_line + pango_units_to_double(ink.y));
      right = std::max(right, line.pen_x + pango_units_to_double(ink.x + ink.width));
      bottom = std::max(bottom, line.base_line + pango_units_to_double(ink.y + ink.height));
    }
    return {left - kRounding,
            top - kRounding,
            right - left + 2 * kRounding,
            bottom - top + 2 * kRounding};
  }

  void add_letters(const Line& line, std::vector<LetterBox>& letters) const {
    const LayoutIteratorHandle at(pango_layout_get_iter(line.layout.get()));
    const double base_line = pango_units_to_double(pango_layout_iter_get_baseline(at.get()));
    do {
      PangoRectangle ink;
      pango_layout_iter_get_cluster_extents(at.get(), &ink, nullptr);
      if (ink.width <= 0 || ink.height <= 0) continue;
      const Box rectangle{line.pen_x + pango_units_to_double(ink.x),
                          line.base_line - base_line + pango_units_to_double(ink.y),
                          pango_units_to_double(ink.width),
                          pango_units_to_double(ink.height)};
      const auto [x, y, width, height] = around(rectangle, width_, height_);
      const auto index = static_cast<std::size_t>(pango_layout_iter_get_index(at.get()));
      letters.push_back({line.text, line.offset + index, x, y, width, height});
    } while (pango_layout_iter_next_cluster(at.get()));
  }

  void draw_bars(cairo_t* cairo, const Line& line) const {
    constexpr double kBetween = 0.15;  // gap as a fraction of the letter's width, on each side
    constexpr double kHeight = 0.55;   // about the height of x
    const double height = kHeight * scene_.texts[line.text].size * unit_;
    const LayoutIteratorHandle at(pango_layout_get_iter(line.layout.get()));
    do {
      PangoRectangle ink, logical;
      pango_layout_iter_get_cluster_extents(at.get(), &ink, &logical);
      if (ink.width <= 0) continue;
      const double width = pango_units_to_double(logical.width);
      cairo_rectangle(cairo,
                      line.pen_x + pango_units_to_double(logical.x) + kBetween * width,
                      line.base_line - height,
                      (1 - 2 * kBetween) * width,
                      height);
    } while (pango_layout_iter_next_cluster(at.get()));
    cairo_fill(cairo);
  }

  std::vector<uint32_t> background() const {
    std::vector<uint32_t> canvas(static_cast<std::size_t>(width_ * height_));
    for (int64_t y = 0; y < height_; ++y) {
      const auto rgb = background_at(scene_.background,
                                     static_cast<double>(y) / static_cast<double>(height_ - 1));
      const uint32_t pixel = uint32_t{rgb[0]} << 16 | uint32_t{rgb[1]} << 8 | uint32_t{rgb[2]};
      std::fill_n(canvas.begin() + y * width_, width_, pixel);
    }
    return canvas;
  }

  void draw_pictogram(cairo_t* cairo, std::size_t index) const {
    const auto& pictogram = data().pictograms.named(scene_.pictograms[index].id);
    const auto box = in_pixels(placed_.pictograms[index]);
    // Safe: cairo only reads from a source surface.
    const auto pixels = const_cast<uint32_t*>(pictogram.pixels.data());
    const SurfaceHandle surface(
        cairo_image_surface_create_for_data(reinterpret_cast<unsigned char*>(pixels),
                                            CAIRO_FORMAT_ARGB32,
                                            static_cast<int>(pictogram.width),
                                            static_cast<int>(pictogram.height),
                                            static_cast<int>(pictogram.width * 4)));
    cairo_save(cairo);
    cairo_translate(cairo, box.x, box.y);
    cairo_scale(cairo,
                box.width / static_cast<double>(pictogram.width),
                box.height / static_cast<double>(pictogram.height));
    cairo_set_source_surface(cairo, surface.get(), 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_GOOD);
    // Beyond the edges is transparency, so that the cropped edges are antialiased too.
    cairo_pattern_set_extend(cairo_get_source(cairo), CAIRO_EXTEND_NONE);
    cairo_rectangle(
        cairo, 0, 0, static_cast<double>(pictogram.width), static_cast<double>(pictogram.height));
    cairo_fill(cairo);
    cairo_restore(cairo);
  }

  const State& state_;
  const Scene& scene_;
  int64_t width_, height_;
  double unit_ = 0;
  PlacedScene placed_;
  std::vector<Line> lines_;
};

Renderer::Renderer(const PosterSource& source)
    : state_(new State{source, FontRoom(source.data().font_files)}) {}
Renderer::~Renderer() = default;
Renderer::Renderer(Renderer&&) noexcept = default;
Renderer& Renderer::operator=(Renderer&&) noexcept = default;

Image Renderer::render(const Scene& scene, int64_t width, int64_t height, LetterShapes shapes) {
  return Drawing(*state_, scene, width, height).render(shapes);
}

Layout Renderer::layout(const Scene& scene, int64_t width, int64_t height) {
  return Drawing(*state_, scene, width, height).layout();
}

}  // namespace glm_image::posters
