# The library that other programs use: its headers as <smartcodec/...>, where it is installed, and how it is found
# there, by CMake's find_package and by pkg-config.

# Makes `header` of the current folder includable as <smartcodec/header>: a copy whose own includes are of its
# neighbours, so that a folder `analysis` of whoever includes it is not taken for ours.
function(smartcodec_public_header header folder public_headers)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${header})
  file(READ ${header} text)
  string(REGEX REPLACE "#include \"[a-z]+/([^\"]+)\"" "#include \"\\1\"" text "${text}")
  string(REGEX MATCHALL "#include \"[^\"]+\"" includes "${text}")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE ".*\"(.*)\"" "\\1" included "${include}")
    if(NOT included IN_LIST public_headers)
      message(FATAL_ERROR "${CMAKE_CURRENT_SOURCE_DIR}/${header} is public and includes ${included}, which is not")
    endif()
  endforeach()
  file(CONFIGURE OUTPUT ${folder}/smartcodec/${header} CONTENT "${text}" @ONLY)
endfunction()

# smartcodec_public_library(target HEADERS ... SYMBOLS file): SYMBOLS is the linker's version script of a shared library.
function(smartcodec_public_library target)
  cmake_parse_arguments(arg "" "SYMBOLS" "HEADERS" ${ARGN})
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/include)
  foreach(header IN LISTS arg_HEADERS)
    smartcodec_public_header(${header} ${folder} "${arg_HEADERS}")
  endforeach()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/version.h.in ${folder}/smartcodec/version.h @ONLY)
  list(TRANSFORM arg_HEADERS PREPEND ${folder}/smartcodec/)
  target_sources(${target} PUBLIC
    FILE_SET HEADERS BASE_DIRS ${folder} FILES ${arg_HEADERS} ${folder}/smartcodec/version.h)

  get_target_property(type ${target} TYPE)
  if(type STREQUAL SHARED_LIBRARY)
    # before 1.0 a new minor version may break programs that were built with the one before
    set_target_properties(${target} PROPERTIES
      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    set(symbols ${CMAKE_CURRENT_BINARY_DIR}/${arg_SYMBOLS})
    configure_file(${arg_SYMBOLS} ${symbols} @ONLY)
    target_link_options(${target} PRIVATE "LINKER:--version-script=${symbols}" LINKER:--no-undefined)
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${symbols})
  endif()
  if(SMARTCODEC_INSTALL)
    smartcodec_install_library(${target})
  endif()
endfunction()

# Everything that a program which uses the library needs: component `library`. A static and a shared build may be
# installed into one place.
function(smartcodec_install_library target)
  include(GNUInstallDirs)
  include(CMakePackageConfigHelpers)
  set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/smartcodec)
  get_target_property(type ${target} TYPE)
  set(kind static)
  if(type STREQUAL SHARED_LIBRARY)
    set(kind shared)
  endif()

  install(TARGETS ${target} EXPORT smartcodec-${kind}
    ARCHIVE COMPONENT library
    LIBRARY COMPONENT library
    FILE_SET HEADERS COMPONENT library)
  install(EXPORT smartcodec-${kind} NAMESPACE smartcodec:: DESTINATION ${package_dir} COMPONENT library
    FILE smartcodec-${kind}-targets.cmake)

  set(config ${CMAKE_CURRENT_BINARY_DIR}/smartcodec-config.cmake)
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/smartcodec-config.cmake.in ${config}
    INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
  set(config_version ${CMAKE_CURRENT_BINARY_DIR}/smartcodec-config-version.cmake)
  write_basic_package_version_file(${config_version} COMPATIBILITY SameMinorVersion)
  install(FILES ${config} ${config_version} ${PROJECT_SOURCE_DIR}/cmake/FindOpenCV.cmake
    DESTINATION ${package_dir} COMPONENT library)

  smartcodec_install_pkg_config(${target} ${kind})
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT library)
  install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME analysis.md COMPONENT library)
  install(FILES ${PROJECT_SOURCE_DIR}/tests/install/analyzer_example.cpp
    DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT library)
endfunction()

# Debian has OpenCV's own opencv4.pc only in the package of the whole of OpenCV, so its two libraries are named here.
function(smartcodec_install_pkg_config target kind)
  # from where the file lies: an installation may be moved, and one into a folder of --prefix need not know it before
  cmake_path(IS_ABSOLUTE CMAKE_INSTALL_LIBDIR absolute)
  if(absolute)
    set(prefix ${CMAKE_INSTALL_PREFIX})
  else()
    cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
      OUTPUT_VARIABLE up)
    set(prefix "\${pcfiledir}/${up}")
  endif()
  set(opencv_dir "$<TARGET_FILE_DIR:opencv_core>")
  string(CONCAT opencv
    "$<$<NOT:$<IN_LIST:${opencv_dir},${CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES}>>:-L${opencv_dir} >"
    "-lopencv_imgproc -lopencv_core")
  # a shared library brings its own; whoever asks for static linking is told
  set(libs "")
  set(private_libs " ${opencv}")
  if(kind STREQUAL static)
    set(libs " ${opencv}")
    set(private_libs "")
  endif()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/smartcodec.pc.in smartcodec.pc.config @ONLY)
  file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/smartcodec.pc
    INPUT ${CMAKE_CURRENT_BINARY_DIR}/smartcodec.pc.config TARGET ${target})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/smartcodec.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)
endfunction()
