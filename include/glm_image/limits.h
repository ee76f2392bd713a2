#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

/// The range of every number in a Request and in its options. The engine, the command line, the
/// server and saved generation parameters are checked against these constants, so that each of them
/// accepts what the others accept. A server may set lower maxima of its own.
namespace glm_image::limits {

/// Width and height in pixels: multiples of kSizeStep, the side of a visual token.
inline constexpr int64_t kSizeStep = 32;
inline constexpr int64_t kMaxSide = 4096;
inline constexpr int64_t kMaxGridSide = kMaxSide / kSizeStep;  ///< in visual tokens

/// Bounds of Request::reference_pixels.
inline constexpr int64_t kMinReferencePixels = kSizeStep * kSizeStep;
inline constexpr int64_t kMaxReferencePixels = kMaxSide * kMaxSide;

inline constexpr int64_t kMaxSteps = 1000;  ///< denoising steps; at least 1
inline constexpr int64_t kMaxCount = 1000;  ///< pictures of a request; at least 1
inline constexpr int64_t kMaxBestOf = 16;   ///< compositions to choose from; at least 1
inline constexpr int64_t kMaxPreviews = 8;  ///< previews of each picture; at least 0
inline constexpr uint64_t kMaxSeed = std::numeric_limits<uint64_t>::max();

inline constexpr double kMinGuidance = 1;  ///< no guidance
inline constexpr double kMaxGuidance = 100;
inline constexpr double kMaxStepCache = 1;
inline constexpr double kMinTemperature = 1e-6;
inline constexpr double kMaxTemperature = 100;
inline constexpr double kMinTopP = 0;
inline constexpr double kMaxTopP = 1;

/// 32,000 characters, as in OpenAI's API, of at most four bytes in UTF-8. A PNG stores its prompt
/// twice, once as JSON, where one byte may take six.
inline constexpr std::size_t kMaxPromptBytes = std::size_t{4} * 32'000;
/// Each byte of a text to spell is a token of the transformer.
inline constexpr std::size_t kMaxSpelledBytes = std::size_t{16} * 1024;
inline constexpr std::size_t kMaxTexts = 256;
inline constexpr std::size_t kMaxConditionImages = 16;
inline constexpr std::size_t kMaxAdapters = 16;
/// Of an adapter; negative scales down to minus this are allowed too.
inline constexpr double kMaxAdapterScale = 10;

/// Of PipelineOptions; 0 leaves the number unchanged.
inline constexpr int kMaxThreads = 4096;
/// Of a JPEG or WebP file.
inline constexpr int kMinQuality = 1;
inline constexpr int kMaxQuality = 100;

}  // namespace glm_image::limits
