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

#include "service/quota/gate.h"
#include "service/vertex/retry.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_budget;
struct crpc_loop;
struct crpc_server;
struct vtx_log;
struct vtx_labels;
struct vtx_quota_table;
struct vtx_routes;
struct vtx_service;
struct vtx_target_report;
struct vtx_upstream;

struct vtx_service_options {
  struct crpc_loop *loop;
  struct vtx_upstream *upstream; /* its engine runs the scheduler */
  struct cb_budget *budget;
  struct vtx_log *log;       /* told what happens to targets; NULL: nobody is */
  const char *default_model; /* NULL: callers must name one */
  const struct vtx_routes *routes; /* NULL: the upstream's location only */
  const struct vtx_labels *labels; /* of every request; NULL: none */
  Vertexd__V1__RequestTier tier;   /* of those that do not say; 0: standard */
  int32_t max_concurrency_cap;     /* of one call */
  size_t max_in_flight;            /* of the process */
  size_t target_max_in_flight;  /* of one model at one location; 0: the same */
  struct vtx_gate_options gate; /* of each target */
  const struct vtx_quota_table *quotas; /* for single ones; NULL: none */
  size_t max_waiting;        /* calls of which nothing was sent; 0: no limit */
  size_t max_waiting_bytes;  /* of their requests; 0: no limit */
  size_t max_batch_items;    /* of one call */
  size_t max_response_bytes; /* of one upstream answer */
  int64_t default_deadline;  /* nanoseconds */
  int64_t request_timeout; /* nanoseconds until a pipe's start must be there */
  int64_t throttle_wait;   /* nanoseconds that single calls wait for quota */
  struct vtx_retry_policy interactive_retry;
  struct vtx_retry_policy batch_retry;
};

struct vtx_service_counters {
  size_t flows; /* calls that the scheduler knows */
  size_t jobs;  /* prompts dispatched and not finished */
  uint64_t jobs_total;
  uint64_t retries;        /* attempts made again after a failure */
  uint64_t requeues;       /* attempts made again after a refusal for quota */
  uint64_t failovers;      /* those of either that went to another place */
  uint64_t retries_denied; /* by an empty budget */
  uint64_t retries_left;   /* that the budget has */
};

/* NULL when out of memory. Sets the engine's pull hook. */
struct vtx_service *vtx_service_new(const struct vtx_service_options *options);

/* Adds the service's methods to server, before it starts. */
bool vtx_service_register(struct vtx_service *service,
                          struct crpc_server *server);

/* Flows that live now; 0 after a drain. Any thread. */
void vtx_service_counters(const struct vtx_service *service,
                          struct vtx_service_counters *ret_counters);

/* Has the engine log a line for each target (target_log.h), VTX_REPORT_MOST at
 * most; soon, not at once. Any thread. */
void vtx_service_log_targets(struct vtx_service *service);

/* What is known of the targets, as vtx_scheduler_report() tells it of
 * VTX_REPORT_MOST at most. On the engine's thread. */
size_t vtx_service_targets(const struct vtx_service *service,
                           void (*take)(void *self,
                                        const struct vtx_target_report *report),
                           void *self);

/* Ends all calls that are being worked on: what is done is delivered, all else
 * fails with UNAVAILABLE (SERVER_SHUTTING_DOWN), and so does every call that
 * comes later. Soon, not at once. On the crpc loop; more than once is fine. */
void vtx_service_shut_down(struct vtx_service *service);

/* After the server is drained and the engine stopped. */
void vtx_service_free(struct vtx_service *service);

#endif
