# The check of the layers can fail: each rule is broken once in a small tree, and must be named. Run by ctest:
#   cmake -D CHECK=<layers.cmake> -D SCRATCH=<folder> -P layers_test.cmake
cmake_minimum_required(VERSION 3.25)

set(failures "")

# expect("<text in the complaint, or empty: none>" <file> "<contents>")
function(expect complaint file contents)
  file(REMOVE_RECURSE "${SCRATCH}")
  file(WRITE "${SCRATCH}/tree/LICENSE" "")
  file(WRITE "${SCRATCH}/links" "")
  if(file STREQUAL "links")
    file(WRITE "${SCRATCH}/links" "${contents}\n")
  else()
    file(WRITE "${SCRATCH}/tree/${file}" "${contents}\n")
  endif()
  execute_process(COMMAND ${CMAKE_COMMAND} -D "ROOT=${SCRATCH}/tree" -D "LINKS=${SCRATCH}/links" -P "${CHECK}"
    RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE message)
  string(REGEX REPLACE "[ \n]+" " " message "${message}")
  string(FIND "${message}" "${complaint}" position)
  if(complaint STREQUAL "" AND NOT result EQUAL 0)
    list(APPEND failures "${file} '${contents}' should pass, but: ${message}")
  elseif(NOT complaint STREQUAL "" AND (result EQUAL 0 OR position EQUAL -1))
    list(APPEND failures "${file} '${contents}' should fail with '${complaint}', but: ${message}")
  endif()
  set(failures "${failures}" PARENT_SCOPE)
endfunction()

# who may include whom
expect("" encoder/a.h "#include \"capture/frame.h\"")
expect("" app/a.cpp "#include \"mux/mp4_writer.h\"")
expect("" tests/mux/a.cpp "#include \"app/pipeline.h\"")
expect("capture may not use analysis" capture/a.h "#include \"analysis/decision.h\"")
expect("analysis may not use capture" analysis/a.cpp "#include \"capture/frame.h\"")
expect("encoder may not use mux" encoder/a.cpp "  #  include \"mux/mp4_writer.h\"")
expect("mux may not use app" mux/a.cpp "#include <app/pipeline.h>")
expect("app may not use bench" app/sub/a.cpp "#include \"bench/table.h\"")
expect("app may not use tests" app/a.cpp "#include \"tests/support/scene.h\"")
expect("does not begin with a folder" mux/a.cpp "#include \"mp4_writer.h\"")

# which libraries where
expect("" capture/libav_handles.h "#include <libavutil/frame.h>")
expect("" mux/a.cpp "#include <libavformat/avformat.h>")
expect("libav belongs into .cpp" mux/a.h "#include <libavformat/avformat.h>")
expect("app may not use that library" app/a.cpp "#include <opencv2/core.hpp>")
expect("encoder may not use that library" encoder/a.cpp "#include <spdlog/spdlog.h>")
expect("capture may not use that library" capture/a.cpp "#include <opencv2/core.hpp>")

# the analyzer library is pure
expect("" analysis/a.cpp "#include <opencv2/imgproc.hpp>")
expect("" analysis/a.cpp "// steady_clock::now() is not for us")
expect("must do without OpenCV" analysis/a.h "#include <opencv2/core/mat.hpp>")
expect("core and imgproc only" analysis/a.cpp "#include <opencv2/video.hpp>")
expect("analysis is pure" analysis/a.cpp "#include <thread>")
expect("analysis is pure" analysis/a.cpp "#include <sys/mman.h>")
expect("analysis is pure" analysis/a.cpp "#include <fstream>")
expect("reads a clock" analysis/a.cpp "auto now = std::chrono::steady_clock::now();")
expect("" app/a.cpp "std::jthread thread;")
expect("" capture/a.cpp "auto id = std::this_thread::get_id();")
expect("starts a thread" encoder/a.cpp "std::jthread thread;")

# tests have a label
expect("" tests/mux/a_test.cpp "TEST_SUITE(\"unit\") {")
expect("nothing selects it" tests/mux/a_test.cpp "TEST_CASE(\"x\") {}")

# links
expect("" links "encoder capture")
expect("links encoder, but capture may not use encoder" links "capture encoder")

# the top level
expect("" docs/a.md "text")
expect("" .ci/run "text")
expect("does not belong at the top level" src/a.cpp "text")
expect("does not belong at the top level" notes.txt "text")

if(failures)
  list(JOIN failures "\n" failures)
  message(FATAL_ERROR "${failures}")
endif()
