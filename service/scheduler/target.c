#include "service/scheduler/target.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024

static uint32_t hash_of(const char *name) {
  uint32_t hash = 2166136261u;

  for (; *name; name++)
    hash = (hash ^ (unsigned char)*name) * 16777619u;
  return hash;
}

static struct vtx_sched_target *make(struct vtx_scheduler *scheduler,
                                     const char *name) {
  struct vtx_sched_target *target = calloc(1, sizeof *target);

  if (!target) return NULL;
  target->name = strdup(name);
  target->serial = ++scheduler->serial;
  target->hash = hash_of(name);
  target->slots.limit = scheduler->options.target_max_in_flight;
  target->slots.last_interactive = INT64_MIN;
  if (target->name) return target;
  free(target);
  return NULL;
}

static void free_target(struct vtx_sched_target *target) {
  if (target) free(target->name);
  free(target);
}

bool vtx_sched_targets_init(struct vtx_scheduler *scheduler) {
  scheduler->targets = calloc(BUCKETS, sizeof *scheduler->targets);
  scheduler->common = make(scheduler, "");
  if (scheduler->targets && scheduler->common) return true;
  vtx_sched_targets_release(scheduler);
  return false;
}

void vtx_sched_targets_release(struct vtx_scheduler *scheduler) {
  for (size_t i = 0; scheduler->targets && i < BUCKETS; i++) {
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

static struct vtx_sched_target *find(const struct vtx_scheduler *scheduler,
                                     const char *name) {
  uint32_t hash = hash_of(name);
  struct vtx_sched_target *target = scheduler->targets[hash % BUCKETS];

  if (!*name) return scheduler->common;
  while (target && (target->hash != hash || strcmp(target->name, name) != 0)) {
    target = target->next;
  }
  return target;
}

struct vtx_sched_target *vtx_sched_target_use(struct vtx_scheduler *scheduler,
                                              const char *name) {
  struct vtx_sched_target *target = find(scheduler, name);
  struct vtx_sched_target **bucket;

  if (!target) {
    target = make(scheduler, name);
    if (target) {
      bucket = &scheduler->targets[target->hash % BUCKETS];
      target->next = *bucket;
      *bucket = target;
      scheduler->target_count++;
    } else {
      target = scheduler->common;
    }
  }
  target->uses++;
  return target;
}

void vtx_sched_target_leave(struct vtx_scheduler *scheduler,
                            struct vtx_sched_target *target) {
  struct vtx_sched_target **link;

  assert(target->uses > 0);
  target->uses--;
  if (target->uses > 0 || target == scheduler->common ||
      scheduler->target_count <= VTX_SCHED_TARGETS_KEPT) {
    return;
  }
  link = &scheduler->targets[target->hash % BUCKETS];
  while (*link != target)
    link = &(*link)->next;
  *link = target->next;
  scheduler->target_count--;
  free_target(target);
}
