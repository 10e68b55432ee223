# Installs the recorder from this build into a folder, and runs it there. Run by ctest:
#   cmake -D BUILD=... -D SCRATCH=... -P installed_recorder.cmake
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE "${SCRATCH}")
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --component recorder --prefix ${SCRATCH}
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
foreach(file bin/smartcodec bin/smartcodec_bench share/doc/smartcodec/LICENSE share/doc/smartcodec/README.md)
  if(NOT EXISTS "${SCRATCH}/${file}")
    message(SEND_ERROR "${file} was not installed")
  endif()
endforeach()
file(GLOB_RECURSE strays "${SCRATCH}/*.h" "${SCRATCH}/*.a" "${SCRATCH}/*.cmake" "${SCRATCH}/*_tests")
if(strays)
  message(SEND_ERROR "the component recorder should not have ${strays}")
endif()
execute_process(COMMAND "${SCRATCH}/bin/smartcodec" --version OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
if(NOT output MATCHES "^smartcodec [0-9]+\\.[0-9]+\\.[0-9]+\n$")
  message(SEND_ERROR "the installed smartcodec --version says: ${output}")
endif()
