#include "crpc/gen/method.h"

#include "crpc/gen/names.h"

struct gen_method gen_method(struct gen_unit *unit, const gen_Service *service,
                             const gen_Method *method) {
  struct gen_method m = {
      .service = gen_text(unit->arena, "%s%s", unit->prefix, service->name),
      .member = method->name,
      .request = gen_short_type(unit, method->input_type),
      .response = gen_short_type(unit, method->output_type),
      .client_streams =
          method->has_client_streaming && method->client_streaming,
      .server_streams =
          method->has_server_streaming && method->server_streaming,
  };

  m.name = gen_text(unit->arena, "%s_%s", m.service, method->name);
  return m;
}
