#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"

#define ALIGNMENT alignof(max_align_t)
#define DEFAULT_FIRST ((size_t)1024)
#define BIGGEST_BLOCK ((size_t)64 * 1024)

struct block {
  struct block *next;
  size_t size; /* with this head */
};

struct deferred {
  struct deferred *next;
  void (*release)(void *object);
  void *object;
};

/* Stands at the start of the first block. */
struct cb_arena {
  struct cb_budget *budget;
  size_t cap;
  size_t size;
  size_t next_size; /* of the next ordinary block */
  char *cursor;     /* the free part of the current block */
  char *end;
  struct block *blocks; /* the first block is the last of this list */
  struct deferred *deferred;
  bool exhausted;
  bool past_cap; /* the last refusal was for the cap */
};

/* The one global: how many arenas there are, for leak checks and counters. */
static _Atomic size_t live;

static size_t aligned(size_t size) {
  return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

#define BLOCK_HEAD aligned(sizeof(struct block))
#define ARENA_HEAD aligned(sizeof(struct cb_arena))

static struct block *take_block(struct cb_budget *budget, size_t size) {
  struct block *block;

  if (!cb_budget_charge(budget, size)) return NULL;
  block = malloc(size);
  if (!block) {
    cb_budget_release(budget, size);
    return NULL;
  }
  block->size = size;
  block->next = NULL;
  return block;
}

struct cb_arena *cb_arena_new(struct cb_budget *budget, size_t cap,
                              size_t first) {
  size_t least = BLOCK_HEAD + ARENA_HEAD;
  size_t size = first > 0 ? first : DEFAULT_FIRST;
  struct block *block;
  struct cb_arena *arena;

  if (cap < least) return NULL;
  if (size < least) size = least;
  if (size > cap) size = cap;
  block = take_block(budget, size);
  if (!block) return NULL;

  arena = (struct cb_arena *)(void *)((char *)block + BLOCK_HEAD);
  *arena = (struct cb_arena){
      .budget = budget,
      .cap = cap,
      .size = size,
      .next_size = size < BIGGEST_BLOCK / 2 ? size * 2 : BIGGEST_BLOCK,
      .cursor = (char *)arena + ARENA_HEAD,
      .end = (char *)block + size,
      .blocks = block,
  };
  atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
  return arena;
}

void cb_arena_free(struct cb_arena *arena) {
  struct cb_budget *budget;
  struct block *block;
  struct block *next;
  size_t size;

  if (!arena) return;
  while (arena->deferred) {
    struct deferred *deferred = arena->deferred;

    arena->deferred = deferred->next;
    deferred->release(deferred->object);
  }
  budget = arena->budget; /* the arena lives in the memory that it frees */
  size = arena->size;
  for (block = arena->blocks; block; block = next) {
    next = block->next;
    free(block);
  }
  cb_budget_release(budget, size);
  atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
}

static void *refuse(struct cb_arena *arena, bool past_cap) {
  arena->exhausted = true;
  arena->past_cap = past_cap;
  return NULL;
}

static bool passes_cap(const struct cb_arena *arena, size_t size) {
  return size > arena->cap - arena->size;
}

/* A block of size bytes that the cap and the budget allow, or NULL. */
static struct block *add_block(struct cb_arena *arena, size_t size) {
  struct block *block;

  if (passes_cap(arena, size)) return NULL;
  block = take_block(arena->budget, size);
  if (!block) return NULL;
  arena->size += size;
  block->next = arena->blocks;
  arena->blocks = block;
  return block;
}

/* Size bytes from a block that holds nothing else; the current one stays. */
static void *alloc_alone(struct cb_arena *arena, size_t size) {
  struct block *block = add_block(arena, BLOCK_HEAD + size);

  return block ? (char *)block + BLOCK_HEAD
               : refuse(arena, passes_cap(arena, BLOCK_HEAD + size));
}

/* The size for the next ordinary block; the one after it is twice that. */
static size_t next_block_size(struct cb_arena *arena) {
  size_t size = arena->next_size;
  size_t left = arena->cap - arena->size;

  arena->next_size = size < BIGGEST_BLOCK / 2 ? size * 2 : BIGGEST_BLOCK;
  return size < left ? size : left;
}

/* Size bytes from a new current block, or from one of their own where a new
 * block would be mostly these bytes. Near the cap, or the budget's end, a block
 * of doubled size may be refused where the bytes alone still fit. */
static void *alloc_from_new(struct cb_arena *arena, size_t size) {
  struct block *block = NULL;
  size_t block_size;

  if (size > BIGGEST_BLOCK / 4) return alloc_alone(arena, size);
  block_size = next_block_size(arena);
  if (size <= block_size / 2) block = add_block(arena, block_size);
  if (!block) return alloc_alone(arena, size);
  arena->cursor = (char *)block + BLOCK_HEAD + size;
  arena->end = (char *)block + block_size;
  return (char *)block + BLOCK_HEAD;
}

void *cb_arena_alloc(struct cb_arena *arena, size_t size) {
  void *memory;

  if (size > SIZE_MAX - BLOCK_HEAD - ALIGNMENT) return refuse(arena, true);
  size = aligned(size);
  if (size > (size_t)(arena->end - arena->cursor))
    return alloc_from_new(arena, size);
  memory = arena->cursor;
  arena->cursor += size;
  return memory;
}

void *cb_arena_zalloc(struct cb_arena *arena, size_t count, size_t size) {
  size_t total;
  void *memory;

  if (__builtin_mul_overflow(count, size, &total)) return refuse(arena, true);
  memory = cb_arena_alloc(arena, total);
  if (memory) memset(memory, 0, total);
  return memory;
}

char *cb_arena_memdup(struct cb_arena *arena, const void *data, size_t size) {
  char *copy;

  if (size == SIZE_MAX) return refuse(arena, true);
  copy = cb_arena_alloc(arena, size + 1);
  if (!copy) return NULL;
  if (size > 0) memcpy(copy, data, size);
  copy[size] = '\0';
  return copy;
}

char *cb_arena_strdup(struct cb_arena *arena, const char *text) {
  return text ? cb_arena_memdup(arena, text, strlen(text)) : NULL;
}

/* Written where the next bytes would come from; only what does not fit there
 * is formatted twice. */
char *cb_arena_vprintf(struct cb_arena *arena, const char *format,
                       va_list args) {
  size_t left = (size_t)(arena->end - arena->cursor);
  char *place = arena->cursor;
  char *text = NULL;
  va_list again;
  int len;

  va_copy(again, args);
  len = vsnprintf(place, left, format, args);
  if (len >= 0) text = cb_arena_alloc(arena, (size_t)len + 1);
  if (text && ((size_t)len >= left || text != place))
    vsnprintf(text, (size_t)len + 1, format, again);
  va_end(again);
  return text;
}

char *cb_arena_printf(struct cb_arena *arena, const char *format, ...) {
  va_list args;
  char *text;

  va_start(args, format);
  text = cb_arena_vprintf(arena, format, args);
  va_end(args);
  return text;
}

bool cb_arena_defer(struct cb_arena *arena, void (*release)(void *object),
                    void *object) {
  struct deferred *deferred = cb_arena_alloc(arena, sizeof *deferred);

  if (!deferred) return false;
  *deferred = (struct deferred){arena->deferred, release, object};
  arena->deferred = deferred;
  return true;
}

struct cb_budget *cb_arena_budget(const struct cb_arena *arena) {
  return arena->budget;
}

size_t cb_arena_size(const struct cb_arena *arena) { return arena->size; }

bool cb_arena_exhausted(const struct cb_arena *arena) {
  return arena->exhausted;
}

bool cb_arena_past_cap(const struct cb_arena *arena) { return arena->past_cap; }

size_t cb_arena_live(void) {
  return atomic_load_explicit(&live, memory_order_relaxed);
}
