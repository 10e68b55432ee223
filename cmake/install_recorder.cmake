# The programs and their documentation: component `recorder`.
include(GNUInstallDirs)

install(TARGETS smartcodec smartcodec_bench RUNTIME COMPONENT recorder)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT recorder)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT recorder FILES_MATCHING PATTERN "*.md")
