#pragma once

#include <memory>

#include "glm_image/image.h"
#include "glm_image/limits.h"
#include "nano/posters/poster_source.h"

namespace glm_image::posters {

enum class BoxKind { kText, kPictogram };

/// The ink of an item, rounded outwards to whole pixels.
struct ItemBox {
  BoxKind kind;
  std::size_t index;  ///< into the scene's texts or pictograms
  int64_t x, y, width, height;
};

/// The ink of one letter with its diacritics, rounded outwards to whole pixels.
struct LetterBox {
  std::size_t text;    ///< index into the scene's texts
  std::size_t offset;  ///< of its first byte in this text
  int64_t x, y, width, height;
};

/// A line of text, in pixels.
struct LineBox {
  std::size_t text;     ///< index into the scene's texts
  std::size_t line;     ///< index into the text's lines
  double x, base_line;  ///< where the pen starts
  double width;         ///< advance width
  double em;
};

struct Layout {
  std::vector<ItemBox> boxes;      ///< pictograms first, then texts
  std::vector<LineBox> lines;      ///< of all texts, in reading order
  std::vector<LetterBox> letters;  ///< of all texts, in reading order, without spaces
};

/// Limits of a poster's sides, in pixels.
inline constexpr int64_t kMinSide = 32, kMaxSide = limits::kMaxSide;

/// Whether to draw letters or a bar in place of each, which shows only the letter's position.
enum class LetterShapes { kTrue, kBars };

/// Draws scenes. The result for a scene is the same on every call on one machine. An instance
/// caches fonts and serves one thread at a time; several instances may run concurrently.
class Renderer {
 public:
  explicit Renderer(const PosterSource& source);
  ~Renderer();
  Renderer(Renderer&&) noexcept;
  Renderer& operator=(Renderer&&) noexcept;

  /// Throws kInvalidInput if a side is not from kMinSide to kMaxSide, or if the scene has names
  /// that the data does not define.
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
