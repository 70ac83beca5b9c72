/* ids.h - which ids were seen, and what became of them, in few bytes each.
 *
 * An id is kept as 64 bits of hash and 32 bits of line number and state: 12
 * bytes in a table that is at most three quarters full, so that a million ids
 * take 25 MB, and no more while a run goes on if they were all reserved before.
 * Two ids of a million have the same hash once in some 30 million runs; the
 * input would then be refused as having an id twice, nothing would be lost.
 *
 * Threads: none inside. Ownership: ids are not kept.
 */
#ifndef VERTEXCTL_IDS_H
#define VERTEXCTL_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ctl_id_state {
  CTL_ID_OPEN, /* no result yet, or an id never heard of */
  CTL_ID_ANSWERED,
  CTL_ID_FAILED,
};

/* Lines past this cannot be told apart. */
#define CTL_IDS_MAX_LINE ((UINT64_C(1) << 30) - 1)

struct ctl_ids {
  uint64_t *hashes; /* 0: a free place */
  uint32_t *marks;  /* line << 2 | state */
  size_t room;      /* a power of two */
  size_t count;
};

void ctl_ids_init(struct ctl_ids *ids);
void ctl_ids_release(struct ctl_ids *ids);

enum ctl_id_state ctl_ids_state(const struct ctl_ids *ids, const char *id);

/* Sets the state of an id, new or known. False when out of memory. */
bool ctl_ids_mark(struct ctl_ids *ids, const char *id, enum ctl_id_state state);

/* Makes all failed ids open again. */
void ctl_ids_reopen(struct ctl_ids *ids);

/* Notes that the input has id in that line (1 to CTL_IDS_MAX_LINE). *ret_first
 * is the line that had it before, 0 if none. False when out of memory. */
bool ctl_ids_see(struct ctl_ids *ids, const char *id, uint64_t line,
                 uint64_t *ret_first);

#endif
