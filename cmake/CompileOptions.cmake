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
  # In a unity build a file sees the names of others, so that -Wshadow reports names that shadow nothing in their own
  # file. There it is no error, and left out for tests: many have a `using nlohmann::json` for themselves.
  if(NOT CMAKE_UNITY_BUILD OR NOT CMAKE_CURRENT_SOURCE_DIR MATCHES "^${PROJECT_SOURCE_DIR}/tests")
    target_compile_options(${target} PRIVATE -Wshadow)
  endif()
  if(GLM_IMAGE_WERROR)
    target_compile_options(${target} PRIVATE -Werror ${glm_image_never_errors}
      $<$<BOOL:${CMAKE_UNITY_BUILD}>:-Wno-error=shadow>)
  endif()
endfunction()
