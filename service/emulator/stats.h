/* stats.h - what the emulator has seen: counters and the last requests.
 *
 * Threads:   none inside; the emulator's own.
 * Ownership: captures keep copies of what is given to them.
 */
#ifndef VTX_EMULATOR_STATS_H
#define VTX_EMULATOR_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "service/emulator/route.h"

struct cb_json;

/* Requests to /emulator/ are not counted, but for their connections. */
struct vtx_emu_stats {
  uint64_t in_flight; /* begun and not ended */
  uint64_t peak_in_flight;
  uint64_t requests;
  uint64_t completed; /* sent to the end, errors included */
  uint64_t aborted;   /* whose peer left before the end */
  uint64_t broken;    /* broken off on purpose, by a fault */
  uint64_t connections;
  uint64_t peak_connections;
  uint64_t connections_total;
  uint64_t by_verb[VTX_EMU_VERBS];
};

enum vtx_emu_outcome {
  VTX_EMU_COMPLETED,
  VTX_EMU_ABORTED,
  VTX_EMU_BROKEN,
};

void vtx_emu_stats_begin(struct vtx_emu_stats *stats, enum vtx_emu_verb verb);
void vtx_emu_stats_end(struct vtx_emu_stats *stats,
                       enum vtx_emu_outcome outcome);
void vtx_emu_stats_connect(struct vtx_emu_stats *stats);
void vtx_emu_stats_disconnect(struct vtx_emu_stats *stats);

/* Back to zero, but for what is there now. */
void vtx_emu_stats_reset(struct vtx_emu_stats *stats);

/* Adds the counters to the object that is open in json. */
void vtx_emu_stats_write(const struct vtx_emu_stats *stats,
                         struct cb_json *json);

/* The last requests, the newest replacing the oldest. */
enum { VTX_EMU_CAPTURES = 100, VTX_EMU_CAPTURED_BYTES = 64 << 10 };

struct vtx_emu_captures {
  struct cb_buf slots[VTX_EMU_CAPTURES]; /* a JSON object each */
  uint64_t count;                        /* ever captured */
};

struct vtx_emu_capture {
  const char *method;
  const char *url;
  const char *headers; /* JSON text of an object */
  const char *body;
  size_t body_size; /* cut at VTX_EMU_CAPTURED_BYTES */
};

void vtx_emu_captures_init(struct vtx_emu_captures *captures);
void vtx_emu_captures_release(struct vtx_emu_captures *captures);
void vtx_emu_captures_add(struct vtx_emu_captures *captures,
                          const struct vtx_emu_capture *capture);
void vtx_emu_captures_reset(struct vtx_emu_captures *captures);

/* Appends the last so many as a JSON array, oldest first. */
void vtx_emu_captures_write(const struct vtx_emu_captures *captures,
                            uint64_t last, struct cb_buf *buf);

#endif
