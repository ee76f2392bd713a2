# What several machines need to draw together: LibTorch with c10d's Gloo, the headers of Gloo, and OpenSSL. If one is
# missing, GLM_IMAGE_CLUSTER is set to OFF with a message, and everything else is built: `--cluster` then says what it
# needs.
include(CheckCXXSourceCompiles)
find_package(OpenSSL QUIET)
find_library(GLOO_LIBRARY gloo)
set(missing "")
if(NOT OPENSSL_FOUND)
  list(APPEND missing "OpenSSL (Debian: libssl-dev)")
endif()
if(NOT GLOO_LIBRARY)
  set(GLM_IMAGE_HAVE_GLOO OFF)
else()
  set(CMAKE_REQUIRED_LIBRARIES ${TORCH_LIBRARIES} ${GLOO_LIBRARY})
  # LibTorch's headers refuse an older standard.
  set(CMAKE_REQUIRED_FLAGS "${CMAKE_CXX_FLAGS} -std=c++${CMAKE_CXX_STANDARD}")
  check_cxx_source_compiles([[
    #include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
    int main() {
      return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1") ? 0 : 1;
    }
  ]] GLM_IMAGE_HAVE_GLOO)
  unset(CMAKE_REQUIRED_LIBRARIES)
  unset(CMAKE_REQUIRED_FLAGS)
endif()
if(NOT GLM_IMAGE_HAVE_GLOO)
  list(APPEND missing "LibTorch with Gloo, and Gloo's headers (Debian: libgloo-dev)")
endif()
if(missing)
  list(JOIN missing " and " missing)
  message(STATUS "Drawing on several machines is not built: it needs ${missing}")
  set(GLM_IMAGE_CLUSTER OFF)
endif()
