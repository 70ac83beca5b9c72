#include "client/vertexctl/ids.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 1024

void ctl_ids_init(struct ctl_ids *ids) { *ids = (struct ctl_ids){0}; }

void ctl_ids_release(struct ctl_ids *ids) {
  free(ids->hashes);
  free(ids->marks);
  ctl_ids_init(ids);
}

/* FNV-1a, then mixed so that the low bits, which find the place, know of all
 * others. Never 0. */
static uint64_t hash_of(const char *id) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);

  for (; *id; id++)
    hash = (hash ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
  hash ^= hash >> 33;
  hash *= UINT64_C(0xff51afd7ed558ccd);
  hash ^= hash >> 33;
  return hash ? hash : 1;
}

/* Where hash is, or would go. */
static size_t place_of(const struct ctl_ids *ids, uint64_t hash) {
  size_t place = (size_t)hash & (ids->room - 1);

  while (ids->hashes[place] && ids->hashes[place] != hash)
    place = (place + 1) & (ids->room - 1);
  return place;
}

static bool grow(struct ctl_ids *ids) {
  struct ctl_ids larger = {.room = ids->room ? ids->room * 2 : FIRST_ROOM,
                           .count = ids->count};

  larger.hashes = calloc(larger.room, sizeof *larger.hashes);
  larger.marks = calloc(larger.room, sizeof *larger.marks);
  if (!larger.hashes || !larger.marks) {
    ctl_ids_release(&larger);
    return false;
  }
  for (size_t i = 0; i < ids->room; i++) {
    size_t place;

    if (!ids->hashes[i]) continue;
    place = place_of(&larger, ids->hashes[i]);
    larger.hashes[place] = ids->hashes[i];
    larger.marks[place] = ids->marks[i];
  }
  ctl_ids_release(ids);
  *ids = larger;
  return true;
}

/* The mark of id, which is added if it is new; NULL when out of memory. */
static uint32_t *mark_of(struct ctl_ids *ids, const char *id) {
  uint64_t hash = hash_of(id);
  size_t place;

  if (ids->count >= ids->room / 4 * 3 && !grow(ids)) return NULL;
  place = place_of(ids, hash);
  if (!ids->hashes[place]) {
    ids->hashes[place] = hash;
    ids->count++;
  }
  return &ids->marks[place];
}

enum ctl_id_state ctl_ids_state(const struct ctl_ids *ids, const char *id) {
  size_t place;

  if (ids->room == 0) return CTL_ID_OPEN;
  place = place_of(ids, hash_of(id));
  return (enum ctl_id_state)(ids->marks[place] & 3);
}

bool ctl_ids_mark(struct ctl_ids *ids, const char *id,
                  enum ctl_id_state state) {
  uint32_t *mark = mark_of(ids, id);

  if (!mark) return false;
  *mark = (*mark & ~UINT32_C(3)) | (uint32_t)state;
  return true;
}

void ctl_ids_reopen(struct ctl_ids *ids) {
  for (size_t i = 0; i < ids->room; i++)
    if ((ids->marks[i] & 3) == CTL_ID_FAILED) ids->marks[i] &= ~UINT32_C(3);
}

bool ctl_ids_see(struct ctl_ids *ids, const char *id, uint64_t line,
                 uint64_t *ret_first) {
  uint32_t *mark = mark_of(ids, id);

  assert(line > 0 && line <= CTL_IDS_MAX_LINE);
  if (!mark) return false;
  *ret_first = *mark >> 2;
  if (*ret_first == 0) *mark |= (uint32_t)line << 2;
  return true;
}
