# Warnings and sanitizers for our own targets only: `glm_image_compile_options(target)`.
function(glm_image_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra)
  if(GLM_IMAGE_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
