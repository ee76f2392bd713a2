#pragma once

#include <string>
#include <vector>

namespace glm_image::cli {

/// Returns at most four IPv4 addresses of this machine that other devices of its network may reach;
/// empty if the system lists none.
std::vector<std::string> network_addresses();

}  // namespace glm_image::cli
