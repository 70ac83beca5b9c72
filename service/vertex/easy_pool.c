#include "service/vertex/easy_pool.h"

#include <stdlib.h>

bool vtx_easy_pool_init(struct vtx_easy_pool *pool, size_t size) {
  pool->room = size < VTX_EASY_POOL_KEPT ? size : VTX_EASY_POOL_KEPT;
  pool->count = 0;
  pool->idle = calloc(pool->room, sizeof(CURL *));
  return pool->idle != NULL;
}

void vtx_easy_pool_release(struct vtx_easy_pool *pool) {
  while (pool->count > 0)
    curl_easy_cleanup(pool->idle[--pool->count]);
  free(pool->idle);
  pool->idle = NULL;
}

CURL *vtx_easy_pool_take(struct vtx_easy_pool *pool) {
  return pool->count > 0 ? pool->idle[--pool->count] : NULL;
}

void vtx_easy_pool_give(struct vtx_easy_pool *pool, CURL *easy) {
  if (pool->count < pool->room) {
    pool->idle[pool->count++] = easy;
  } else {
    curl_easy_cleanup(easy);
  }
}
