#include "service/vertex/join_place.h"

#include <stdint.h>
#include <string.h>

#include "service/vertex/codec_internal.h"

typedef Vertexd__V1__Part part_message;

void vtx_join_place_hop(struct vtx_join_place *place) {
  place->hop =
      (struct vtx_join_point){place->parts, 0, place->text, place->chunks};
  place->hop_begun = false;
}

/* Text and nothing but text, be it a thought's. */
static bool is_plain(const part_message *part) {
  const ProtobufCMessageDescriptor *type = part->base.descriptor;

  if (part->data_case != VERTEXD__V1__PART__DATA_TEXT) return false;
  for (unsigned i = 0; i < type->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &type->fields[i];

    if (strcmp(field->name, "text") != 0 &&
        strcmp(field->name, "thought") != 0 &&
        vtx_codec_has(&part->base, field)) {
      return false;
    }
  }
  return true;
}

static enum vtx_join_step step_of(const struct vtx_join_place *place,
                                  const part_message *part, bool first) {
  if (!is_plain(part)) return VTX_JOIN_PART;
  if (place->parts > 0 && *part->text == '\0') return VTX_JOIN_NOTHING;
  return first && place->open && place->open_is_thought == (part->thought != 0)
             ? VTX_JOIN_MORE
             : VTX_JOIN_PART;
}

enum vtx_join_step vtx_join_place_part(struct vtx_join_place *place,
                                       const part_message *part, bool first) {
  enum vtx_join_step step = step_of(place, part, first);
  bool text = part->data_case == VERTEXD__V1__PART__DATA_TEXT;
  size_t size = text ? strlen(part->text) : 0;

  if (step == VTX_JOIN_NOTHING) return step;
  if (step == VTX_JOIN_MORE) {
    if (!place->hop_begun) {
      place->hop.part = place->parts - 1;
      place->hop.offset = place->open_bytes;
    }
    place->open_bytes += size;
  } else {
    place->parts++;
    place->open = is_plain(part);
    place->open_is_thought = part->thought != 0;
    place->open_bytes = size;
  }
  place->hop_begun = true;
  if (!part->thought) place->text += size;
  return step;
}

static int32_t move(int32_t at, size_t by) {
  int64_t moved = by > INT32_MAX ? INT32_MAX : (int64_t)at + (int64_t)by;

  return moved > INT32_MAX ? INT32_MAX : (int32_t)moved;
}

void vtx_join_place_supports(const struct vtx_join_place *place,
                             Vertexd__V1__GroundingSupport *const *supports,
                             size_t count) {
  for (size_t i = 0; i < count; i++) {
    Vertexd__V1__Segment *segment = supports[i]->segment;

    for (size_t j = 0; j < supports[i]->n_grounding_chunk_indices; j++) {
      supports[i]->grounding_chunk_indices[j] =
          move(supports[i]->grounding_chunk_indices[j], place->hop.chunks);
    }
    if (!segment) continue;
    if (segment->part_index == 0) {
      segment->start_index = move(segment->start_index, place->hop.offset);
      segment->end_index = move(segment->end_index, place->hop.offset);
    }
    segment->part_index = move(segment->part_index, place->hop.part);
  }
}

void vtx_join_place_citations(const struct vtx_join_place *place,
                              Vertexd__V1__Citation *const *citations,
                              size_t count) {
  for (size_t i = 0; i < count; i++) {
    citations[i]->start_index =
        move(citations[i]->start_index, place->hop.text);
    citations[i]->end_index = move(citations[i]->end_index, place->hop.text);
  }
}
