# Compiler flags: strict warnings, reproducible floating point, sanitizers; the x86-64 levels of the vector kernels.
# -ffp-contract=off: no silent fused multiply-add, so gcc and clang give the same bits at every level.
set(SX_FP_FLAGS -ffp-contract=off -fno-math-errno -fno-trapping-math)
set(SX_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wformat=2
    -Wno-missing-field-initializers # options structs start from their table of defaults
    $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> # GCC cannot see that status >= 0 means that outputs are set
    $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> # messages may be cut
    $<$<C_COMPILER_ID:GNU>:-Wdouble-promotion> # not clang: it counts the macro INFINITY
    $<$<COMPILE_LANGUAGE:C>:-Wvla> $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)

function(sx_target target)
  target_compile_options(${target} PRIVATE ${SX_FP_FLAGS} ${SX_WARNINGS})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE SX_BUILDING)
  if(SX_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(SX_MUTANTS)
    target_compile_definitions(${target} PRIVATE SX_MUTANTS)
  endif()
  if(SX_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${SX_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${SX_SANITIZE})
  endif()
endfunction()

# sx_kernel_levels(out sources...): object libraries of the same sources at x86-64 (SSE2), -v3 (AVX2) and -v4 (AVX-512).
function(sx_kernel_levels out)
  set(objects)
  foreach(level v1 v3 v4)
    add_library(sx_kernels_${level} OBJECT ${ARGN})
    sx_target(sx_kernels_${level})
    target_include_directories(sx_kernels_${level} PRIVATE include src)
    target_compile_definitions(sx_kernels_${level} PRIVATE SX_LEVEL=${level})
    if(level STREQUAL v3)
      target_compile_options(sx_kernels_${level} PRIVATE -march=x86-64-v3)
    elseif(level STREQUAL v4)
      target_compile_options(sx_kernels_${level} PRIVATE -march=x86-64-v4 -mprefer-vector-width=512)
    endif()
    list(APPEND objects $<TARGET_OBJECTS:sx_kernels_${level}>)
  endforeach()
  set(${out} ${objects} PARENT_SCOPE)
endfunction()
