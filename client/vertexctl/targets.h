/* targets.h - several servers as one target of gRPC.
 *
 * Threads: none inside. */
#ifndef VERTEXCTL_TARGETS_H
#define VERTEXCTL_TARGETS_H

#include <stddef.h>

#include "client/vertexctl/problem.h"

/* gRPC's JSON that has a channel give its calls to all servers in turn. */
#define CTL_ROUND_ROBIN "{\"loadBalancingConfig\":[{\"round_robin\":{}}]}"

/* One target as it is; of several, which must be HOST:PORT, their addresses in
 * one: "ipv4:a:1,b:2" or, if they have no such, "ipv6:...". Names are resolved
 * here, once. malloc'd; NULL and what is wrong. */
char *ctl_target_join(const char *const *targets, size_t count,
                      struct ctl_problem *problem);

#endif
