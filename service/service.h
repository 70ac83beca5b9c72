/* service.h - the GenerationService: handlers, flows and scheduler together.
 *
 * main.c makes the loops, the engine and the upstream and hands them in; the
 * service adds its handlers to a crpc server and its scheduler to the engine.
 *
 * Threads:   new, register and free before the loops start or after they have
 *            stopped; the handlers run on the crpc loop, the scheduler on the
 *            engine. Counters may be read from any thread.
 * Ownership: everything in the options is borrowed and must outlive the
 *            service.
 */
#ifndef VTX_SERVICE_H
#define VTX_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/vertex/retry.h"

struct cb_budget;
struct crpc_loop;
struct crpc_server;
struct vtx_service;
struct vtx_upstream;

struct vtx_service_options {
  struct crpc_loop *loop;
  struct vtx_upstream *upstream; /* its engine runs the scheduler */
  struct cb_budget *budget;
  const char *default_model;   /* NULL: callers must name one */
  int32_t max_concurrency_cap; /* of one call */
  size_t max_in_flight;        /* of the process */
  size_t target_max_in_flight; /* of one model at one location; 0: the same */
  size_t max_waiting;        /* calls of which nothing was sent; 0: no limit */
  size_t max_waiting_bytes;  /* of their requests; 0: no limit */
  size_t max_batch_items;    /* of one call */
  size_t max_response_bytes; /* of one upstream answer */
  int64_t default_deadline;  /* nanoseconds */
  struct vtx_retry_policy retry;
};

struct vtx_service_counters {
  size_t flows; /* calls that the scheduler knows */
  size_t jobs;  /* prompts dispatched and not finished */
  uint64_t jobs_total;
};

/* NULL when out of memory. Sets the engine's pull hook. */
struct vtx_service *vtx_service_new(const struct vtx_service_options *options);

/* Adds the service's methods to server, before it starts. */
bool vtx_service_register(struct vtx_service *service,
                          struct crpc_server *server);

/* Flows that live now; 0 after a drain. Any thread. */
void vtx_service_counters(const struct vtx_service *service,
                          struct vtx_service_counters *ret_counters);

/* After the server is drained and the engine stopped. */
void vtx_service_free(struct vtx_service *service);

#endif
