#pragma once

namespace glm_image::cli {

/// Replaces this process by the engine, the program that computes, with the same arguments,
/// environment and open files. The engine lies at a fixed place relative to this program
/// (GLM_IMAGE_ENGINE in src/CMakeLists.txt), in the build tree as in an installation. Throws
/// kInternal if it cannot be started.
[[noreturn]] void start_engine();

}  // namespace glm_image::cli
