#include "service/batch/input.h"

#include "base/arena.h"
#include "crpc/loop.h"
#include "service/batch/flow.h"
#include "service/service_state.h"
#include "service/vertex/engine.h"
#include "service/vertex/model_call.h"

static void arrived(struct cb_mail *mail) {
  struct vtx_input *input = CB_CONTAINER(mail, struct vtx_input, mail);

  vtx_flow_take_input(input->flow, input);
}

void vtx_flow_input(struct vtx_input *input) {
  const struct vtx_service *service = input->flow->service;

  input->size = cb_arena_size(input->arena);
  input->mail.deliver = arrived;
  vtx_engine_post(service->options.upstream->engine, &input->mail);
}

struct vtx_input *vtx_input_next(const struct vtx_flow *flow) {
  if (cb_list_empty(&flow->inputs)) return NULL;
  return CB_CONTAINER(flow->inputs.next, struct vtx_input, link);
}

struct vtx_input *vtx_input_after(const struct vtx_input *input) {
  struct cb_link *next = input->link.next;

  if (next == &input->flow->inputs) return NULL;
  return CB_CONTAINER(next, struct vtx_input, link);
}

void vtx_input_taken(struct vtx_input *input) {
  struct vtx_flow *flow = input->flow;

  cb_list_remove(&input->link);
  input->mail.deliver = flow->input_taken;
  crpc_loop_post(flow->service->options.loop, &input->mail);
}

void vtx_input_refuse(struct vtx_input *input, const struct cb_status *status) {
  struct vtx_flow *flow = input->flow;

  if (flow->closed) {
    cb_list_remove(&input->link); /* no more is wanted: no word of room */
  } else {
    vtx_input_taken(input);
  }
  input->refused = (struct vtx_result){
      .mail.deliver = flow->take_result,
      .service = flow->service,
      .sink = flow->id,
      .arena = input->arena,
      .index = input->index,
      .last = true,
      .status = *status,
      .id = vtx_source_id(&input->source, 0),
  };
  vtx_flow_post(flow, &input->refused);
}
