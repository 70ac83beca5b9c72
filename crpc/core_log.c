#include "crpc/core_log.h"

#include <grpc/support/log.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define LINES_PER_SECOND 10
#define TEXT_MAX 1000

/* Counts lines in the low byte and has the second they belong to above it. The
 * core hands its hook nothing of ours, so the count has no other place. */
static bool may_speak(void) {
  static _Atomic uint64_t state;
  uint64_t second = (uint64_t)(cb_now(NULL) / CB_SECOND);
  uint64_t seen = atomic_load(&state);
  uint64_t next;

  do {
    if (seen >> 8 == second && (seen & 0xff) >= LINES_PER_SECOND) return false;
    next = seen >> 8 == second ? seen + 1 : (second << 8) + 1;
  } while (!atomic_compare_exchange_weak(&state, &seen, next));
  return true;
}

static void hook(gpr_log_func_args *args) {
  char text[TEXT_MAX];
  size_t size = 0;

  if (args->severity < GPR_LOG_SEVERITY_ERROR || !may_speak()) return;
  for (; args->message[size] != '\0' && size < sizeof text - 1; size++) {
    char c = args->message[size];

    /* Plain ASCII without what JSON would want escaped. */
    if (c == '"' || c == '\\') c = '\'';
    text[size] = c >= 0x20 && c < 0x7f ? c : '?';
  }
  text[size] = '\0';
  fprintf(stderr,
          "{\"severity\":\"ERROR\",\"event\":\"grpc_core\",\"message\":\"%s\"}"
          "\n",
          text);
}

void crpc_core_log_init(void) {
  if (getenv("GRPC_VERBOSITY")) return;
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  gpr_set_log_function(hook);
}
