/* The header's part for one service. */
#include "base/buf.h"
#include "crpc/gen/method.h"
#include "crpc/gen/names.h"
#include "crpc/gen/unit.h"

/* Field numbers of descriptor.proto, of which source paths are made. */
enum { FILE_SERVICE = 6, SERVICE_METHOD = 2 };

static void write_handlers(struct gen_unit *unit, size_t index,
                           const char *name, struct cb_buf *out) {
  const gen_Service *service = unit->file->service[index];
  const int32_t path[] = {FILE_SERVICE, (int32_t)index};

  cb_buf_printf(out, "\n/* service %s */\n\n", name);
  gen_comment(unit, out, "", path, 2);
  cb_buf_printf(out, "struct %s {\n",
                gen_define(unit, gen_text(unit->arena, "%s_handlers", name)));
  for (size_t i = 0; i < service->n_method; i++) {
    struct gen_method m = gen_method(unit, service, service->method[i]);
    const int32_t method_path[] = {FILE_SERVICE, (int32_t)index, SERVICE_METHOD,
                                   (int32_t)i};

    gen_comment(unit, out, "  ", method_path, 4);
    if (m.client_streams)
      cb_buf_printf(out, "  void (*%s)(struct crpc_call *call, void *self);\n",
                    m.member);
    else
      cb_buf_printf(out,
                    "  void (*%s)(struct crpc_call *call,\n"
                    "      const %s *request, void *self);\n",
                    m.member, m.request);
  }
  if (service->n_method == 0) cb_buf_add_text(out, "  char none;\n");
  cb_buf_add_text(out, "};\n");
}

/* The tables, and the typed way to add the service to a server. */
static void write_service(struct gen_unit *unit, const gen_Service *service,
                          const char *name, struct cb_buf *out) {
  cb_buf_printf(out,
                "\nextern const struct crpc_service %s;\n"
                "extern const struct crpc_method %s[];\n\n",
                gen_define(unit, name),
                gen_define(unit, gen_text(unit->arena, "%s_methods", name)));
  for (size_t i = 0; i < service->n_method; i++) {
    struct gen_method m = gen_method(unit, service, service->method[i]);

    cb_buf_printf(out, "#define %s \\\n  (%s_methods[%zu])\n",
                  gen_define(unit, m.name), name, i);
  }
  cb_buf_printf(out,
                "\n/* Adds the service to server; handlers and self are"
                " borrowed for its life. */\n"
                "static inline bool %s(\n"
                "    struct crpc_server *server,\n"
                "    const struct %s_handlers *handlers, void *self) {\n"
                "  return crpc_server_add_service(\n"
                "      server, &%s, handlers, self);\n}\n",
                gen_define(unit, gen_text(unit->arena, "%s_add", name)), name,
                name);
}

/* What a handler does with its call. */
static void write_server_shims(struct gen_unit *unit,
                               const struct gen_method *m, struct cb_buf *out) {
  const char *verb = m->server_streams ? "send" : "reply";

  cb_buf_printf(out,
                "\nstatic inline enum crpc_send %s(\n"
                "    struct crpc_call *call, const %s *message) {\n"
                "  return crpc_call_%s(call, &message->base);\n}\n",
                gen_define(unit, gen_text(unit->arena, "%s_%s", m->name, verb)),
                m->response, verb);
  if (!m->client_streams) return;
  cb_buf_printf(
      out,
      "\n/* The message of a message event of this method's calls. */\n"
      "static inline const %s *%s(\n"
      "    const ProtobufCMessage *message) {\n"
      "  assert(message->descriptor == &%s_descriptor);\n"
      "  return (const %s *)message;\n}\n",
      m->request,
      gen_define(unit, gen_text(unit->arena, "%s_message", m->name)),
      m->request, m->request);
}

static void write_events(struct gen_unit *unit, const struct gen_method *m,
                         struct cb_buf *out) {
  cb_buf_printf(
      out,
      "\nstruct %s {\n"
      "  void (*message)(void *ctx, const %s *message);\n"
      "  void (*done)(void *ctx, const struct crpc_outcome *outcome);\n",
      gen_define(unit, gen_text(unit->arena, "%s_events", m->name)),
      m->response);
  if (m->client_streams)
    cb_buf_add_text(out,
                    "  void (*writable)(void *ctx); /* after CRPC_WAIT */\n");
  cb_buf_add_text(out, "};\n\n");
}

/* Starts a call: with the request, unless the client streams. */
static void write_start(struct gen_unit *unit, const struct gen_method *m,
                        struct cb_buf *out) {
  const char *start =
      gen_define(unit, gen_text(unit->arena, "%s_start", m->name));

  if (m->client_streams)
    cb_buf_printf(out,
                  "static inline struct cb_id %s(\n"
                  "    struct crpc_channel *channel,\n",
                  start);
  else
    cb_buf_printf(out,
                  "static inline struct cb_id %s(\n"
                  "    struct crpc_channel *channel, const %s *request,\n",
                  start, m->request);
  cb_buf_printf(
      out,
      "    const struct crpc_rpc_options *options,\n"
      "    const struct %s_events *events, void *ctx) {\n"
      "  const struct crpc_rpc_sink sink = {\n"
      "      .events = events, .done = events->done,%s .ctx = ctx};\n"
      "\n"
      "  return crpc_rpc_start(channel, &%s,\n"
      "      %s, options, &sink);\n}\n",
      m->name, m->client_streams ? "\n      .writable = events->writable," : "",
      m->name, m->client_streams ? "NULL" : "&request->base");
}

static void write_write(struct gen_unit *unit, const struct gen_method *m,
                        struct cb_buf *out) {
  cb_buf_printf(
      out,
      "\n/* Sends one message of the client's; see crpc_rpc_write(). */\n"
      "static inline enum crpc_send %s(\n"
      "    struct crpc_channel *channel, struct cb_id id,\n"
      "    const %s *message) {\n"
      "  return crpc_rpc_write(channel, id, &message->base);\n}\n",
      gen_define(unit, gen_text(unit->arena, "%s_write", m->name)), m->request);
}

/* What a client does with the method. */
static void write_client_shims(struct gen_unit *unit,
                               const struct gen_method *m, const int32_t *path,
                               struct cb_buf *out) {
  write_events(unit, m, out);
  gen_comment(unit, out, "", path, 4);
  write_start(unit, m, out);
  if (m->client_streams) write_write(unit, m, out);
}

void gen_service_header(struct gen_unit *unit, size_t index,
                        struct cb_buf *out) {
  const gen_Service *service = unit->file->service[index];
  const char *name = gen_text(unit->arena, "%s%s", unit->prefix, service->name);

  write_handlers(unit, index, name, out);
  write_service(unit, service, name, out);
  for (size_t i = 0; i < service->n_method; i++) {
    struct gen_method m = gen_method(unit, service, service->method[i]);
    const int32_t path[] = {FILE_SERVICE, (int32_t)index, SERVICE_METHOD,
                            (int32_t)i};

    cb_buf_printf(out, "\n/* rpc %s */\n", service->method[i]->name);
    write_server_shims(unit, &m, out);
    write_client_shims(unit, &m, path, out);
  }
}
