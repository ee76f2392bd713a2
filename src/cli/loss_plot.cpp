#include "cli/loss_plot.h"

#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "image/codec.h"

namespace glm_image::cli {
namespace {

constexpr int kWidth = 900, kPanelHeight = 180, kLeft = 70, kRight = 20, kTop = 30, kBottom = 24;

using Points = std::vector<std::pair<double, double>>;

/// Moving average over a window of about 1/50 of the points.
Points smoothed(const Points& points) {
  const auto window = static_cast<std::ptrdiff_t>(points.size() / 100);
  const auto size = static_cast<std::ptrdiff_t>(points.size());
  Points result;
  for (std::ptrdiff_t i = 0; i < size; ++i) {
    const auto first = std::max<std::ptrdiff_t>(i - window, 0);
    const auto last = std::min(i + window + 1, size);
    double sum = 0;
    for (auto j = first; j < last; ++j) sum += points[j].second;
    result.emplace_back(points[i].first, sum / static_cast<double>(last - first));
  }
  return result;
}

struct Range {
  double low, high;
};

/// Excludes the first steps and outliers, which would flatten the rest of the curve.
Range range_of(const Points& points) {
  std::vector<double> values;
  for (size_t i = points.size() > 50 ? points.size() / 20 : 0; i < points.size(); ++i) {
    values.push_back(points[i].second);
  }
  std::sort(values.begin(), values.end());
  const double low = values[values.size() / 200],
               high = values[values.size() - 1 - values.size() / 200];
  const double margin = std::max((high - low) * 0.08, std::abs(high) * 1e-6 + 1e-12);
  return {low - margin, high + margin};
}

void draw_panel(cairo_t* cairo, int top, const std::string& name, const Points& raw) {
  const auto points = smoothed(raw);
  const Range range = range_of(points);
  const double last_step = std::max(points.back().first, 1.0);
  const int height = kPanelHeight - kTop - kBottom, width = kWidth - kLeft - kRight;
  const auto x_of = [&](double step) { return kLeft + width * step / last_step; };
  const auto y_of = [&](double value) {
    const double part = (value - range.low) / (range.high - range.low);
    return top + kTop + height * (1 - std::clamp(part, 0.0, 1.0));
  };
  char text[128];
  const auto write = [&](double x, double y) {
    cairo_move_to(cairo, x, y);
    cairo_show_text(cairo, text);
  };
  cairo_set_source_rgb(cairo, 0.85, 0.85, 0.85);
  cairo_rectangle(cairo, kLeft, top + kTop, width, height);
  cairo_stroke(cairo);
  cairo_set_source_rgb(cairo, 0.2, 0.2, 0.2);
  std::snprintf(text, sizeof text, "%s: %.5g", name.c_str(), points.back().second);
  write(kLeft, top + kTop - 8);
  std::snprintf(text, sizeof text, "%.4g", range.high);
  write(6, top + kTop + 8);
  std::snprintf(text, sizeof text, "%.4g", range.low);
  write(6, top + kTop + height);
  std::snprintf(text, sizeof text, "step %.0f", last_step);
  write(kWidth - kRight - 80, top + kPanelHeight - 8);
  cairo_set_source_rgb(cairo, 0.10, 0.35, 0.70);
  for (size_t i = 0; i < points.size(); ++i) {
    if (i == 0) {
      cairo_move_to(cairo, x_of(points[i].first), y_of(points[i].second));
    } else {
      cairo_line_to(cairo, x_of(points[i].first), y_of(points[i].second));
    }
  }
  cairo_stroke(cairo);
}

Image draw_loss_plot(const std::vector<train::Metrics>& history) {
  std::map<std::string, Points> curves;
  for (const auto& metrics : history) {
    for (const auto& [name, value] : metrics.values) {
      if (std::isfinite(value)) curves[name].emplace_back(metrics.step, value);
    }
  }
  const int height = kPanelHeight * static_cast<int>(std::max<size_t>(curves.size(), 1));
  const std::unique_ptr<cairo_surface_t, void (*)(cairo_surface_t*)> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, kWidth, height), cairo_surface_destroy);
  const std::unique_ptr<cairo_t, void (*)(cairo_t*)> cairo(cairo_create(surface.get()),
                                                           cairo_destroy);
  cairo_set_source_rgb(cairo.get(), 1, 1, 1);
  cairo_paint(cairo.get());
  cairo_set_line_width(cairo.get(), 1.5);
  cairo_set_font_size(cairo.get(), 13);
  int top = 0;
  for (const auto& [name, points] : curves) {
    draw_panel(cairo.get(), top, name, points);
    top += kPanelHeight;
  }
  cairo_surface_flush(surface.get());

  Image image{kWidth, height, {}};
  image.pixels.resize(static_cast<size_t>(3) * kWidth * height);
  const uint8_t* data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int y = 0; y < height; ++y) {
    const auto* row = reinterpret_cast<const uint32_t*>(data + static_cast<ptrdiff_t>(y) * stride);
    uint8_t* out = image.pixels.data() + static_cast<ptrdiff_t>(y) * kWidth * 3;
    for (int x = 0; x < kWidth; ++x) {
      out[3 * x] = static_cast<uint8_t>(row[x] >> 16);
      out[3 * x + 1] = static_cast<uint8_t>(row[x] >> 8);
      out[3 * x + 2] = static_cast<uint8_t>(row[x]);
    }
  }
  return image;
}

}  // namespace

void write_loss_plot(const train::RunFolder& folder) {
  if (folder.history().size() < 2) return;
  image::write_image(folder.path() / "loss.png", draw_loss_plot(folder.history()));
}

}  // namespace glm_image::cli
