# Installs the library under a fresh prefix and builds and runs the consumer and the examples
# against it.
# cmake -DBUILD=… -DWORK=… -DMODEL=… -DVERSION=… -DGENERATOR=… -DCOMPILER=… -DFLAGS=… -DWERROR=…
#   -DEXAMPLES=… -DNANO=… -DLIBDIR=… -DC_COMPILER=… -P run.cmake

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${output}\nended with ${result}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
# `make uninstall` needs the manifest of the installation before this one.
set(manifest ${BUILD}/install_manifest.txt)
if(EXISTS ${manifest})
  file(RENAME ${manifest} ${WORK}.manifest)
endif()
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
file(RENAME ${manifest} ${WORK}/manifest)
if(EXISTS ${WORK}.manifest)
  file(RENAME ${WORK}.manifest ${manifest})
endif()
file(STRINGS ${WORK}/manifest installed_files)
foreach(file IN LISTS installed_files)
  if(NOT EXISTS ${file})
    message(FATAL_ERROR "the manifest names ${file}, which does not exist")
  endif()
endforeach()

run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/build -G ${GENERATOR}
  -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_FLAGS=${FLAGS}
  -DEXPECTED_VERSION=${VERSION} -DCMAKE_COMPILE_WARNING_AS_ERROR=${WERROR})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer ${MODEL})
message("${output}")
foreach(expected "glm_image ${VERSION}" "no/such/folder" "64x64 pixels on cpu, spelling École de Saaba")
  if(NOT output MATCHES "${expected}")
    message(FATAL_ERROR "the consumer's output lacks '${expected}'")
  endif()
endforeach()

if(PROGRAM)
  run(${WORK}/prefix/bin/glm-image --version)
  if(NOT output MATCHES "${VERSION}")
    message(FATAL_ERROR "the installed glm-image says '${output}'; expected version ${VERSION}")
  endif()
  # The engine too is found and finds its libraries.
  run(${WORK}/prefix/bin/glm-image info --model ${MODEL})
endif()

# The examples, as their README builds them: by CMake, by pkg-config, and in Python. A sanitizer's runtime must come
# first in a process, which programs without it cannot give.
if(NOT EXISTS ${NANO}/model_index.json OR FLAGS MATCHES "fsanitize")
  return()
endif()
set(prompt "A dark green poster with a football and the title \"OPEN DAY\"")
set(libraries ${WORK}/prefix/${LIBDIR})

# Draws with one of the examples and compares its picture with the first one's.
function(expect_picture name)
  run(${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${libraries} GLM_IMAGE_LIBRARY=${libraries}/libglm_image_c.so.1
    ${ARGN} ${NANO} ${prompt} ${WORK}/${name}.png)
  if(NOT output MATCHES "${name}.png: [0-9]+ x [0-9]+ pixels")
    message(FATAL_ERROR "the example ${name} printed '${output}'")
  endif()
  run(${CMAKE_COMMAND} -E compare_files ${WORK}/draw_c.png ${WORK}/${name}.png)
endfunction()

run(${CMAKE_COMMAND} -S ${EXAMPLES} -B ${WORK}/examples -G ${GENERATOR} -DCMAKE_PREFIX_PATH=${WORK}/prefix
  -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_COMPILE_WARNING_AS_ERROR=${WERROR})
run(${CMAKE_COMMAND} --build ${WORK}/examples)
expect_picture(draw_c ${WORK}/examples/draw_c)
expect_picture(draw_cpp ${WORK}/examples/draw_cpp)

find_program(PKG_CONFIG NAMES pkgconf pkg-config)
if(PKG_CONFIG)
  set(ENV{PKG_CONFIG_PATH} ${libraries}/pkgconfig)
  run(sh -c "'${C_COMPILER}' -Wall -Wextra '${EXAMPLES}/draw.c' -o '${WORK}/by_pkg_config_c' \
    $('${PKG_CONFIG}' --cflags --libs glm_image_c)")
  run(sh -c "'${COMPILER}' -std=c++17 -Wall -Wextra '${EXAMPLES}/draw.cpp' -o '${WORK}/by_pkg_config_cpp' \
    $('${PKG_CONFIG}' --cflags --libs glm_image)")
  expect_picture(by_pkg_config_c ${WORK}/by_pkg_config_c)
  expect_picture(by_pkg_config_cpp ${WORK}/by_pkg_config_cpp)
endif()
find_program(PYTHON python3)
if(PYTHON)
  expect_picture(draw_py ${PYTHON} ${EXAMPLES}/draw.py)
endif()

# The manifest names every file.
run(${CMAKE_CURRENT_LIST_DIR}/../../tools/uninstall ${WORK}/manifest)
file(GLOB_RECURSE rest LIST_DIRECTORIES false ${WORK}/prefix/*)
if(rest)
  message(FATAL_ERROR "tools/uninstall left ${rest}")
endif()
