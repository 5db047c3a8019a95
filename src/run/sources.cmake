set(SX_RUN_SOURCES
  src/run/stepper.c
  src/run/stepper_cvode.c
  src/run/stepper_exact.c
  src/run/stepper_map.c
  src/run/stepper_ode.c
  src/run/stepper_sde.c
)
