# Installs the library under a fresh prefix and builds and runs the consumer against it.
# cmake -DBUILD=… -DWORK=… -DMODEL=… -DVERSION=… -DGENERATOR=… -DCOMPILER=… -DFLAGS=… -DWERROR=… -P run.cmake

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${output}\nended with ${result}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
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
endif()
