#pragma once

namespace glm_image::cli {

/// From now on SIGINT and SIGTERM only ask the program to stop; a second one ends it at once, as
/// usual.
void watch_for_interrupts();

/// The signal that asked for it, or 0.
int interrupted_by();

/// From now on, a write to a pipe or a connection that the other side has closed fails, instead of
/// ending the program by SIGPIPE. Gloo writes to the connections of other ranks in this way.
void survive_closed_connections();

}  // namespace glm_image::cli
