/* easy_pool.h - curl easy handles that wait for their next transfer.
 *
 * A handle keeps its memory and its options, so a transfer sets only what is
 * its own. More than KEPT are not kept: after a burst they would hold some
 * kilobytes each for nothing.
 *
 * Threads:   the engine's.
 * Ownership: take gives a handle, give takes it back, out of the multi.
 */
#ifndef VTX_VERTEX_EASY_POOL_H
#define VTX_VERTEX_EASY_POOL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#define VTX_EASY_POOL_KEPT 256

struct vtx_easy_pool {
  CURL **idle;
  size_t count;
  size_t room;
};

/* Room for at most size handles, or for KEPT if that is less. */
bool vtx_easy_pool_init(struct vtx_easy_pool *pool, size_t size);
void vtx_easy_pool_release(struct vtx_easy_pool *pool);

/* A handle that was given back, NULL if there is none: then make one. */
CURL *vtx_easy_pool_take(struct vtx_easy_pool *pool);

/* Keeps the handle, or frees it if there are enough. */
void vtx_easy_pool_give(struct vtx_easy_pool *pool, CURL *easy);

#endif
