#include "crpc/core_log.h"

#include <grpc/support/log.h>
#include <stdio.h>
#include <stdlib.h>

static void hook(gpr_log_func_args *args) {
  if (args->severity < GPR_LOG_SEVERITY_ERROR) return;
  fprintf(stderr, "grpc: %.1000s\n", args->message);
}

void crpc_core_log_init(void) {
  if (getenv("GRPC_VERBOSITY")) return;
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  gpr_set_log_function(hook);
}
