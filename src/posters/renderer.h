#pragma once

#include <memory>

#include "glm_image/image.h"
#include "glm_image/limits.h"
#include "posters/poster_source.h"

namespace glm_image::posters {

enum class BoxKind { kText, kPictogram };

/// Whole pixels around what is drawn of one item.
struct ItemBox {
  BoxKind kind;
  std::size_t index;  ///< in the scene's texts or pictograms
  int64_t x, y, width, height;
};

/// Whole pixels around the ink of one letter with its marks.
struct LetterBox {
  std::size_t text;    ///< in the scene's texts
  std::size_t offset;  ///< of its first byte in that text
  int64_t x, y, width, height;
};

/// Where a line of text stands, in pixels.
struct LineBox {
  std::size_t text;     ///< in the scene's texts
  std::size_t line;     ///< in the text's lines
  double x, base_line;  ///< where the pen starts
  double width;         ///< how far the pen goes
  double em;
};

struct Layout {
  std::vector<ItemBox> boxes;      ///< pictograms first, then texts
  std::vector<LineBox> lines;      ///< of all texts, in the order of reading
  std::vector<LetterBox> letters;  ///< of all texts, in the order of reading; spaces have none
};

/// The sides of a poster, in pixels.
inline constexpr int64_t kMinSide = 32, kMaxSide = limits::kMaxSide;

/// What is drawn of a letter: itself, or the same bar for each, which tells of a text no more than
/// where its letters stand.
enum class LetterShapes { kTrue, kBars };

/// Draws scenes. The same scene gives the same bytes on one machine. For one thread at a time: it
/// keeps fonts open; several renderers may work side by side.
class Renderer {
 public:
  explicit Renderer(const PosterSource& source);
  ~Renderer();
  Renderer(Renderer&&) noexcept;
  Renderer& operator=(Renderer&&) noexcept;

  /// Throws kInvalidInput for sides that are not from kMinSide to kMaxSide, and for a scene that
  /// names what the data does not have.
  Image render(const Scene& scene,
               int64_t width,
               int64_t height,
               LetterShapes shapes = LetterShapes::kTrue);
  Layout layout(const Scene& scene, int64_t width, int64_t height);

 private:
  class Drawing;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace glm_image::posters
