#pragma once

#include <sys/socket.h>

#include <stdexcept>
#include <utility>

#include "cluster/socket.h"

namespace glm_image::test {

/// Both ends of a connection within this process.
inline std::pair<cluster::Socket, cluster::Socket> connected_sockets() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) throw std::runtime_error("socketpair");
  return {cluster::Socket(ends[0]), cluster::Socket(ends[1])};
}

}  // namespace glm_image::test
