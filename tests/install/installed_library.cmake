# Installs the analyzer library, static from this build or shared from one of its own, moves it elsewhere, builds a
# program with it by find_package and by pkg-config, and runs both. Run by ctest:
#   cmake -D KIND=static|shared -D SOURCE=... -D BUILD=... -D SCRATCH=... -D GENERATOR=... -D CXX=... -D LAUNCHER=...
#     -D SANITIZE=... -P installed_library.cmake
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# three grey pictures of 320x240, of which one is worth recording
function(expect_three_pictures program)
  run(sh -c "head -c 345600 /dev/zero | '${program}' 320 240")
  if(NOT output MATCHES "^0 recorded: first frame, [0-9]+ bit/s, key frame\n1 dropped: nothing moved\n2 dropped")
    message(FATAL_ERROR "${program} says:\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE "${SCRATCH}/first" "${SCRATCH}/prefix" "${SCRATCH}/consumer")
set(compiler -G ${GENERATOR} -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})

# installed, then moved: nothing may know where it was
if(KIND STREQUAL shared)
  # without optimisation: nothing is measured here
  set(BUILD "${SCRATCH}/build")
  set(without "")
  foreach(package PkgConfig Threads CLI11 spdlog nlohmann_json doctest)
    list(APPEND without -D CMAKE_DISABLE_FIND_PACKAGE_${package}=TRUE)
  endforeach()
  run(${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} ${compiler} -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_FLAGS_DEBUG=-O0
    -D SMARTCODEC_BUILD_RECORDER=OFF -D BUILD_SHARED_LIBS=ON ${without})
  run(${CMAKE_COMMAND} --build ${BUILD})
endif()
run(${CMAKE_COMMAND} --install ${BUILD} --component library --prefix ${SCRATCH}/first)
file(RENAME "${SCRATCH}/first" "${SCRATCH}/prefix")
set(prefix "${SCRATCH}/prefix")

# what a folder of the installation holds, wherever the distribution wants it
function(find_installed pattern result)
  file(GLOB_RECURSE found "${prefix}/${pattern}")
  list(LENGTH found count)
  if(NOT count EQUAL 1)
    message(FATAL_ERROR "${prefix} should have one ${pattern}, and has: ${found}")
  endif()
  set(${result} "${found}" PARENT_SCOPE)
endfunction()
find_installed("smartcodec.pc" pc)
find_installed("analyzer_example.cpp" example)
find_installed("LICENSE" licence)
find_installed("analysis.md" method)
file(GLOB_RECURSE strays "${prefix}/bin/*" "${prefix}/*analyzer_state.h" "${prefix}/*opencv2*")
if(strays)
  message(FATAL_ERROR "the component library should not have ${strays}")
endif()
file(GLOB_RECURSE texts "${prefix}/*.cmake" "${prefix}/*.pc" "${prefix}/*.h")
foreach(file IN LISTS texts)
  file(READ "${file}" text)
  foreach(place IN ITEMS "${SOURCE}" "${BUILD}" "${SCRATCH}")
    string(FIND "${text}" "${place}" position)
    if(NOT position EQUAL -1)
      message(FATAL_ERROR "${file} knows ${place}, where it was built")
    endif()
  endforeach()
endforeach()

if(KIND STREQUAL shared)
  find_installed("libsmartcodec_analysis.so" library)
  cmake_path(GET library PARENT_PATH library_dir)
  run(nm --dynamic --defined-only --demangle ${library})
  string(REGEX REPLACE "\n$" "" output "${output}")
  string(REPLACE "\n" ";" symbols "${output}")
  list(FILTER symbols EXCLUDE REGEX " A SMARTCODEC_| smartcodec::(name|defaultLevels)\\(| smartcodec::(Analyzer|Decider|Stabiliser)::[~a-zA-Z=]+\\(")
  list(FILTER symbols EXCLUDE REGEX "^$")
  foreach(function Analyzer::Analyzer Analyzer::~Analyzer Analyzer::operator= Analyzer::measure Decider::Decider
      Decider::~Decider Decider::operator= Decider::decide Decider::recorded Decider::requestKeyFrame
      Stabiliser::Stabiliser Stabiliser::~Stabiliser Stabiliser::operator= Stabiliser::process Stabiliser::learn
      defaultLevels name)
    string(FIND "${output}" " T smartcodec::${function}(" position)
    if(position EQUAL -1)
      message(FATAL_ERROR "${library} does not export smartcodec::${function}:\n${output}")
    endif()
  endforeach()
  if(symbols)
    message(FATAL_ERROR "${library} exports more than its public functions: ${symbols}")
  endif()
  run(objdump --private-headers ${library})
  if(NOT output MATCHES "SONAME +libsmartcodec_analysis\\.so\\.[0-9]+\\.[0-9]+\n")
    message(FATAL_ERROR "${library} has no soname of two numbers: ${output}")
  endif()
  string(REGEX MATCHALL "NEEDED +[^\n]+" needed "${output}")
  list(FILTER needed EXCLUDE REGEX "lib(opencv_core|opencv_imgproc|stdc\\+\\+|m|gcc_s|c)\\.so|ld-linux")
  if(needed)
    message(FATAL_ERROR "${library} needs more than it should: ${needed}")
  endif()
endif()

# by CMake
file(STRINGS "${SOURCE}/CMakeLists.txt" version REGEX "^project\\(")
string(REGEX REPLACE ".* VERSION ([0-9]+\\.[0-9]+).*" "\\1" version "${version}")
set(consumer "${CMAKE_CURRENT_LIST_DIR}/consumer")
run(${CMAKE_COMMAND} -S ${consumer} -B ${SCRATCH}/consumer ${compiler} -D CMAKE_PREFIX_PATH=${prefix}
  -D VERSION=${version} -D KIND=${KIND} -D EXAMPLE=${example} -D INCLUDE=${prefix}/include)
run(${CMAKE_COMMAND} --build ${SCRATCH}/consumer)
expect_three_pictures("${SCRATCH}/consumer/consumer")
# and another version or kind is refused
foreach(wrong "-DVERSION=99.0;-DKIND=${KIND}" "-DVERSION=${version};-DKIND=elastic")
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${consumer} -B ${SCRATCH}/refused ${compiler}
    -D CMAKE_PREFIX_PATH=${prefix} ${wrong} -D EXAMPLE=${example} -D INCLUDE=${prefix}/include
    RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
  if(result EQUAL 0)
    message(FATAL_ERROR "find_package was content with ${wrong}")
  endif()
endforeach()

# by pkg-config
cmake_path(GET pc PARENT_PATH pc_dir)
set(ENV{PKG_CONFIG_PATH} "${pc_dir}")
run(pkg-config --cflags --libs smartcodec)
separate_arguments(flags UNIX_COMMAND "${output}")
if(SANITIZE AND KIND STREQUAL static)
  list(JOIN SANITIZE "," sanitizers)
  list(APPEND flags -fsanitize=${sanitizers})
endif()
run(${CXX} -std=c++20 ${example} -o ${SCRATCH}/by_pkg_config ${flags})
if(KIND STREQUAL shared)
  set(ENV{LD_LIBRARY_PATH} "${library_dir}")
endif()
expect_three_pictures("${SCRATCH}/by_pkg_config")
