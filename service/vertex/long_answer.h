/* long_answer.h - what a request says about answers that are longer than one
 * call of the upstream may have.
 *
 * Threads: safe from any; reads the messages only.
 */
#ifndef VTX_VERTEX_LONG_ANSWER_H
#define VTX_VERTEX_LONG_ANSWER_H

#include <stdbool.h>

#include "vertexd/v1/vertexd.pb-c.h"

/* Output tokens that the upstream's unary call may be asked for; more is a 400
 * there. Its streaming call may have twice as much in one hop. */
#define VTX_UNARY_TOKENS 32768

/* Whether an answer in one message comes over the streaming call: as
 * stream_upstream says, else if the upstream would refuse a unary call for its
 * maxOutputTokens (those of extra_body over generation_config). The request
 * goes over the defaults; either may be NULL. */
bool vtx_wants_stream(const Vertexd__V1__GenerateRequest *request,
                      const Vertexd__V1__GenerateRequest *defaults);

/* Whether an answer that the upstream cuts with CONTINUATION is gone on with:
 * continue_answer, true unless it is set to false. */
bool vtx_wants_continuation(const Vertexd__V1__GenerateRequest *request,
                            const Vertexd__V1__GenerateRequest *defaults);

#endif
