#include "service/emulator/target.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json_writer.h"

enum { ARENA_BYTES = 2 << 20, MAX_NAME = 256 };

static const char *const verdict_names[VTX_EMU_VERDICTS] = {
    "accepted", "throttled", "overloaded"};

static const char other[] = "other";

bool vtx_emu_targets_init(struct vtx_emu_targets *targets, int64_t now) {
  *targets = (struct vtx_emu_targets){.started = now};
  targets->arena = cb_arena_new(NULL, ARENA_BYTES, 0);
  return targets->arena != NULL;
}

void vtx_emu_targets_release(struct vtx_emu_targets *targets) {
  cb_arena_free(targets->arena);
}

void vtx_emu_targets_reset(struct vtx_emu_targets *targets) {
  for (size_t i = 0; i < targets->count; i++) {
    struct vtx_emu_target *target = targets->all[i];

    *target = (struct vtx_emu_target){.location = target->location,
                                      .model = target->model,
                                      .in_flight = target->in_flight,
                                      .peak_in_flight = target->in_flight};
  }
}

static bool is_named(const struct vtx_emu_target *target, const char *location,
                     const char *model) {
  return strcmp(target->location, location) == 0 &&
         strcmp(target->model, model) == 0;
}

static struct vtx_emu_target *add(struct vtx_emu_targets *targets,
                                  const char *location, const char *model) {
  struct vtx_emu_target *target =
      cb_arena_zalloc(targets->arena, 1, sizeof *target);

  if (!target) return NULL;
  target->location = cb_arena_strdup(targets->arena, location);
  target->model = cb_arena_strdup(targets->arena, model);
  if (!target->location || !target->model) return NULL;
  assert(targets->count <= VTX_EMU_TARGETS);
  targets->all[targets->count++] = target;
  return target;
}

struct vtx_emu_target *vtx_emu_targets_find(struct vtx_emu_targets *targets,
                                            const char *location,
                                            const char *model) {
  if (strlen(location) > MAX_NAME || strlen(model) > MAX_NAME) {
    location = model = other;
  }
  for (size_t i = 0; i < targets->count; i++) {
    if (is_named(targets->all[i], location, model)) return targets->all[i];
  }
  if (targets->count < VTX_EMU_TARGETS) return add(targets, location, model);
  if (targets->count == VTX_EMU_TARGETS) return add(targets, other, other);
  return targets->all[VTX_EMU_TARGETS];
}

void vtx_emu_target_begin(struct vtx_emu_target *target) {
  if (!target) return;
  target->requests++;
  target->in_flight++;
  if (target->in_flight > target->peak_in_flight) {
    target->peak_in_flight = target->in_flight;
  }
}

void vtx_emu_target_end(struct vtx_emu_target *target) {
  if (!target) return;
  assert(target->in_flight > 0);
  target->in_flight--;
}

/* Tokens may be used up by answers that turned out long; then nobody is let in
 * until the debt is paid. A request takes one from its bucket. */
static bool quota_allows(struct vtx_emu_target *target,
                         const struct vtx_emu_quota *quota, int64_t now) {
  double burst = quota->burst > 0 ? (double)quota->burst : 1.0;
  double tokens = quota->tpm / 60.0;

  if (quota->tpm > 0 &&
      vtx_emu_bucket_fill(&target->token_bucket, tokens, tokens, now) <= 0) {
    return false;
  }
  if (quota->rps <= 0) return true;
  if (vtx_emu_bucket_fill(&target->request_bucket, quota->rps, burst, now) <
      1.0) {
    return false;
  }
  vtx_emu_bucket_spend(&target->request_bucket, 1.0);
  return true;
}

static void note(struct vtx_emu_targets *targets, struct vtx_emu_target *target,
                 enum vtx_emu_verdict verdict, int64_t now) {
  int64_t second = (now - targets->started) / CB_SECOND;
  struct vtx_emu_second *cell = &target->seconds[second % VTX_EMU_SECONDS];

  if (cell->second != second) {
    *cell = (struct vtx_emu_second){.second = second};
  }
  cell->count[verdict]++;
  target->count[verdict]++;
}

enum vtx_emu_verdict vtx_emu_target_admit(struct vtx_emu_targets *targets,
                                          struct vtx_emu_target *target,
                                          const struct vtx_emu_quota *quota,
                                          int64_t capacity, int64_t now) {
  enum vtx_emu_verdict verdict = VTX_EMU_ACCEPTED;

  if (capacity > 0 && target->in_flight > (uint64_t)capacity) {
    verdict = VTX_EMU_OVERLOADED;
  } else if (!quota_allows(target, quota, now)) {
    verdict = VTX_EMU_THROTTLED;
  }
  note(targets, target, verdict, now);
  return verdict;
}

void vtx_emu_target_charge(struct vtx_emu_target *target,
                           const struct vtx_emu_quota *quota, int64_t tokens) {
  if (quota->tpm <= 0) return;
  vtx_emu_bucket_spend(&target->token_bucket, (double)tokens);
}

static void write_number(struct cb_json *json, const char *name,
                         uint64_t number) {
  cb_json_key(json, name);
  cb_json_uint(json, number);
}

static void write_target(const struct vtx_emu_target *target,
                         struct cb_json *json) {
  cb_json_begin_object(json);
  cb_json_key(json, "location");
  cb_json_string(json, target->location);
  cb_json_key(json, "model");
  cb_json_string(json, target->model);
  write_number(json, "requests", target->requests);
  write_number(json, "in_flight", target->in_flight);
  write_number(json, "peak_in_flight", target->peak_in_flight);
  for (int i = 0; i < VTX_EMU_VERDICTS; i++) {
    write_number(json, verdict_names[i], target->count[i]);
  }
  write_number(json, "ok", target->ok);
  cb_json_end_object(json);
}

void vtx_emu_targets_write(const struct vtx_emu_targets *targets,
                           struct cb_json *json) {
  uint64_t sum[VTX_EMU_VERDICTS] = {0};
  uint64_t ok = 0;

  for (size_t i = 0; i < targets->count; i++) {
    ok += targets->all[i]->ok;
    for (int k = 0; k < VTX_EMU_VERDICTS; k++) {
      sum[k] += targets->all[i]->count[k];
    }
  }
  for (int i = 0; i < VTX_EMU_VERDICTS; i++) {
    write_number(json, verdict_names[i], sum[i]);
  }
  write_number(json, "ok", ok);
  cb_json_key(json, "by_target");
  cb_json_begin_array(json);
  for (size_t i = 0; i < targets->count; i++) {
    if (targets->all[i]->requests > 0) write_target(targets->all[i], json);
  }
  cb_json_end_array(json);
}

static struct vtx_emu_second sum_second(const struct vtx_emu_targets *targets,
                                        const char *location, const char *model,
                                        int64_t second) {
  struct vtx_emu_second sum = {.second = second};

  for (size_t i = 0; i < targets->count; i++) {
    const struct vtx_emu_target *target = targets->all[i];
    const struct vtx_emu_second *cell =
        &target->seconds[second % VTX_EMU_SECONDS];

    if (cell->second != second) continue;
    if (location && strcmp(location, target->location) != 0) continue;
    if (model && strcmp(model, target->model) != 0) continue;
    for (int k = 0; k < VTX_EMU_VERDICTS; k++) {
      sum.count[k] += cell->count[k];
    }
  }
  return sum;
}

void vtx_emu_targets_write_timeline(const struct vtx_emu_targets *targets,
                                    const char *location, const char *model,
                                    int64_t now, struct cb_json *json) {
  int64_t present = (now - targets->started) / CB_SECOND;
  int64_t first = present - VTX_EMU_SECONDS + 1;

  cb_json_begin_object(json);
  cb_json_key(json, "second");
  cb_json_int(json, present);
  cb_json_key(json, "timeline");
  cb_json_begin_array(json);
  for (int64_t second = first > 0 ? first : 0; second <= present; second++) {
    struct vtx_emu_second sum = sum_second(targets, location, model, second);

    cb_json_begin_object(json);
    cb_json_key(json, "second");
    cb_json_int(json, second);
    for (int i = 0; i < VTX_EMU_VERDICTS; i++) {
      write_number(json, verdict_names[i], sum.count[i]);
    }
    cb_json_end_object(json);
  }
  cb_json_end_array(json);
  cb_json_end_object(json);
}
