/* tier.h - which of Vertex AI's capacity is to serve a request.
 *
 * Two headers say it: X-Vertex-AI-LLM-Request-Type (dedicated: provisioned
 * throughput only; shared: none of it) and X-Vertex-AI-LLM-Shared-Request-Type
 * (priority or flex: the tier of what is paid as it is used).
 *
 * Threads: safe from any; keeps nothing.
 */
#ifndef VTX_VERTEX_TIER_H
#define VTX_VERTEX_TIER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"
#include "service/vertex/endpoint.h"
#include "vertexd/v1/vertexd.pb-c.h"

struct cb_arena;

/* Flex is slow: the upstream gives it this long at most, and so does a call
 * that brings no deadline. */
#define VTX_FLEX_TIMEOUT (1800 * CB_SECOND)

#define VTX_TIER_HEADERS 2

/* The headers of tier; returns how many. Their texts are constants. */
size_t vtx_tier_headers(Vertexd__V1__RequestTier tier,
                        struct cb_pair out[VTX_TIER_HEADERS]);

/* True where the flex tier may serve. */
bool vtx_tier_is_flex(Vertexd__V1__RequestTier tier);

/* "standard", "shared-flex", ...; "" if it has no name. */
const char *vtx_tier_name(Vertexd__V1__RequestTier tier);

/* Puts tier behind the name of a target (service/vertex/endpoint.h): what is
 * asked for at another tier has a quota of its own. The standard one, and a
 * target without a name, stay as they are. */
void vtx_tier_mark(Vertexd__V1__RequestTier tier, char target[VTX_TARGET_ROOM]);

/* The tier of such a name. False if there is none. */
bool vtx_tier_find(const char *name, Vertexd__V1__RequestTier *ret_tier);

/* INVALID_ARGUMENT with field request_tier under prefix for a number without a
 * name. request may be NULL. */
struct cb_status vtx_tier_check(const Vertexd__V1__GenerateRequest *request,
                                const char *prefix, struct cb_arena *arena);

/* The tier of request, or else of defaults, or else the server's. Either
 * message may be NULL. Never UNSPECIFIED. */
Vertexd__V1__RequestTier vtx_tier_of(
    const Vertexd__V1__GenerateRequest *request,
    const Vertexd__V1__GenerateRequest *defaults,
    Vertexd__V1__RequestTier server);

#endif
