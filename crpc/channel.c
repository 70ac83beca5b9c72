#include <assert.h>
#include <grpc/grpc_security.h>
#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crpc/client_internal.h"

#define DEFAULT_RESPONSE ((size_t)4 * 1024 * 1024)
#define DEFAULT_UNPACKED_FACTOR 16
#define MAX_ARGS 13
#define KEEPALIVE_TIMEOUT_MS (20 * 1000)

static void fill_defaults(struct crpc_channel_options *options) {
  if (options->max_response_bytes == 0) {
    options->max_response_bytes = DEFAULT_RESPONSE;
  }
  if (options->max_response_bytes > INT_MAX) {
    options->max_response_bytes = INT_MAX;
  }
  if (options->max_unpacked_bytes == 0) {
    options->max_unpacked_bytes =
        options->max_response_bytes * DEFAULT_UNPACKED_FACTOR;
  }
}

static grpc_arg *next_arg(grpc_channel_args *args, grpc_arg_type type,
                          const char *key) {
  grpc_arg *arg = &args->args[args->num_args++];

  assert(args->num_args <= MAX_ARGS);
  *arg = (grpc_arg){.type = type, .key = (char *)(uintptr_t)key};
  return arg;
}

static void add_integer(grpc_channel_args *args, const char *key, int value) {
  next_arg(args, GRPC_ARG_INTEGER, key)->value.integer = value;
}

/* The core's own limit on pings is for servers that mind. */
static void add_keepalive(grpc_channel_args *args, int64_t keepalive) {
  int64_t ms = keepalive / CB_MILLISECOND;

  if (keepalive <= 0) return;
  if (ms < 1) ms = 1;
  if (ms > INT_MAX) ms = INT_MAX; /* the core's word for never */
  add_integer(args, GRPC_ARG_KEEPALIVE_TIME_MS, (int)ms);
  add_integer(args, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS);
  add_integer(args, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

static grpc_channel *create_core(const char *target,
                                 const struct crpc_channel_options *options) {
  grpc_arg room[MAX_ARGS];
  grpc_channel_args args = {0, room};
  grpc_channel_credentials *plain = grpc_insecure_credentials_create();
  grpc_channel *core;

  /* As on the server: inflated by us, with a cap. */
  add_integer(&args, GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  add_integer(&args, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
              (int)options->max_response_bytes);
  add_integer(&args, GRPC_ARG_MAX_METADATA_SIZE, CRPC_METADATA_CORE_MAX);
  add_integer(&args, GRPC_ARG_HTTP2_BDP_PROBE, 0);
  add_integer(&args, GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, CRPC_STREAM_WINDOW);
  add_integer(&args, GRPC_ARG_ENABLE_CHANNELZ, 0);
  add_integer(&args, GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  add_integer(&args, GRPC_ARG_ENABLE_RETRIES, 0); /* client.h says why */
  if (options->own_connection) {
    add_integer(&args, GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  }
  add_keepalive(&args, options->keepalive);
  if (options->service_config) {
    next_arg(&args, GRPC_ARG_STRING, GRPC_ARG_SERVICE_CONFIG)->value.string =
        (char *)(uintptr_t)options->service_config;
  }
  core = grpc_channel_create(target, plain, &args);
  grpc_channel_credentials_release(plain);
  return core;
}

struct crpc_channel *crpc_channel_new(
    struct crpc_loop *loop, const char *target,
    const struct crpc_channel_options *options) {
  struct crpc_channel *channel = calloc(1, sizeof *channel);

  if (!channel) return NULL;
  channel->loop = loop;
  channel->refs = 1;
  if (options) channel->options = *options;
  fill_defaults(&channel->options);
  cb_slots_init(&channel->rpcs);
  cb_list_init(&channel->live);
  channel->core = create_core(target, &channel->options);
  channel->options.service_config = NULL; /* was the caller's */
  if (channel->core) return channel;
  crpc_channel_unref(channel);
  return NULL;
}

void crpc_channel_free(struct crpc_channel *channel) {
  if (!channel) return;
  crpc_rpc_cancel_all(channel);
  crpc_channel_unref(channel);
}

void crpc_channel_ref(struct crpc_channel *channel) { channel->refs++; }

void crpc_channel_unref(struct crpc_channel *channel) {
  assert(channel->refs > 0);
  if (--channel->refs > 0) return;
  assert(cb_list_empty(&channel->live));
  if (channel->core) grpc_channel_destroy(channel->core);
  cb_slots_release(&channel->rpcs);
  free(channel);
}
