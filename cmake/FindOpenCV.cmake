# OpenCV's components as imported targets opencv_core, opencv_imgproc, ... .
# Debian ships OpenCV's own CMake files only in libopencv-dev, which pulls in all of OpenCV with its desktop parts; the
# -dev packages of single components have headers and library alone. This module takes the CMake files where they are,
# else finds the components themselves.
include(FindPackageHandleStandardArgs)

find_package(OpenCV ${OpenCV_FIND_VERSION} QUIET CONFIG COMPONENTS ${OpenCV_FIND_COMPONENTS})

if(OpenCV_FOUND)
  find_package_handle_standard_args(OpenCV CONFIG_MODE)
else()
  find_path(OpenCV_INCLUDE_DIR opencv2/core/version.hpp PATH_SUFFIXES opencv4)
  mark_as_advanced(OpenCV_INCLUDE_DIR)

  # libraries before those they stand on
  set(opencv_video_needs opencv_imgproc opencv_core)
  set(opencv_imgproc_needs opencv_core)

  foreach(component IN LISTS OpenCV_FIND_COMPONENTS)
    find_path(OpenCV_${component}_INCLUDE_DIR opencv2/${component}.hpp HINTS ${OpenCV_INCLUDE_DIR})
    find_library(OpenCV_${component}_LIBRARY opencv_${component})
    mark_as_advanced(OpenCV_${component}_INCLUDE_DIR OpenCV_${component}_LIBRARY)
    if(OpenCV_${component}_INCLUDE_DIR AND OpenCV_${component}_LIBRARY)
      set(OpenCV_${component}_FOUND TRUE)
      if(NOT TARGET opencv_${component})
        add_library(opencv_${component} UNKNOWN IMPORTED)
        set_target_properties(opencv_${component} PROPERTIES
          IMPORTED_LOCATION "${OpenCV_${component}_LIBRARY}"
          INTERFACE_INCLUDE_DIRECTORIES "${OpenCV_INCLUDE_DIR}"
          INTERFACE_LINK_LIBRARIES "${opencv_${component}_needs}")
      endif()
    endif()
  endforeach()

  if(OpenCV_INCLUDE_DIR)
    file(STRINGS "${OpenCV_INCLUDE_DIR}/opencv2/core/version.hpp" version_lines
      REGEX "^#define CV_VERSION_(MAJOR|MINOR|REVISION) +[0-9]+")
    string(REGEX REPLACE "[^0-9;]" "" OpenCV_VERSION "${version_lines}")
    list(JOIN OpenCV_VERSION "." OpenCV_VERSION)
  endif()

  find_package_handle_standard_args(OpenCV
    REQUIRED_VARS OpenCV_INCLUDE_DIR
    VERSION_VAR OpenCV_VERSION
    HANDLE_COMPONENTS
    REASON_FAILURE_MESSAGE "Debian has it in libopencv-core-dev, libopencv-imgproc-dev and so on, or all of it in libopencv-dev")
endif()
