/* health.h - grpc.health.v1 (Check, List and Watch) for any crpc server.
 *
 * Threads: the server's loop.
 */
#ifndef CRPC_HEALTH_H
#define CRPC_HEALTH_H

#include <stdbool.h>

struct crpc_health;
struct crpc_server;

/* Adds the service to server, before start. The whole server ("") and every
 * service added to it are known and SERVING. The server owns the result. NULL
 * when out of memory. */
struct crpc_health *crpc_health_add(struct crpc_server *server);

/* Sets the state of one service ("" is the whole server) and tells all
 * watchers of it. False if no such service is known, or out of memory. */
bool crpc_health_set(struct crpc_health *health, const char *service,
                     bool serving);

/* Everything NOT_SERVING, for good; watchers are told, and their calls end with
 * UNAVAILABLE, so that a drain need not wait for them. */
void crpc_health_stop(struct crpc_health *health);

#endif
