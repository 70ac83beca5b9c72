#include "service/config_endpoint.h"

#include <string.h>

#include "service/config.h"

struct vtx_endpoint vtx_config_endpoint(const struct vtx_config *config,
                                        const char *project,
                                        const char *universe) {
  return (struct vtx_endpoint){
      .base_url = config->base_url,
      .project = project,
      .location = config->location,
      .universe = universe,
      .projects = config->allowed_projects.items,
      .project_count = config->allowed_projects.count,
      .mtls = config->mtls,
      .beta = strcmp(config->api_version, "v1beta1") == 0,
  };
}
