/* vertexd - prompts, batches and maps over gRPC, run against Gemini. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "service/config.h"
#include "service/machine.h"
#include "service/server.h"
#include "service/signals.h"

/* Several times what a command line can hold. */
#define MOST_CONFIG_BYTES ((size_t)16 * 1024 * 1024)

static const char *get_env(void *self, const char *name) {
  (void)self;
  return getenv(name);
}

static enum vtx_exit run(struct cb_arena *arena, int argc, char **argv) {
  const struct vtx_config_input input = {
      .argc = argc,
      .argv = (const char *const *)argv,
      .get_env = get_env,
      .machine_memory = vtx_machine_memory(),
  };
  struct vtx_config config;
  const char *message = "out of memory";

  if (!arena || !vtx_config_read(&input, arena, &config, &message)) {
    fprintf(stderr, "vertexd: %s\n", message);
    return VTX_EXIT_WRONG;
  }
  if (config.help) {
    vtx_config_print_help(stdout);
    return VTX_EXIT_OK;
  }
  if (config.version) {
    puts("vertexd " VTX_VERSION);
    return VTX_EXIT_OK;
  }
  return vtx_server_run(&config);
}

int main(int argc, char **argv) {
  struct cb_arena *arena;
  enum vtx_exit result;

  vtx_signals_block();
  arena = cb_arena_new(NULL, MOST_CONFIG_BYTES, 0);
  result = run(arena, argc, argv);
  cb_arena_free(arena);
  return (int)result;
}
