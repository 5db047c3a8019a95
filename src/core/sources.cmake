set(SX_CORE_SOURCES
  src/core/vmath.c
  src/core/random.c
  src/core/status.c
  src/core/blas.c
  src/core/compiler.c
  src/core/program.c
  src/core/context.c
  src/core/parallel.c
  src/core/number.c
  src/core/field.c
  src/core/linalg.c
  src/core/linalg_qr.c
  src/core/shifted.c
  src/core/result.c
  src/core/result_cells.c
  src/core/result_notes.c
  src/core/file.c
  src/core/fft.c
  src/core/stats.c
  src/core/interval.c
  src/core/krylov.c
  src/core/krylov_basis.c
  src/core/krylov_filter.c
  src/core/krylov_modes.c
  src/core/linalg_eigen.c
  src/core/nonnormal.c
  src/core/kernel_polynomial.c
  src/core/lanczos_quadrature.c
  src/core/joint_density.c
  src/core/power_law.c
  src/core/assignment.c
)
if(SX_MUTANTS)
  list(APPEND SX_CORE_SOURCES src/core/mutant.c)
endif()
include(src/core/kernels/sources.cmake) # SX_KERNEL_SOURCES: compiled once per x86-64 level

# Version and Git revision, compiled into status.c.
execute_process(COMMAND git -C ${CMAKE_CURRENT_SOURCE_DIR} describe --always --dirty --abbrev=12
  OUTPUT_VARIABLE SX_REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE SX_REVISION_FAILED)
if(SX_REVISION_FAILED OR NOT SX_REVISION)
  set(SX_REVISION unknown)
endif()
set_source_files_properties(src/core/status.c PROPERTIES
  COMPILE_DEFINITIONS "SX_VERSION=\"${PROJECT_VERSION}\";SX_REVISION=\"${SX_REVISION}\"")
