/* config_endpoint.h - the upstream that the settings name.
 *
 * Threads:   safe from any.
 * Ownership: the endpoint borrows the texts of config, project and universe.
 */
#ifndef VTX_CONFIG_ENDPOINT_H
#define VTX_CONFIG_ENDPOINT_H

#include "service/vertex/endpoint.h"

struct vtx_config;

/* The endpoint of config with that project and universe (a credential may have
 * brought them; NULL as in struct vtx_endpoint). */
struct vtx_endpoint vtx_config_endpoint(const struct vtx_config *config,
                                        const char *project,
                                        const char *universe);

#endif
