/* window.h - results that wait for their turn.
 *
 * In input order a result comes out once all before it have; as completed, at
 * once. The window is a heap or a list through the results themselves, so it
 * needs no memory and cannot fail; what bounds it is the flow's allowance.
 *
 * Threads:   none inside; the crpc loop's.
 * Ownership: holds what was put until it is taken.
 * Cost:      put O(1), take O(log n) amortised.
 */
#ifndef VTX_WINDOW_H
#define VTX_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"

struct vtx_result;

enum vtx_window_order { VTX_INPUT_ORDER, VTX_AS_COMPLETED };

struct vtx_window {
  enum vtx_window_order order;
  uint32_t next;        /* the index whose turn it is, in input order */
  struct cb_heap heap;  /* in input order */
  struct cb_link queue; /* as completed */
};

/* The window stays where it is from now on. */
void vtx_window_init(struct vtx_window *window, enum vtx_window_order order);

/* Frees what still waits. Fine for a zeroed window. */
void vtx_window_release(struct vtx_window *window);

/* Each index is put once. */
void vtx_window_put(struct vtx_window *window, struct vtx_result *result);

/* The next result whose turn it is, the caller's from now on; NULL if none. */
struct vtx_result *vtx_window_take(struct vtx_window *window);

#endif
