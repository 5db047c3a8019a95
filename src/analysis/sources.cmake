set(SX_ANALYSIS_SOURCES
  src/analysis/points.c
  src/analysis/response.c
  src/analysis/response_compare.c
  src/analysis/response_dense.c
  src/analysis/response_finish.c
  src/analysis/response_krylov.c
)
