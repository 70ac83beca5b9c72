/* metadata.h - the metadata server of Google's machines.
 *
 * It is asked over plain http, never through a proxy. GCE_METADATA_HOST or
 * GCE_METADATA_ROOT name another one, GCE_METADATA_IP where to knock.
 *
 * Threads:   vtx_metadata_probe() blocks: before any loop runs.
 * Ownership: texts of a probe are malloced, the caller's.
 */
#ifndef VTX_VERTEX_CREDENTIALS_METADATA_H
#define VTX_VERTEX_CREDENTIALS_METADATA_H

#include <stdbool.h>

struct vtx_token_place;

struct vtx_metadata_facts {
  char *project;  /* NULL: it did not say */
  char *universe; /* NULL: googleapis.com */
};

/* True if there is a metadata server: one that answers with the header
 * Metadata-Flavor: Google within GCE_METADATA_TIMEOUT seconds (3), in
 * GCE_METADATA_DETECT_RETRIES tries (3); or the machine's name is Google's.
 * NO_GCE_CHECK=true says that there is none. */
bool vtx_metadata_detect(const struct vtx_token_place *place);

/* Asks it for project and universe, for as long as it takes to fail. */
void vtx_metadata_probe(const struct vtx_token_place *place,
                        struct vtx_metadata_facts *ret_facts);

#endif
