# Warnings and sanitizers for our own targets only: `glm_image_compile_options(target)`.
include(CheckCXXCompilerFlag)

# GCC gives false alarms of these kinds about code of LibTorch that it inlines into ours, in each release other
# ones. They are shown and are never errors. Not every compiler knows every name.
set(glm_image_never_errors "")
foreach(warning array-bounds dangling-reference maybe-uninitialized stringop-overflow stringop-overread)
  string(MAKE_C_IDENTIFIER "GLM_IMAGE_HAVE_W${warning}" known)
  check_cxx_compiler_flag(-W${warning} ${known})
  if(${known})
    list(APPEND glm_image_never_errors -Wno-error=${warning})
  endif()
endforeach()

function(glm_image_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra)
  if(GLM_IMAGE_WERROR)
    target_compile_options(${target} PRIVATE -Werror ${glm_image_never_errors})
  endif()
endfunction()
