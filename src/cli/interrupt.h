#pragma once

namespace glm_image::cli {

/// From now on SIGINT and SIGTERM only ask the program to stop; a second one ends it at once, as
/// usual.
void watch_for_interrupts();

/// The signal that asked for it, or 0.
int interrupted_by();

}  // namespace glm_image::cli
