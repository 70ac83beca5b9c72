/* sse.h - server-sent events as Vertex AI writes them.
 *
 * Bytes in, events out, whatever way the bytes are cut. LF, CRLF and CR end
 * lines, mixed too; several data lines of one event are joined by LF; comments
 * and other fields, events with empty data and a byte order mark at the start
 * are ignored; an event without its closing blank line at the
 * end counts, and is told apart, for it may have been cut. A line at an event
 * boundary that begins with { or [ switches to raw mode: Google's other way to
 * tell of an error in mid-stream; everything from there to the end is handed
 * over as one raw text.
 *
 * Threads:   none inside.
 * Ownership: texts are valid during the callback.
 */
#ifndef VTX_VERTEX_SSE_H
#define VTX_VERTEX_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum vtx_sse_kind {
  VTX_SSE_EVENT, /* data of one event */
  VTX_SSE_LAST,  /* as far as it came; no blank line; only at finish */
  VTX_SSE_RAW,   /* all from the first raw line on; only at finish */
};

/* Returns false to stop: feed and finish then return VTX_SSE_STOPPED. */
typedef bool vtx_sse_handler(void *ctx, enum vtx_sse_kind kind,
                             const char *data, size_t size);

/* The first that is not OK stays: later calls return it and do nothing. */
enum vtx_sse_result {
  VTX_SSE_OK = 0,
  VTX_SSE_STOPPED,
  VTX_SSE_TOO_LARGE, /* the data of one event, or the raw text, passed
                        max_event; or a line of any kind passed it by more
                        than "data: " */
  VTX_SSE_NO_MEMORY, /* the budget, or memory, is used up */
};

struct vtx_sse {
  struct cb_buf line; /* the line at hand, as far as it came */
  struct cb_buf data; /* of the event at hand; in raw mode the raw text */
  vtx_sse_handler *handler;
  void *ctx;
  bool have_data;  /* the event at hand has a data line: no boundary */
  bool later_line; /* past the first line, where a byte order mark may be */
  bool raw;
  bool after_cr; /* an LF that comes next belongs to that CR */
  enum vtx_sse_result result;
};

struct cb_budget;

void vtx_sse_init(struct vtx_sse *sse, size_t max_event,
                  struct cb_budget *budget, vtx_sse_handler *handler,
                  void *ctx);
void vtx_sse_release(struct vtx_sse *sse);

enum vtx_sse_result vtx_sse_feed(struct vtx_sse *sse, const char *data,
                                 size_t size);

/* The stream has ended. */
enum vtx_sse_result vtx_sse_finish(struct vtx_sse *sse);

#endif
