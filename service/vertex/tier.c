#include "service/vertex/tier.h"

#include <stdio.h>
#include <string.h>

#include "service/vertex/body_schema.h"

#define TIER(name) VERTEXD__V1__REQUEST_TIER__REQUEST_TIER_##name

struct tier {
  Vertexd__V1__RequestTier tier;
  const char *name;
  const char *type;   /* of the request; NULL: no header */
  const char *shared; /* of its shared part; NULL: no header */
};

static const struct tier tiers[] = {
    {TIER(STANDARD), "standard", NULL, NULL},
    {TIER(DEDICATED), "dedicated", "dedicated", NULL},
    {TIER(SHARED), "shared", "shared", NULL},
    {TIER(PRIORITY), "priority", NULL, "priority"},
    {TIER(FLEX), "flex", NULL, "flex"},
    {TIER(SHARED_PRIORITY), "shared-priority", "shared", "priority"},
    {TIER(SHARED_FLEX), "shared-flex", "shared", "flex"},
};

#define COUNT (sizeof tiers / sizeof tiers[0])

static const struct tier *find(Vertexd__V1__RequestTier tier) {
  for (size_t i = 0; i < COUNT; i++) {
    if (tiers[i].tier == tier) return &tiers[i];
  }
  return NULL;
}

size_t vtx_tier_headers(Vertexd__V1__RequestTier tier,
                        struct cb_pair out[VTX_TIER_HEADERS]) {
  const struct tier *row = find(tier);
  size_t count = 0;

  if (row && row->type)
    out[count++] = (struct cb_pair){"X-Vertex-AI-LLM-Request-Type", row->type};
  if (row && row->shared)
    out[count++] =
        (struct cb_pair){"X-Vertex-AI-LLM-Shared-Request-Type", row->shared};
  return count;
}

bool vtx_tier_is_flex(Vertexd__V1__RequestTier tier) {
  return tier == TIER(FLEX) || tier == TIER(SHARED_FLEX);
}

const char *vtx_tier_name(Vertexd__V1__RequestTier tier) {
  const struct tier *row = find(tier);

  return row ? row->name : "";
}

void vtx_tier_mark(Vertexd__V1__RequestTier tier,
                   char target[VTX_TARGET_ROOM]) {
  const struct tier *row = find(tier);
  size_t size = strlen(target);

  if (!row || tier == TIER(STANDARD) || size == 0) return;
  snprintf(target + size, VTX_TARGET_ROOM - size, "#%s", row->name);
}

bool vtx_tier_find(const char *name, Vertexd__V1__RequestTier *ret_tier) {
  for (size_t i = 0; i < COUNT; i++) {
    if (strcmp(tiers[i].name, name) != 0) continue;
    *ret_tier = tiers[i].tier;
    return true;
  }
  return false;
}

struct cb_status vtx_tier_check(const Vertexd__V1__GenerateRequest *request,
                                const char *prefix, struct cb_arena *arena) {
  const char *field;

  if (!request || request->request_tier == TIER(UNSPECIFIED) ||
      find(request->request_tier))
    return cb_status_ok();
  field = vtx_field_path(arena, prefix, "request_tier");
  return cb_status_field(arena, field, "%s: there is no tier %d", field,
                         (int)request->request_tier);
}

Vertexd__V1__RequestTier vtx_tier_of(
    const Vertexd__V1__GenerateRequest *request,
    const Vertexd__V1__GenerateRequest *defaults,
    Vertexd__V1__RequestTier server) {
  if (request && request->request_tier != TIER(UNSPECIFIED))
    return request->request_tier;
  if (defaults && defaults->request_tier != TIER(UNSPECIFIED))
    return defaults->request_tier;
  return server != TIER(UNSPECIFIED) ? server : TIER(STANDARD);
}
