# The library that the server stands on. Where it is missing, or a version that the server does not know,
# everything but the server is built: GLM_IMAGE_SERVER is OFF for what follows, and cmake says why.
find_package(PkgConfig REQUIRED)
pkg_check_modules(HTTPLIB IMPORTED_TARGET cpp-httplib)
set(no_server_because "")
if(NOT HTTPLIB_FOUND)
  set(no_server_because "cpp-httplib was not found (Debian: libcpp-httplib-dev)")
else()
  # All that differs between its versions is in one header: the server can use a version that compiles it.
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_INCLUDES ${PROJECT_SOURCE_DIR}/src)
  set(CMAKE_REQUIRED_LIBRARIES PkgConfig::HTTPLIB)
  # The answer belongs to one version of the library.
  check_cxx_source_compiles("#include \"server/http_library.h\"\nint main() {}"
    GLM_IMAGE_CAN_USE_HTTPLIB_${HTTPLIB_VERSION})
  unset(CMAKE_REQUIRED_INCLUDES)
  unset(CMAKE_REQUIRED_LIBRARIES)
  if(NOT GLM_IMAGE_CAN_USE_HTTPLIB_${HTTPLIB_VERSION})
    set(no_server_because "it cannot use cpp-httplib ${HTTPLIB_VERSION}")
  endif()
endif()
if(no_server_because)
  set(no_server "The server is not built: ${no_server_because}. `glm-image serve`, the page and their tests are left out.")
  # Whoever treats warnings as errors means to build all parts.
  if(GLM_IMAGE_WERROR)
    message(FATAL_ERROR "${no_server} -DGLM_IMAGE_SERVER=OFF builds without it.")
  endif()
  message(WARNING "${no_server}")
  set(GLM_IMAGE_SERVER OFF)
endif()
