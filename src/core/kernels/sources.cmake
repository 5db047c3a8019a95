set(SX_KERNEL_SOURCES
  src/core/kernels/elementary.c
  src/core/kernels/philox_lanes.c
  src/core/kernels/elementwise.c
  src/core/kernels/packed.c
  src/core/kernels/products.c
  src/core/kernels/table.c
)
