/* unary.h - one prompt in, one message out: the sink of Generate and
 * CountTokens. Internal to the handlers.
 */
#ifndef VTX_HANDLERS_UNARY_H
#define VTX_HANDLERS_UNARY_H

struct crpc_call;
struct vtx_flow;
struct vtx_service;

/* Submits flow; the call is replied to with the message of its one result, or
 * failed with its status. */
void vtx_unary_submit(struct vtx_service *service, struct crpc_call *call,
                      struct vtx_flow *flow);

#endif
