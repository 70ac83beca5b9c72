/* reflection_answer.h - answers one question of server reflection.
 */
#ifndef CRPC_REFLECTION_ANSWER_H
#define CRPC_REFLECTION_ANSWER_H

#include "crpc/call.h"
#include "crpc/descriptor_pool.h"
#include "grpc/reflection/v1/reflection.crpc.h"

struct crpc_server;

struct crpc_reflection {
  struct crpc_server *server;
  struct crpc_pool pool;
};

/* Sends the answer to question on call. What cannot be answered is answered
 * with an error_response: the stream lives on. */
enum crpc_send crpc_reflection_answer(
    const struct crpc_reflection *reflection, struct crpc_call *call,
    const grpc_reflection_ServerReflectionRequest *question);

#endif
