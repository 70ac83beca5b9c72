/* buf.h - a growable byte buffer that is born with its maximum.
 *
 * Threads:   none inside.
 * Ownership: the struct is the caller's, the bytes are the buffer's until
 *            cb_buf_move(). cb_buf_release() is needed at the end.
 * Failure:   an append that would pass the maximum, the budget or memory
 *            returns false, leaves the bytes as they were and marks the buffer
 *            failed; later appends return false too, so a writer may check
 *            once at its end. The mark says which of them it was.
 */
#ifndef CB_BUF_H
#define CB_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct cb_budget;

struct cb_buf {
  char *data; /* NULL while empty; otherwise data[len] is a NUL */
  size_t len;
  size_t room; /* allocated bytes */
  size_t max;  /* len never passes it */
  struct cb_budget *budget;
  bool failed;
  bool past_max; /* what failed would have passed max */
};

/* Makes *buf empty; it may grow to max bytes, charged to budget (may be NULL).
 * Allocates nothing. */
void cb_buf_init(struct cb_buf *buf, size_t max, struct cb_budget *budget);

/* Frees the bytes; *buf is then as after init. */
void cb_buf_release(struct cb_buf *buf);

/* Forgets the bytes and the failure mark, keeps the memory. */
void cb_buf_clear(struct cb_buf *buf);

/* Moves everything of *from, charge and limits too, to *to, which must hold no
 * bytes of its own; *from is then empty, as after init. */
void cb_buf_move(struct cb_buf *to, struct cb_buf *from);

bool cb_buf_add(struct cb_buf *buf, const void *data, size_t size);
bool cb_buf_add_char(struct cb_buf *buf, char c);
bool cb_buf_add_text(struct cb_buf *buf, const char *text);
bool cb_buf_printf(struct cb_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes room for size more bytes and returns where they go; cb_buf_grow()
 * then says how many were written. NULL on failure. */
char *cb_buf_reserve(struct cb_buf *buf, size_t size);
void cb_buf_grow(struct cb_buf *buf, size_t written);

/* Why the buffer failed. True: bytes would have passed its maximum, and would
 * again. False: budget or memory had no more at that time, or it has not
 * failed. */
bool cb_buf_past_max(const struct cb_buf *buf);

/* Removes the first size bytes (size <= len). */
void cb_buf_consume(struct cb_buf *buf, size_t size);

#endif
