set(SX_CORE_SOURCES
)
include(src/core/kernels/sources.cmake) # SX_KERNEL_SOURCES: compiled once per x86-64 level
