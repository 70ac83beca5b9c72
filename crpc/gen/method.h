/* method.h - the names that one method's code is made of. */
#ifndef CRPC_GEN_METHOD_H
#define CRPC_GEN_METHOD_H

#include <stdbool.h>

#include "crpc/gen/unit.h"

struct gen_method {
  const char *service; /* "vertexd_GenerationService" */
  const char *name;    /* "vertexd_GenerationService_Generate" */
  const char *member;  /* "Generate", in the handler table */
  const char *request; /* "vertexd_GenerateRequest" */
  const char *response;
  bool client_streams;
  bool server_streams;
};

struct gen_method gen_method(struct gen_unit *unit, const gen_Service *service,
                             const gen_Method *method);

#endif
