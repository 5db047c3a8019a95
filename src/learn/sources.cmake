set(SX_LEARN_SOURCES
  src/learn/learn.c
  src/learn/learn_fields.c
  src/learn/learn_finish.c
  src/learn/learn_rules.c
  src/learn/recall.c
)
