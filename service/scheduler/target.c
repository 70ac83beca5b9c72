#include "service/scheduler/target.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "service/quota/table.h"
#include "service/scheduler/slots.h"

static uint32_t hash_of(const char *name) {
  uint32_t hash = 2166136261u;

  for (; *name; name++)
    hash = (hash ^ (unsigned char)*name) * 16777619u;
  return hash;
}

static struct vtx_sched_target *make(struct vtx_scheduler *scheduler,
                                     const char *name) {
  struct vtx_sched_target *target = calloc(1, sizeof *target);
  struct vtx_gate_options limits =
      vtx_quota_find(scheduler->options.quotas, name, &scheduler->options.gate);

  if (!target) return NULL;
  target->name = strdup(name);
  target->serial = ++scheduler->serial;
  target->hash = hash_of(name);
  vtx_sched_slots_init(&target->slots, scheduler->options.target_max_in_flight);
  vtx_gate_init(&target->gate, &limits);
  vtx_breaker_init(&target->breaker);
  target->told_throttled = INT64_MIN;
  cb_list_init(&target->idle);
  if (target->name) return target;
  free(target);
  return NULL;
}

static void free_target(struct vtx_sched_target *target) {
  if (target) free(target->name);
  free(target);
}

bool vtx_sched_targets_init(struct vtx_scheduler *scheduler) {
  cb_list_init(&scheduler->idle);
  scheduler->targets = calloc(VTX_SCHED_BUCKETS, sizeof *scheduler->targets);
  scheduler->common = make(scheduler, "");
  if (scheduler->targets && scheduler->common) return true;
  vtx_sched_targets_release(scheduler);
  return false;
}

void vtx_sched_targets_release(struct vtx_scheduler *scheduler) {
  for (size_t i = 0; scheduler->targets && i < VTX_SCHED_BUCKETS; i++) {
    while (scheduler->targets[i]) {
      struct vtx_sched_target *target = scheduler->targets[i];

      scheduler->targets[i] = target->next;
      free_target(target);
    }
  }
  free(scheduler->targets);
  free_target(scheduler->common);
  scheduler->targets = NULL;
  scheduler->common = NULL;
}

struct vtx_sched_target *vtx_sched_target_find(
    const struct vtx_scheduler *scheduler, const char *name) {
  uint32_t hash = hash_of(name);
  struct vtx_sched_target *target =
      scheduler->targets[hash % VTX_SCHED_BUCKETS];

  if (!*name) return scheduler->common;
  while (target && (target->hash != hash || strcmp(target->name, name) != 0)) {
    target = target->next;
  }
  return target;
}

struct vtx_sched_target *vtx_sched_target_use(struct vtx_scheduler *scheduler,
                                              const char *name) {
  struct vtx_sched_target *target = vtx_sched_target_find(scheduler, name);
  struct vtx_sched_target **bucket;

  if (!target) {
    target = make(scheduler, name);
    if (target) {
      bucket = &scheduler->targets[target->hash % VTX_SCHED_BUCKETS];
      target->next = *bucket;
      *bucket = target;
      scheduler->target_count++;
    } else {
      target = scheduler->common;
    }
  }
  target->uses++;
  cb_list_remove(&target->idle);
  return target;
}

void vtx_sched_target_limit(const struct vtx_scheduler *scheduler,
                            struct vtx_sched_target *target) {
  size_t most = scheduler->options.target_max_in_flight;
  size_t limit = vtx_gate_limit(&target->gate);

  target->slots.limit = limit < most ? limit : most;
}

/* Nobody uses target. */
static void forget(struct vtx_scheduler *scheduler,
                   struct vtx_sched_target *target) {
  struct vtx_sched_target **link =
      &scheduler->targets[target->hash % VTX_SCHED_BUCKETS];

  assert(!target->later.in && !target->kept.in &&
         !target->nodes[VTX_INTERACTIVE].in && !target->nodes[VTX_BATCH].in);
  cb_list_remove(&target->idle);
  while (*link != target)
    link = &(*link)->next;
  *link = target->next;
  scheduler->target_count--;
  free_target(target);
}

void vtx_sched_target_leave(struct vtx_scheduler *scheduler,
                            struct vtx_sched_target *target) {
  assert(target->uses > 0);
  target->uses--;
  if (target->uses > 0 || target == scheduler->common) return;
  cb_list_append(&scheduler->idle, &target->idle);
  if (scheduler->target_count <= VTX_SCHED_TARGETS_KEPT) return;
  forget(scheduler,
         CB_CONTAINER(scheduler->idle.next, struct vtx_sched_target, idle));
}
