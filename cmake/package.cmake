# The Debian package: `cpack --config build/release/CPackConfig.cmake -B build/package` makes it from a built tree.
# Everything installs under any prefix but component `debian`, which lies in /etc, /usr/lib/systemd and the like.
install(PROGRAMS tools/fetch-models DESTINATION ${CMAKE_INSTALL_BINDIR} RENAME vedette-fetch-models)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(FILES README.md systemd/devices.conf DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES config/vedette.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/vedette)

# Man pages and completion, from what the programs and the schema say of themselves.
set(manual ${CMAKE_BINARY_DIR}/manual)
file(GLOB manual_tools CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/manual/*)
add_custom_command(OUTPUT ${manual}/man/vedette.1.gz
  COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/manual/pages ${CMAKE_BINARY_DIR}/bin ${manual}
  DEPENDS vedette_command vedetted ${manual_tools} ${CMAKE_SOURCE_DIR}/config/vedette.schema.json VERBATIM)
add_custom_target(manual ALL DEPENDS ${manual}/man/vedette.1.gz)
add_dependencies(programs manual)
foreach(page vedette.1 vedetted.8 vedette.yaml.5)
  string(REGEX REPLACE ".*\\." "" section ${page})
  install(FILES ${manual}/man/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES ${manual}/bash/vedette DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${manual}/zsh/_vedette DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${manual}/fish/vedette.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

install(FILES config/vedette.yaml DESTINATION /etc/vedette
  PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES systemd/vedetted.service DESTINATION /usr/lib/systemd/system COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES systemd/vedette.sysusers DESTINATION /usr/lib/sysusers.d RENAME vedette.conf
  COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES cmake/debian/copyright DESTINATION /usr/share/doc/vedette COMPONENT debian EXCLUDE_FROM_ALL)

# What the service loads at run time is in the one list; Redis may be on another machine, and not every machine has sound.
execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/install-dependencies --list runtime
  OUTPUT_VARIABLE runtime OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" depends "${runtime}")
set(recommends ${depends})
list(FILTER recommends INCLUDE REGEX "^redis|-alsa$|-pipewire$")
list(REMOVE_ITEM depends ${recommends})
list(APPEND depends "systemd | systemd-standalone-sysusers")
list(JOIN depends ", " CPACK_DEBIAN_PACKAGE_DEPENDS)
list(JOIN recommends ", " CPACK_DEBIAN_PACKAGE_RECOMMENDS)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME vedette)
set(CPACK_PACKAGE_CONTACT "Vedette's developers <vedette@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "watches and listens to live streams and says in words what happens")
set(CPACK_DEBIAN_PACKAGE_SECTION video)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_BINARY_DIR}/lib)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/cmake/debian/postinst
  ${CMAKE_SOURCE_DIR}/cmake/debian/prerm ${CMAKE_SOURCE_DIR}/cmake/debian/postrm
  ${CMAKE_SOURCE_DIR}/cmake/debian/conffiles)
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_CMAKE_PROJECTS
  "${CMAKE_BINARY_DIR};vedette;Unspecified;/" "${CMAKE_BINARY_DIR};vedette;debian;/")
include(CPack)
