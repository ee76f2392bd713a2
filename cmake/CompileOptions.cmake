# Warnings and sanitizers for our own targets only: `glm_image_compile_options(target)`.

# GCC from 13 on gives false alarms of these kinds about code of LibTorch that it inlines into ours, each release
# other ones. They are shown and are never errors.
set(glm_image_never_errors "")
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  foreach(warning array-bounds dangling-reference maybe-uninitialized stringop-overflow stringop-overread)
    list(APPEND glm_image_never_errors -Wno-error=${warning})
  endforeach()
endif()

function(glm_image_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra)
  if(GLM_IMAGE_WERROR)
    target_compile_options(${target} PRIVATE -Werror ${glm_image_never_errors})
  endif()
endfunction()
