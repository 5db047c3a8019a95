# Installation: libraries, program, headers, pkg-config and CMake package files, a binary tarball. The program finds its libraries
# relative to itself, so the installed tree can be moved.
set_target_properties(separatrix separatrix-io PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
set_target_properties(separatrix-program PROPERTIES BUILD_RPATH_USE_ORIGIN ON)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/separatrix)

install(TARGETS separatrix separatrix-io separatrix-program EXPORT separatrix-targets
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/separatrix DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT separatrix-targets NAMESPACE separatrix:: DESTINATION ${config_dir})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/separatrix-config.cmake "include(\${CMAKE_CURRENT_LIST_DIR}/separatrix-targets.cmake)\n")
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/separatrix-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/separatrix-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/separatrix-config-version.cmake DESTINATION ${config_dir})

# ${pcfiledir} keeps the tree relocatable: from there up to the prefix, one ".." per folder.
string(REGEX REPLACE "[^/]+" ".." up "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
foreach(lib separatrix separatrix-io)
  if(lib STREQUAL separatrix)
    set(about "noisy neural dynamics: models, steppers, ensembles")
    set(requires "")
  else()
    set(about "files, experiments and reports of Separatrix")
    set(requires "Requires: separatrix\n")
  endif()
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${lib}.pc
"prefix=\${pcfiledir}/${up}
libdir=\${prefix}/${CMAKE_INSTALL_LIBDIR}
includedir=\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}

Name: ${lib}
Description: ${about}
Version: ${PROJECT_VERSION}
${requires}Libs: -L\${libdir} -l${lib}
Cflags: -I\${includedir}
")
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${lib}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

set(CPACK_PACKAGE_NAME separatrix)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_GENERATOR TGZ)
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_CURRENT_SOURCE_DIR}/LICENSE)
include(CPack)
