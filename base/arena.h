/* arena.h - byte-capped memory that is freed as a whole.
 *
 * All that belongs to one request, or to one result, comes from one arena.
 * An arena has a cap of its own and charges its blocks to a budget, so a
 * message that unpacks to many times its wire size ends at the cap.
 *
 * Threads:   none inside. An arena belongs to one loop at a time and may be
 *            handed over whole in a message.
 * Ownership: cb_arena_new() gives it, cb_arena_free() takes it back with all
 *            that was allocated from it.
 * Cost:      allocation is a pointer bump; blocks start small and double, up
 *            to 64 KiB; larger requests get a block of their own.
 */
#ifndef CB_ARENA_H
#define CB_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct cb_arena;
struct cb_budget;

/* Makes an arena that may hold up to cap bytes, charged to budget (NULL: to
 * nobody), with a first block of first bytes (0: a small default). Returns
 * NULL when memory or budget is used up. The arena's own head is part of it. */
struct cb_arena *cb_arena_new(struct cb_budget *budget, size_t cap,
                              size_t first);

/* Frees the arena and everything in it. NULL is fine. */
void cb_arena_free(struct cb_arena *arena);

/* size bytes, aligned for any type, uninitialised. NULL when the cap, the
 * budget or memory is used up; the arena stays usable. Size 0 gives a valid
 * pointer that must not be read. */
void *cb_arena_alloc(struct cb_arena *arena, size_t size);

/* As cb_arena_alloc() for count * size bytes, zeroed; overflow is NULL. */
void *cb_arena_zalloc(struct cb_arena *arena, size_t count, size_t size);

/* A copy of the size bytes at data, with a NUL behind them. */
char *cb_arena_memdup(struct cb_arena *arena, const void *data, size_t size);

/* A copy of a NUL-ended text. NULL in gives NULL. */
char *cb_arena_strdup(struct cb_arena *arena, const char *text);

/* printf into the arena. */
char *cb_arena_printf(struct cb_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *cb_arena_vprintf(struct cb_arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Runs release(object) when the arena is freed, last added first. For what
 * the arena holds but did not allocate (a json-c tree, a file). False when
 * out of memory: nothing was added. */
bool cb_arena_defer(struct cb_arena *arena, void (*release)(void *object),
                    void *object);

/* What its blocks are charged to, for what goes with the arena and is not in
 * it; NULL: nobody. */
struct cb_budget *cb_arena_budget(const struct cb_arena *arena);

/* Bytes that the arena holds now, heads and slack included: what it has
 * charged to its budget. */
size_t cb_arena_size(const struct cb_arena *arena);

/* True once an allocation was refused, for whatever reason: tells "no room"
 * from "malformed" after a decoder just returned failure. */
bool cb_arena_exhausted(const struct cb_arena *arena);

/* Why the last refusal was. True: the size would have passed the cap, and would
 * again. False: budget or memory had no more at that time, or nothing was
 * refused. */
bool cb_arena_past_cap(const struct cb_arena *arena);

/* Arenas alive in the process; tests assert that it returns to where it was. */
size_t cb_arena_live(void);

#endif
