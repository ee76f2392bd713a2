# Compiler warnings for this project's own targets: `glm_image_compile_options(target)`.

# GCC from 13 on reports false positives of these kinds in inlined LibTorch code; they vary between releases. They
# are shown as warnings but are never errors.
set(glm_image_never_errors "")
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  foreach(warning array-bounds dangling-reference maybe-uninitialized stringop-overflow stringop-overread)
    list(APPEND glm_image_never_errors -Wno-error=${warning})
  endforeach()
endif()

function(glm_image_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra)
  # Files of tests have names for themselves alone (`using nlohmann::json`), which other files of a unity build see.
  if(NOT CMAKE_CURRENT_SOURCE_DIR MATCHES "^${PROJECT_SOURCE_DIR}/tests")
    target_compile_options(${target} PRIVATE -Wshadow)
  endif()
  if(GLM_IMAGE_WERROR)
    # A shadowed name is shown without stopping the build: it is a matter of reading.
    target_compile_options(${target} PRIVATE -Werror -Wno-error=shadow ${glm_image_never_errors})
  endif()
endfunction()
