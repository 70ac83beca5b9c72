/* join_place.h - where in a joined answer the next piece of a candidate lands.
 *
 * An answer comes in messages (the chunks of a stream) and hops (requests that
 * go on where the one before ended). Joined, a text that only goes on is one
 * part with the text before it; everything else is a part of its own. What the
 * upstream says about places in the answer (citations, grounding) counts from
 * the beginning of its hop; this keeps the count, and moves it.
 *
 * Threads: none inside. Allocates nothing.
 */
#ifndef VTX_VERTEX_JOIN_PLACE_H
#define VTX_VERTEX_JOIN_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "vertexd/v1/vertexd.pb-c.h"

/* One point of a candidate. */
struct vtx_join_point {
  size_t part;   /* parts before it, but for one that goes on here */
  size_t offset; /* bytes of the one that goes on */
  size_t text;   /* bytes of text in all, thoughts left out */
  size_t chunks; /* grounding chunks */
};

/* Zeroed: nothing has come. */
struct vtx_join_place {
  struct vtx_join_point hop; /* where the hop at hand began */
  size_t parts;
  size_t open_bytes; /* of the last part, if text may be added to it */
  size_t text;
  size_t chunks;
  bool open;
  bool open_is_thought;
  bool hop_begun; /* a part of it has come */
};

/* What comes from here on belongs to the next hop. */
void vtx_join_place_hop(struct vtx_join_place *place);

/* What a part is in the joined answer. */
enum vtx_join_step {
  VTX_JOIN_PART,    /* one of its own */
  VTX_JOIN_MORE,    /* text that goes on in the last part: of the same kind, and
                       without anything else, so without a thought signature,
                       which stays on its part as it is */
  VTX_JOIN_NOTHING, /* an empty text behind others */
};

/* part comes next; first: of its message. */
enum vtx_join_step vtx_join_place_part(struct vtx_join_place *place,
                                       const Vertexd__V1__Part *part,
                                       bool first);

/* Moves the places that supports and citations name, from the hop's own count
 * to that of the whole answer, in place. */
void vtx_join_place_supports(const struct vtx_join_place *place,
                             Vertexd__V1__GroundingSupport *const *supports,
                             size_t count);
void vtx_join_place_citations(const struct vtx_join_place *place,
                              Vertexd__V1__Citation *const *citations,
                              size_t count);

#endif
