#include "reading/lab_colour.h"

#include <cmath>

namespace glm_image::reading {
namespace {

constexpr double kPi = 3.14159265358979323846;

double linear(uint8_t value) {
  const double share = value / 255.0;
  return share <= 0.04045 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
}

double lab_curve(double ratio) {
  constexpr double kEdge = 6.0 / 29.0;
  return ratio > kEdge * kEdge * kEdge ? std::cbrt(ratio)
                                       : ratio / (3 * kEdge * kEdge) + 4.0 / 29.0;
}

double radians(double degrees) {
  return degrees * kPi / 180;
}

/// Returns the hue from 0 to 360; 0 for a grey, which has no hue.
double hue_degrees(double a, double b) {
  if (a == 0 && b == 0) return 0;
  const double degrees = std::atan2(b, a) * 180 / kPi;
  return degrees < 0 ? degrees + 360 : degrees;
}

double power7(double x) {
  return std::pow(x, 7);
}

double cos_degrees(double degrees) {
  return std::cos(radians(degrees));
}

}  // namespace

Lab lab_of(const Rgb& rgb) {
  const double red = linear(rgb[0]), green = linear(rgb[1]), blue = linear(rgb[2]);
  const double x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047;
  const double y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue;
  const double z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883;
  const double fx = lab_curve(x), fy = lab_curve(y), fz = lab_curve(z);
  return {116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)};
}

double colour_difference(const Lab& first, const Lab& second) {
  const double kTwentyFive7 = power7(25);
  const double chroma = (std::hypot(first.a, first.b) + std::hypot(second.a, second.b)) / 2;
  const double stretch = 1.5 - 0.5 * std::sqrt(power7(chroma) / (power7(chroma) + kTwentyFive7));
  const double a1 = first.a * stretch, a2 = second.a * stretch;
  const double chroma1 = std::hypot(a1, first.b), chroma2 = std::hypot(a2, second.b);
  const double hue1 = hue_degrees(a1, first.b), hue2 = hue_degrees(a2, second.b);
  const bool has_grey = chroma1 * chroma2 == 0;

  double turn = hue2 - hue1;
  if (has_grey) {
    turn = 0;
  } else if (turn > 180) {
    turn -= 360;
  } else if (turn < -180) {
    turn += 360;
  }
  const double lightness_step = second.lightness - first.lightness;
  const double chroma_step = chroma2 - chroma1;
  const double hue_step = 2 * std::sqrt(chroma1 * chroma2) * std::sin(radians(turn / 2));

  double mean_hue = hue1 + hue2;
  if (!has_grey) {
    if (std::fabs(hue1 - hue2) > 180) mean_hue += mean_hue < 360 ? 360 : -360;
    mean_hue /= 2;
  }
  const double mean_lightness = (first.lightness + second.lightness) / 2;
  const double mean_chroma = (chroma1 + chroma2) / 2;
  const double t = 1 - 0.17 * cos_degrees(mean_hue - 30) + 0.24 * cos_degrees(2 * mean_hue) +
                   0.32 * cos_degrees(3 * mean_hue + 6) - 0.20 * cos_degrees(4 * mean_hue - 63);
  const double away = (mean_lightness - 50) * (mean_lightness - 50);
  const double lightness_weight = 1 + 0.015 * away / std::sqrt(20 + away);
  const double chroma_weight = 1 + 0.045 * mean_chroma;
  const double hue_weight = 1 + 0.015 * mean_chroma * t;
  const double blue_turn = 30 * std::exp(-std::pow((mean_hue - 275) / 25, 2));
  const double rotation = -std::sin(radians(2 * blue_turn)) * 2 *
                          std::sqrt(power7(mean_chroma) / (power7(mean_chroma) + kTwentyFive7));

  const double l = lightness_step / lightness_weight;
  const double c = chroma_step / chroma_weight;
  const double h = hue_step / hue_weight;
  return std::sqrt(l * l + c * c + h * h + rotation * c * h);
}

}  // namespace glm_image::reading
