/* The source's part for one service. */
#include "base/buf.h"
#include "crpc/gen/method.h"
#include "crpc/gen/names.h"
#include "crpc/gen/unit.h"

static const char *kind(const struct gen_method *m) {
  if (m->client_streams)
    return m->server_streams ? "CRPC_BIDI" : "CRPC_CLIENT_STREAMING";
  return m->server_streams ? "CRPC_SERVER_STREAMING" : "CRPC_UNARY";
}

/* Handlers and events have types of their own; these two functions have the
 * type that the runtime calls, and call on with the right one. */
static void write_dispatch(const struct gen_method *m, struct cb_buf *out) {
  cb_buf_printf(out,
                "\nstatic bool %s_dispatch(\n"
                "    const void *handlers, struct crpc_call *call,\n"
                "    const ProtobufCMessage *message, void *self) {\n"
                "  const struct %s_handlers *table = handlers;\n\n"
                "  if (!table->%s) return false;\n",
                m->name, m->service, m->member);
  if (m->client_streams)
    cb_buf_printf(out,
                  "  (void)message;\n"
                  "  table->%s(call, self);\n",
                  m->member);
  else
    cb_buf_printf(out, "  table->%s(call, (const %s *)message, self);\n",
                  m->member, m->request);
  cb_buf_add_text(out, "  return true;\n}\n");
}

static void write_deliver(const struct gen_method *m, struct cb_buf *out) {
  cb_buf_printf(out,
                "\nstatic void %s_deliver(\n"
                "    const void *events, const ProtobufCMessage *message,\n"
                "    void *ctx) {\n"
                "  const struct %s_events *typed = events;\n\n"
                "  if (typed->message)\n"
                "    typed->message(ctx, (const %s *)message);\n"
                "}\n",
                m->name, m->name, m->response);
}

static void write_row(const struct gen_method *m, const char *service_path,
                      const char *method_name, struct cb_buf *out) {
  cb_buf_printf(out,
                "  {\n"
                "    .path = \"/%s/%s\",\n"
                "    .name = \"%s\",\n"
                "    .kind = %s,\n"
                "    .request = &%s_descriptor,\n"
                "    .response = &%s_descriptor,\n"
                "    .dispatch = %s_dispatch,\n"
                "    .deliver = %s_deliver,\n"
                "  },\n",
                service_path, method_name, method_name, kind(m), m->request,
                m->response, m->name, m->name);
}

void gen_service_source(struct gen_unit *unit, size_t index,
                        struct cb_buf *out) {
  const gen_Service *service = unit->file->service[index];
  const char *package = unit->file->package ? unit->file->package : "";
  const char *path = gen_text(unit->arena, "%s%s%s", package,
                              *package ? "." : "", service->name);
  const char *name = gen_text(unit->arena, "%s%s", unit->prefix, service->name);

  for (size_t i = 0; i < service->n_method; i++) {
    struct gen_method m = gen_method(unit, service, service->method[i]);

    write_dispatch(&m, out);
    write_deliver(&m, out);
  }
  cb_buf_printf(out, "\nconst struct crpc_method %s_methods[] = {\n", name);
  for (size_t i = 0; i < service->n_method; i++) {
    struct gen_method m = gen_method(unit, service, service->method[i]);

    write_row(&m, path, service->method[i]->name, out);
  }
  if (service->n_method == 0) cb_buf_add_text(out, "  {0}, /* none */\n");
  cb_buf_printf(out,
                "};\n\n"
                "const struct crpc_service %s = {\n"
                "  .name = \"%s\",\n"
                "  .methods = %s_methods,\n"
                "  .method_count = %zu,\n"
                "};\n",
                name, path, name, service->n_method);
}
