/* interop-client - the client of gRPC's interop test cases, on crpc.
 *
 *   interop-client HOST:PORT CASE
 *
 * Runs one case, or prints all their names if that is "list". Ends with 0 if
 * the case passed, 1 if not, 2 if there is none of that name.
 */
#include <stdio.h>
#include <string.h>

#include "cases.h"
#include "crpc/loop.h"

static const struct {
  const char *name;
  void (*run)(struct suite *suite);
} cases[] = {
    {"empty_unary", case_empty_unary},
    {"large_unary", case_large_unary},
    {"client_streaming", case_client_streaming},
    {"server_streaming", case_server_streaming},
    {"ping_pong", case_ping_pong},
    {"empty_stream", case_empty_stream},
    {"cancel_after_begin", case_cancel_after_begin},
    {"cancel_after_first_response", case_cancel_after_first_response},
    {"timeout_on_sleeping_server", case_timeout_on_sleeping_server},
    {"custom_metadata", case_custom_metadata},
    {"status_code_and_message", case_status_code_and_message},
    {"special_status_message", case_special_status_message},
    {"unimplemented_method", case_unimplemented_method},
    {"unimplemented_service", case_unimplemented_service},
};

#define CASES (sizeof cases / sizeof *cases)

static int list(void) {
  for (size_t i = 0; i < CASES; i++)
    puts(cases[i].name);
  return 0;
}

static int run(const char *target, void (*run_case)(struct suite *suite)) {
  const struct crpc_channel_options options = {.max_response_bytes = 0};
  struct suite suite = {.loop = crpc_loop_new()};

  if (!suite.loop) return 1;
  suite.channel = crpc_channel_new(suite.loop, target, &options);
  if (!suite.channel) return 1;
  run_case(&suite);
  crpc_channel_free(suite.channel);
  crpc_loop_free(suite.loop);
  return suite.failed ? 1 : 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "list") == 0) return list();
  for (size_t i = 0; argc == 3 && i < CASES; i++) {
    if (strcmp(cases[i].name, argv[2]) == 0) return run(argv[1], cases[i].run);
  }
  fputs("usage: interop-client HOST:PORT CASE | list\n", stderr);
  return 2;
}
