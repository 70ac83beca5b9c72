/* cases.h - gRPC's interop test cases that need no account anywhere.
 *
 * Each runs its calls to their end and notes in suite what was not as it should
 * be.
 */
#ifndef TESTS_INTEROP_CASES_H
#define TESTS_INTEROP_CASES_H

#include "probe.h"

/* unary_cases.c */
void case_empty_unary(struct suite *suite);
void case_large_unary(struct suite *suite);
void case_custom_metadata(struct suite *suite);
void case_status_code_and_message(struct suite *suite);
void case_special_status_message(struct suite *suite);
void case_unimplemented_method(struct suite *suite);
void case_unimplemented_service(struct suite *suite);

/* stream_cases.c */
void case_client_streaming(struct suite *suite);
void case_server_streaming(struct suite *suite);
void case_ping_pong(struct suite *suite);
void case_empty_stream(struct suite *suite);
void case_cancel_after_begin(struct suite *suite);
void case_cancel_after_first_response(struct suite *suite);
void case_timeout_on_sleeping_server(struct suite *suite);

/* stream_cases.c, for cases of both kinds: writes request to a duplex call,
 * waiting for room. */
void duplex_write(struct probe *probe,
                  const grpc_testing_StreamingOutputCallRequest *request);

#endif
