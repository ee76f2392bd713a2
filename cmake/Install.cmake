# `cmake --install`: two components, which are also the two packages. `program` is what people run, with the shared
# libraries; `development` is what compilers need.

# Under /usr the loader finds the libraries by itself; in any other place their path is in the files that need them.
function(glm_image_remove_rpath file)
  install(CODE "
    if(CMAKE_INSTALL_PREFIX STREQUAL \"/usr\")
      file(RPATH_REMOVE FILE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${file}\")
    endif()" COMPONENT program)
endfunction()

# The bare library has no pipeline to offer behind its headers.
if(GLM_IMAGE_PIPELINE)
  include(CMakePackageConfigHelpers)
  set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/glm_image)
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/glm_imageConfig.cmake.in
    ${CMAKE_CURRENT_BINARY_DIR}/glm_imageConfig.cmake INSTALL_DESTINATION ${package_dir})
  write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/glm_imageConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
  install(TARGETS glm_image glm_image_c EXPORT glm_imageTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT program NAMELINK_COMPONENT development)
  glm_image_remove_rpath(${CMAKE_INSTALL_LIBDIR}/libglm_image_c.so.1.0)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
  install(EXPORT glm_imageTargets NAMESPACE glm_image:: DESTINATION ${package_dir} COMPONENT development)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/glm_imageConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/glm_imageConfigVersion.cmake DESTINATION ${package_dir} COMPONENT development)

  # pkg-config files that name their folders relative to their own.
  set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  file(RELATIVE_PATH pkgconfig_to_prefix /prefix/${pkgconfig_dir} /prefix)
  string(REGEX REPLACE "/$" "" pkgconfig_to_prefix "${pkgconfig_to_prefix}")
  foreach(library glm_image glm_image_c)
    configure_file(${PROJECT_SOURCE_DIR}/packaging/${library}.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${library}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${library}.pc DESTINATION ${pkgconfig_dir} COMPONENT development)
  endforeach()
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/ DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libglm-image-dev/examples
    COMPONENT development)
endif()

if(GLM_IMAGE_CLI)
  install(TARGETS glm-image RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
  install(TARGETS glm-image-engine RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/glm_image COMPONENT program)
  glm_image_remove_rpath(${CMAKE_INSTALL_LIBEXECDIR}/glm_image/glm-image-engine)
  # Where cli/shipped_files looks for them.
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/models/nano DESTINATION ${CMAKE_INSTALL_DATADIR}/glm_image/models
    COMPONENT program)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/data DESTINATION ${CMAKE_INSTALL_DATADIR}/glm_image COMPONENT program)
  # What `glm-image self-test` compares with.
  set(reference_folder tests/data/tiny)
  file(GLOB reference_files ${PROJECT_SOURCE_DIR}/${reference_folder}/*.png)
  install(FILES ${PROJECT_SOURCE_DIR}/${reference_folder}/cases.json ${reference_files}
    DESTINATION ${CMAKE_INSTALL_DATADIR}/glm_image/${reference_folder} COMPONENT program)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${reference_folder}/model ${PROJECT_SOURCE_DIR}/${reference_folder}/images
    DESTINATION ${CMAKE_INSTALL_DATADIR}/glm_image/${reference_folder} COMPONENT program)
  if(GLM_IMAGE_TRAIN)
    # The configs name data/ and models/ relative to their own folder.
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/training DESTINATION ${CMAKE_INSTALL_DATADIR}/glm_image COMPONENT program)
  endif()
  if(GLM_IMAGE_SERVER)
    install(FILES ${PROJECT_SOURCE_DIR}/packaging/glm-image.desktop
      DESTINATION ${CMAKE_INSTALL_DATADIR}/applications COMPONENT program)
    # The page's icon.
    install(FILES ${PROJECT_SOURCE_DIR}/web/icon.svg RENAME glm-image.svg
      DESTINATION ${CMAKE_INSTALL_DATADIR}/icons/hicolor/scalable/apps COMPONENT program)
  endif()
  # share/man, share/bash-completion, share/zsh, share/fish
  install(DIRECTORY ${CMAKE_BINARY_DIR}/reference/ DESTINATION ${CMAKE_INSTALL_DATADIR} COMPONENT program)
  find_program(GLM_IMAGE_GZIP gzip)
  if(GLM_IMAGE_GZIP)
    install(CODE "
      file(GLOB pages \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/man/man1/glm-image*.1\")
      execute_process(COMMAND ${GLM_IMAGE_GZIP} -9nf \${pages} COMMAND_ERROR_IS_FATAL ANY)
      # install_manifest.txt names the files that are there afterwards.
      list(TRANSFORM CMAKE_INSTALL_MANIFEST_FILES REPLACE \"/man1/(glm-image[^/]*[.]1)$\" \"/man1/\\\\1.gz\")"
      COMPONENT program)
  endif()
endif()
