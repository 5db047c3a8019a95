# The libraries we use, as Debian packages (see docs/building.md), behind sx:: targets.
find_package(PkgConfig REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)
find_package(SUNDIALS REQUIRED)

pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(LAPACKE REQUIRED IMPORTED_TARGET lapacke)
add_library(sx::lapack INTERFACE IMPORTED)
target_link_libraries(sx::lapack INTERFACE PkgConfig::LAPACKE PkgConfig::OPENBLAS)

add_library(sx::sundials INTERFACE IMPORTED)
target_link_libraries(sx::sundials INTERFACE SUNDIALS::cvode SUNDIALS::nvecserial SUNDIALS::sunmatrixdense SUNDIALS::sunlinsoldense SUNDIALS::sunlinsolspgmr)

pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5-serial)
find_library(HDF5_HL_LIBRARY hdf5_serial_hl REQUIRED)
add_library(sx::hdf5 INTERFACE IMPORTED)
target_link_libraries(sx::hdf5 INTERFACE ${HDF5_HL_LIBRARY} PkgConfig::HDF5)

pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
add_library(sx::zip INTERFACE IMPORTED)
target_link_libraries(sx::zip INTERFACE PkgConfig::LIBZIP PkgConfig::ZLIB)

pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
add_library(sx::png INTERFACE IMPORTED)
target_link_libraries(sx::png INTERFACE PkgConfig::PNG)

pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
add_library(sx::cjson INTERFACE IMPORTED)
target_link_libraries(sx::cjson INTERFACE PkgConfig::CJSON)

pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)
add_library(sx::tomlplusplus INTERFACE IMPORTED)
target_link_libraries(sx::tomlplusplus INTERFACE PkgConfig::TOMLPLUSPLUS)
