/* tier.h - the kind of traffic a request asks for in its headers.
 *
 * Threads: safe from any. Ownership: names live for ever.
 */
#ifndef VTX_EMULATOR_TIER_H
#define VTX_EMULATOR_TIER_H

/* The trafficType that serves a request with these headers, NULL for one that
 * was not sent: X-Vertex-AI-LLM-Request-Type (dedicated, shared) and
 * X-Vertex-AI-LLM-Shared-Request-Type (priority, flex). NULL if a value is none
 * of these. */
const char *vtx_emu_tier_of(const char *request_type, const char *shared_type);

#endif
