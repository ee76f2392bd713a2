# `make package`: the Debian packages glm-image and libglm-image-dev, made by CPack of the components of Install.cmake.
# Their dependencies are those of the distribution that they are built on, which is part of their version.
if(NOT GLM_IMAGE_CLI OR NOT EXISTS /etc/debian_version)
  return()
endif()

# The maintainer is who builds the packages, in Debian's own variables.
set(maintainer_name "$ENV{DEBFULLNAME}")
set(maintainer_address "$ENV{DEBEMAIL}")
if(NOT maintainer_name OR NOT maintainer_address)
  set(maintainer_name "Local build of glm-image.cpp")
  set(maintainer_address "root@${CMAKE_PROJECT_NAME}.invalid")
endif()
set(maintainer "${maintainer_name} <${maintainer_address}>")
# "12"; Debian testing has no number.
file(STRINGS /etc/os-release distribution REGEX "^(ID|VERSION_ID|VERSION_CODENAME)=")
list(JOIN distribution "\n" distribution)
set(distribution_id debian)
if(distribution MATCHES "(^|\n)ID=\"?([a-z]+)")
  set(distribution_id ${CMAKE_MATCH_2})
endif()
set(distribution_version testing)
if(distribution MATCHES "VERSION_ID=\"?([0-9.]+)")
  set(distribution_version ${CMAKE_MATCH_1})
endif()
string(SUBSTRING ${distribution_id} 0 3 distribution_id)
set(release 1~${distribution_id}${distribution_version})
set(version ${PROJECT_VERSION}-${release})

set(packaging ${PROJECT_SOURCE_DIR}/packaging/debian)
set(package_files ${CMAKE_BINARY_DIR}/package_files)

# Only in packages: an installation by `cmake --install` keeps to its prefix.
set(in_package EXCLUDE_FROM_ALL COMPONENT program_package)
# Debian's own folder for units, where its package names it.
find_package(PkgConfig REQUIRED)
pkg_get_variable(unit_folder systemd systemdsystemunitdir)
if(NOT unit_folder)
  set(unit_folder /usr/lib/systemd/system)
endif()
install(FILES ${packaging}/glm-image.service DESTINATION ${unit_folder} ${in_package})
install(FILES ${packaging}/default DESTINATION /etc/default RENAME glm-image ${in_package})
install(FILES ${packaging}/lintian-overrides DESTINATION /usr/share/lintian/overrides RENAME glm-image ${in_package})
# The pages of docs/ lie beside them; other files that they link are elsewhere.
foreach(readme README.md README.fr.md)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${readme})
  execute_process(COMMAND ${CMAKE_COMMAND} -DREADME=${PROJECT_SOURCE_DIR}/${readme} -DOUTPUT=${package_files}/${readme}
    -P ${PROJECT_SOURCE_DIR}/cmake/InstalledReadme.cmake COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${package_files}/${readme} DESTINATION /usr/share/doc/glm-image ${in_package})
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION /usr/share/doc/glm-image ${in_package})

# The changelogs, compressed as Debian's policy asks.
file(MAKE_DIRECTORY ${package_files})
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${package_files}/changelog.Debian "glm-image (${version}) unstable; urgency=medium

  * Built from version ${PROJECT_VERSION}; changelog.gz tells what changed.

 -- ${maintainer}  ${date}
")
configure_file(${PROJECT_SOURCE_DIR}/CHANGELOG.md ${package_files}/changelog COPYONLY)
foreach(name changelog changelog.Debian)
  execute_process(COMMAND gzip -9nf ${name} WORKING_DIRECTORY ${package_files} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
foreach(package program_package:glm-image development_package:libglm-image-dev)
  string(REPLACE ":" ";" package ${package})
  list(GET package 0 component)
  list(GET package 1 name)
  install(FILES ${packaging}/copyright ${package_files}/changelog.gz ${package_files}/changelog.Debian.gz
    DESTINATION /usr/share/doc/${name} EXCLUDE_FROM_ALL COMPONENT ${component})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME glm-image)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "${maintainer}")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
# Absolute paths such as /etc, under the prefix of the system's packages.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program program_package development development_package)
# Each package is a group of two components.
set(CPACK_COMPONENT_PROGRAM_GROUP glm_image)
set(CPACK_COMPONENT_PROGRAM_PACKAGE_GROUP glm_image)
set(CPACK_COMPONENT_DEVELOPMENT_GROUP libglm_image_dev)
set(CPACK_COMPONENT_DEVELOPMENT_PACKAGE_GROUP libglm_image_dev)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${release})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})

set(CPACK_DEBIAN_GLM_IMAGE_PACKAGE_NAME glm-image)
set(CPACK_DEBIAN_GLM_IMAGE_PACKAGE_SECTION graphics)
# LibTorch takes the BLAS that is there; the reference BLAS is many times slower.
set(recommends libopenblas0-openmp)
if(GLM_IMAGE_TRAIN)
  string(APPEND recommends ", tesseract-ocr-eng, tesseract-ocr-fra")
  string(APPEND recommends ", fonts-dejavu-core, fonts-dejavu-extra, fonts-noto-core, fonts-noto-color-emoji")
endif()
set(CPACK_DEBIAN_GLM_IMAGE_PACKAGE_RECOMMENDS "${recommends}")
# `serve --open`, also of the menu entry.
set(CPACK_DEBIAN_GLM_IMAGE_PACKAGE_SUGGESTS xdg-utils)
set(CPACK_DEBIAN_GLM_IMAGE_DESCRIPTION "draws pictures that spell text correctly, with GLM-Image
Draws and edits pictures from a prompt on your own machine, on the CPU or any
device of LibTorch. Serves the images API of OpenAI and a page for the
browser, quantises models, and trains and adapts them.
.
A small model that draws posters is included.")
set(CPACK_DEBIAN_GLM_IMAGE_PACKAGE_CONTROL_EXTRA
  ${packaging}/conffiles ${packaging}/postinst ${packaging}/prerm ${packaging}/postrm ${packaging}/triggers)

set(CPACK_DEBIAN_LIBGLM_IMAGE_DEV_PACKAGE_NAME libglm-image-dev)
set(CPACK_DEBIAN_LIBGLM_IMAGE_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBGLM_IMAGE_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_LIBGLM_IMAGE_DEV_PACKAGE_DEPENDS "glm-image (= ${version})")
set(CPACK_DEBIAN_LIBGLM_IMAGE_DEV_DESCRIPTION "draws pictures with GLM-Image (development files)
Headers of the C and the C++ interface, CMake and pkg-config files, and
examples in C, C++ and Python.")
include(CPack)
