# The library that the server stands on. Where it is missing or a version that the server cannot use, everything
# but the server is built: GLM_IMAGE_SERVER is OFF for what follows, and cmake says why.
find_package(PkgConfig REQUIRED)
pkg_check_modules(HTTPLIB IMPORTED_TARGET "cpp-httplib<0.16")
if(NOT HTTPLIB_FOUND)
  set(no_server "The server is not built: it needs cpp-httplib before 0.16, which was not found (Debian 12: libcpp-httplib-dev). `glm-image serve`, the page and their tests are left out.")
  # Whoever treats warnings as errors means to build all parts.
  if(GLM_IMAGE_WERROR)
    message(FATAL_ERROR "${no_server} -DGLM_IMAGE_SERVER=OFF builds without it.")
  endif()
  message(WARNING "${no_server}")
  set(GLM_IMAGE_SERVER OFF)
endif()
