#include "evaluate/text_reader.h"

#include <tesseract/baseapi.h>
#include <tesseract/resultiterator.h>

#include <cmath>
#include <cstdlib>

#include "core/error.h"
#include "image/resize.h"

namespace glm_image::evaluate {
namespace {

constexpr const char* kLanguages = "fra+eng";
/// Heights of the letters' box, in pixels, at which a line is read.
constexpr int64_t kReadingHeights[] = {40, 64};
/// White around the line, in pixels.
constexpr int64_t kBorder = 14;
/// Pixels per inch that letters of this height mean.
constexpr int kResolution = 300;

/// Black on white.
Image drawn_line(const InkMap& ink) {
  Image image{ink.width, ink.height, {}};
  image.pixels.reserve(ink.ink.size() * 3);
  for (const float share : ink.ink) {
    image.pixels.insert(
        image.pixels.end(), 3, static_cast<uint8_t>(std::lround(255 * (1 - share))));
  }
  return image;
}

/// One byte a pixel, with a white border.
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
};

TextReader::TextReader() : state_(new State) {
  const std::vector<std::string> names = {
      "load_system_dawg", "load_freq_dawg", "load_punc_dawg", "load_number_dawg", "debug_file"};
  const std::vector<std::string> values = {"0", "0", "0", "0", "/dev/null"};
  const int failed = state_->tesseract.Init(nullptr,
                                            kLanguages,
                                            tesseract::OEM_LSTM_ONLY,
                                            nullptr,
                                            0,
                                            &names,
                                            &values,
                                            /*set_only_non_debug_params=*/false);
  if (failed != 0) {
    fail(ErrorCode::kNotFound,
         "Tesseract cannot load its language data ",
         kLanguages,
         ": install the packages tesseract-ocr-fra and tesseract-ocr-eng");
  }
  state_->tesseract.SetPageSegMode(tesseract::PSM_SINGLE_LINE);
  // The ink is black already.
  state_->tesseract.SetVariable("tessedit_do_invert", "0");
}
TextReader::~TextReader() = default;
TextReader::TextReader(TextReader&&) noexcept = default;
TextReader& TextReader::operator=(TextReader&&) noexcept = default;

std::vector<std::vector<ReadWord>> TextReader::read(const TextLine& line) {
  std::vector<std::vector<ReadWord>> readings;
  const auto drawn = drawn_line(line.ink);
  auto& tesseract = state_->tesseract;
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
    if (tesseract.Recognize(nullptr) != 0) continue;
    const std::unique_ptr<tesseract::ResultIterator> at(tesseract.GetIterator());
    if (!at) continue;
    auto& words = readings.emplace_back();
    do {
      const std::unique_ptr<char[]> text(at->GetUTF8Text(tesseract::RIL_WORD));
      int left = 0, top = 0, right = 0, bottom = 0;
      if (!text || !at->BoundingBox(tesseract::RIL_WORD, &left, &top, &right, &bottom)) continue;
      const auto back = [&](int pixel, int64_t origin) {
        return origin + std::llround(static_cast<double>(pixel - kBorder) / scale);
      };
      words.push_back({text.get(),
                       {back(left, line.ink.left),
                        back(top, line.ink.top),
                        back(right, line.ink.left),
                        back(bottom, line.ink.top)}});
    } while (at->Next(tesseract::RIL_WORD));
  }
  return readings;
}

}  // namespace glm_image::evaluate
