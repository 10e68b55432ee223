# The README keeps up with the program: its table of options has every option of `smartcodec --help` and no other, and
# its example is the file that is compiled. Run by ctest:
#   cmake -D ROOT=<source tree> -D PROGRAM=<smartcodec> -P readme_test.cmake
cmake_minimum_required(VERSION 3.25)

set(failures "")
file(READ "${ROOT}/README.md" readme)

# the long names at the beginnings of lines of the help
execute_process(COMMAND "${PROGRAM}" --help OUTPUT_VARIABLE help COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "\n +(-[a-z],)?--[a-z-]+" offered "\n${help}")
list(TRANSFORM offered REPLACE "[^-]*(-[a-z],)?--" "--")
list(REMOVE_DUPLICATES offered)
list(LENGTH offered count)
if(count LESS 10)
  list(APPEND failures "only ${count} options were found in what ${PROGRAM} --help prints")
endif()

# the long names in the first column of the table between "## Options" and the next heading
string(REGEX MATCH "\n## Options\n.*" options "${readme}")
string(REGEX REPLACE "(\n## Options\n[^#]*)(#.*)?" "\\1" options "${options}")
string(REGEX MATCHALL "\n\\| `[^|]*\\|" rows "${options}")
string(REGEX MATCHALL "--[a-z-]+" described "${rows}")
list(REMOVE_DUPLICATES described)

foreach(option IN LISTS offered)
  if(NOT option IN_LIST described)
    list(APPEND failures "README.md: the table of options lacks ${option}, which smartcodec --help offers")
  endif()
endforeach()
foreach(option IN LISTS described)
  if(NOT option IN_LIST offered)
    list(APPEND failures "README.md: the table of options has ${option}, which smartcodec --help does not offer")
  endif()
endforeach()

file(READ "${ROOT}/tests/install/analyzer_example.cpp" example)
string(FIND "${readme}" "```cpp\n${example}```\n" position)
if(position EQUAL -1)
  list(APPEND failures "README.md: its example is not the text of tests/install/analyzer_example.cpp")
endif()

foreach(failure IN LISTS failures)
  message(NOTICE "${failure}")
endforeach()
if(failures)
  message(FATAL_ERROR "the README has fallen behind")
endif()
