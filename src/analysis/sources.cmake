set(SX_ANALYSIS_SOURCES
  src/analysis/points.c
)
