#include "reading/text_reader.h"

#include <tesseract/baseapi.h>
#include <tesseract/resultiterator.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/error.h"
#include "image/resize.h"

namespace glm_image::reading {
namespace {

/// Heights of the letters' box, in pixels, at which a line is read.
constexpr int64_t kReadingHeights[] = {40, 64};
/// White around the line, in pixels.
constexpr int64_t kBorder = 14;
/// Resolution in pixels per inch that is reported to Tesseract for letters of these heights.
constexpr int kResolution = 300;
/// Whole pictures are enlarged to this longer side before they are read, at most by kMostEnlarged.
constexpr double kPageSide = 1600;
constexpr double kMostEnlarged = 4;

/// Renders the ink in black on white.
Image drawn_line(const InkMap& ink) {
  Image image{ink.width, ink.height, {}};
  image.pixels.reserve(ink.ink.size() * 3);
  for (const float share : ink.ink) {
    image.pixels.insert(
        image.pixels.end(), 3, static_cast<uint8_t>(std::lround(255 * (1 - share))));
  }
  return image;
}

/// One byte per pixel, with a white border.
struct GreyImage {
  int64_t width, height;
  std::vector<uint8_t> pixels;
};

GreyImage bordered_grey(const Image& image) {
  GreyImage grey{image.width + 2 * kBorder, image.height + 2 * kBorder, {}};
  grey.pixels.assign(static_cast<std::size_t>(grey.width * grey.height), 255);
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      grey.pixels[static_cast<std::size_t>((y + kBorder) * grey.width + x + kBorder)] =
          image.pixels[static_cast<std::size_t>(3 * (y * image.width + x))];
    }
  }
  return grey;
}

}  // namespace

struct TextReader::State {
  tesseract::TessBaseAPI tesseract;

  /// Appends the words of the picture that was set, with boxes in its pixels.
  template <typename Place>
  void recognise(std::vector<ReadWord>& words, const Place& place) {
    if (tesseract.Recognize(nullptr) != 0) return;
    const std::unique_ptr<tesseract::ResultIterator> at(tesseract.GetIterator());
    if (!at) return;
    do {
      const std::unique_ptr<char[]> text(at->GetUTF8Text(tesseract::RIL_WORD));
      int left = 0, top = 0, right = 0, bottom = 0;
      if (!text || !at->BoundingBox(tesseract::RIL_WORD, &left, &top, &right, &bottom)) continue;
      words.push_back({text.get(), place(left, top, right, bottom)});
    } while (at->Next(tesseract::RIL_WORD));
  }
};

TextReader::TextReader(const std::string& languages) : state_(new State) {
  const std::vector<std::string> names = {
      "load_system_dawg", "load_freq_dawg", "load_punc_dawg", "load_number_dawg", "debug_file"};
  const std::vector<std::string> values = {"0", "0", "0", "0", "/dev/null"};
  const int failed = state_->tesseract.Init(nullptr,
                                            languages.c_str(),
                                            tesseract::OEM_LSTM_ONLY,
                                            nullptr,
                                            0,
                                            &names,
                                            &values,
                                            /*set_only_non_debug_params=*/false);
  if (failed != 0) {
    fail(ErrorCode::kNotFound,
         "Tesseract cannot load its language data ",
         languages,
         ": install their packages, such as tesseract-ocr-fra and tesseract-ocr-eng");
  }
}
TextReader::~TextReader() = default;
TextReader::TextReader(TextReader&&) noexcept = default;
TextReader& TextReader::operator=(TextReader&&) noexcept = default;

std::vector<std::vector<ReadWord>> TextReader::read(const TextLine& line) {
  std::vector<std::vector<ReadWord>> readings;
  const auto drawn = drawn_line(line.ink);
  auto& tesseract = state_->tesseract;
  tesseract.SetPageSegMode(tesseract::PSM_SINGLE_LINE);
  // The ink is always black on white.
  tesseract.SetVariable("tessedit_do_invert", "0");
  for (const auto height : kReadingHeights) {
    const double scale = static_cast<double>(height) / static_cast<double>(line.box.height());
    const auto scaled = [&](int64_t side) {
      return std::max<int64_t>(1, std::llround(scale * static_cast<double>(side)));
    };
    const auto grey =
        bordered_grey(image::resize_lanczos(drawn, scaled(drawn.width), scaled(drawn.height)));
    tesseract.SetImage(grey.pixels.data(),
                       static_cast<int>(grey.width),
                       static_cast<int>(grey.height),
                       /*bytes_per_pixel=*/1,
                       static_cast<int>(grey.width));
    tesseract.SetSourceResolution(kResolution);
    const auto back = [&](int pixel, int64_t origin) {
      return origin + std::llround(static_cast<double>(pixel - kBorder) / scale);
    };
    state_->recognise(readings.emplace_back(),
                      [&](int left, int top, int right, int bottom) -> PixelBox {
                        return {back(left, line.ink.left),
                                back(top, line.ink.top),
                                back(right, line.ink.left),
                                back(bottom, line.ink.top)};
                      });
  }
  return readings;
}

std::vector<ReadWord> TextReader::read_page(const Image& image, Threshold threshold) {
  const double scale = std::clamp(
      kPageSide / static_cast<double>(std::max(image.width, image.height)), 1.0, kMostEnlarged);
  const auto scaled = [&](int64_t side) { return std::llround(scale * static_cast<double>(side)); };
  const auto page = image::resize_lanczos(image, scaled(image.width), scaled(image.height));
  auto& tesseract = state_->tesseract;
  tesseract.SetPageSegMode(tesseract::PSM_SPARSE_TEXT);
  tesseract.SetVariable("tessedit_do_invert", "1");
  tesseract.SetVariable("thresholding_method", threshold == Threshold::kLocal ? "2" : "0");
  tesseract.SetImage(page.pixels.data(),
                     static_cast<int>(page.width),
                     static_cast<int>(page.height),
                     /*bytes_per_pixel=*/3,
                     static_cast<int>(3 * page.width));
  tesseract.SetSourceResolution(kResolution);
  std::vector<ReadWord> words;
  const auto back = [&](int pixel) {
    return static_cast<int64_t>(std::llround(static_cast<double>(pixel) / scale));
  };
  state_->recognise(words, [&](int left, int top, int right, int bottom) -> PixelBox {
    return {back(left), back(top), back(right), back(bottom)};
  });
  tesseract.SetVariable("thresholding_method", "0");
  return words;
}

std::set<std::string> installed_languages() {
  tesseract::TessBaseAPI tesseract;
  tesseract.SetVariable("debug_file", "/dev/null");
  // It fails, but finds the folder of the data. They are not loaded.
  tesseract.Init(nullptr, "no such data", tesseract::OEM_LSTM_ONLY);
  std::vector<std::string> names;
  tesseract.GetAvailableLanguagesAsVector(&names);
  return {names.begin(), names.end()};
}

}  // namespace glm_image::reading
